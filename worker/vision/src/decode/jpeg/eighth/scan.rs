//! The scan, MCU by MCU (T.81, A.2 and F.2.2), and its rows of pixels.

use std::io::BufRead;
use std::rc::Rc;

use super::bits::{Bits, Window};
use super::colours;
use super::head::{Component, Frame};
use super::huffman::{Codes, Symbols};
use super::quarters::{Block, Weights};

const RESTART: u8 = 0xD0;
const END_OF_IMAGE: u8 = 0xD9;

/// What is made of a component's blocks.
enum Wanted {
    Nothing,
    /// A pixel each.
    Mean,
    /// Two by two pixels each.
    Quarters(Box<Weights>),
}

/// A component, and its pixels in a row of MCUs.
struct Plane {
    wanted: Wanted,
    /// Blocks of an MCU, across and down.
    blocks: (usize, usize),
    codes: Rc<Codes>,
    /// Step of the first coefficient.
    step: i32,
    /// The first coefficient of the block before, in steps.
    last: i32,
    /// `width` pixels in each of its rows.
    pixels: Vec<u8>,
    width: usize,
}

pub(super) fn pixels(frame: &Frame<'_>, mut bits: Bits<impl BufRead>, colour: bool) -> Option<Vec<u8>> {
    let (width, height) = (usize::from(frame.width).div_ceil(8), usize::from(frame.height).div_ceil(8));
    let (across, down) = frame.components.first()?.blocks;
    let (across, down) = (usize::from(across), usize::from(down));
    let (columns, rows) = (width.div_ceil(across), height.div_ceil(down));
    let wanted = |index| (index == 0 || colour).then_some((across, down));
    let parts = frame.components.iter().zip(codes(&frame.components)?).enumerate();
    let planes = parts.map(|(index, (component, codes))| Plane::new(component, codes, wanted(index), columns));
    let mut planes: Vec<Plane> = planes.collect();
    let mut pixels = Vec::with_capacity(width * height * if colour { 3 } else { 1 });
    let interval = frame.restart_interval.map_or(usize::MAX, usize::from);
    let (mut until_restart, mut restarts) = (interval, 0_u8);
    for row in 0..rows {
        for column in 0..columns {
            if until_restart == 0 {
                (bits.close()? == RESTART + restarts % 8).then_some(())?;
                restarts = restarts.wrapping_add(1);
                until_restart = interval;
                for plane in &mut planes {
                    plane.last = 0;
                }
            }
            until_restart -= 1;
            let mut window = bits.window()?;
            for plane in &mut planes {
                plane.mcu(&mut window, column)?;
            }
            let place = window.place();
            bits.advance(place)?;
        }
        for y in 0..down.min(height - row * down) {
            write_row(&mut pixels, &planes, (across, down), y, width, colour);
        }
    }
    (bits.close()? == END_OF_IMAGE).then_some(pixels)
}

/// The codes of each component, made once for those that have the same: their tables have 6,144 entries.
fn codes(components: &[Component<'_>]) -> Option<Vec<Rc<Codes>>> {
    let mut made: Vec<Rc<Codes>> = Vec::with_capacity(components.len());
    for Component { first, others, .. } in components {
        let same =
            components[..made.len()].iter().position(|before| (before.first, before.others) == (*first, *others));
        made.push(match same {
            Some(index) => Rc::clone(&made[index]),
            None => Rc::new(Codes::new(*first, *others)?),
        });
    }
    Some(made)
}

impl Plane {
    /// `per_mcu`: pixels of an MCU, or none that are wanted.
    fn new(component: &Component<'_>, codes: Rc<Codes>, per_mcu: Option<(usize, usize)>, columns: usize) -> Self {
        let blocks = (usize::from(component.blocks.0), usize::from(component.blocks.1));
        let wanted = match per_mcu {
            None => Wanted::Nothing,
            Some((2, 2)) if blocks == (1, 1) => Wanted::Quarters(Box::new(Weights::new(&component.steps))),
            Some(_) => Wanted::Mean,
        };
        let (width, height) = match wanted {
            Wanted::Nothing => (0, 0),
            Wanted::Mean => (columns * blocks.0, blocks.1),
            Wanted::Quarters(_) => (columns * 2, 2),
        };
        let step = component.steps[0];
        Self { wanted, blocks, codes, step, last: 0, pixels: vec![0; width * height], width }
    }

    /// Reads this component's blocks of an MCU.
    #[inline]
    fn mcu(&mut self, window: &mut Window<'_>, column: usize) -> Option<()> {
        let (across, down) = self.blocks;
        match &self.wanted {
            Wanted::Nothing => {
                for _ in 0..across * down {
                    window.block(&self.codes)?;
                }
            }
            Wanted::Mean => {
                for y in 0..down {
                    for x in 0..across {
                        self.last += window.block(&self.codes)?;
                        self.pixels[y * self.width + column * across + x] = mean(self.last * self.step)?;
                    }
                }
            }
            Wanted::Quarters(weights) => {
                let bits = window.symbol(&self.codes.first)?;
                self.last += window.value(u32::from(bits));
                let [a, b, c, d] = quarters(self.last, self.step, weights, window, &self.codes.others)?;
                let at = 2 * column;
                self.pixels[at..][..2].copy_from_slice(&[a, b]);
                self.pixels[self.width + at..][..2].copy_from_slice(&[c, d]);
            }
        }
        Some(())
    }
}

/// Reads the coefficients of a block but the first, which is given (T.81, F.2.2.2).
#[inline]
fn quarters(first: i32, step: i32, weights: &Weights, window: &mut Window<'_>, codes: &Symbols) -> Option<[u8; 4]> {
    let mut symbol = window.symbol(codes)?;
    if symbol == 0 {
        return Some([mean(first * step)?; 4]); // as every second block of a photo
    }
    let mut block = Block::default();
    block.add(weights, 0, first)?;
    let mut index = 1;
    loop {
        match (usize::from(symbol >> 4), u32::from(symbol & 15)) {
            (0, 0) => break,
            (15, 0) => index += 16,
            (_, 0) => return None, // no code of a sequential scan
            (zeros, bits) => {
                index += zeros;
                block.add(weights, index, window.value(bits))?;
                index += 1;
            }
        }
        if index >= 64 {
            break;
        }
        symbol = window.symbol(codes)?;
    }
    (index <= 64).then(|| block.quarters())
}

/// A pixel of eight times its value less 128, rounded as libjpeg does. `None` if that is further from 0 to 255 than
/// any picture is: libjpeg begins again at 0 there.
#[inline]
fn mean(coefficient: i32) -> Option<u8> {
    let light = (coefficient + 4) >> 3;
    (-512..512).contains(&light).then(|| (light + 128).clamp(0, 255) as u8)
}

/// One row of pixels, of as many as the picture is wide. Chroma with fewer pixels than brightness repeats its own.
fn write_row(out: &mut Vec<u8>, planes: &[Plane], per_mcu: (usize, usize), y: usize, width: usize, colour: bool) {
    let brightness = &planes[0].pixels[y * planes[0].width..][..width];
    match planes {
        [_, blue, red] if colour => {
            // Both have the same blocks.
            let quarters = matches!(blue.wanted, Wanted::Quarters(_));
            let (across, down) = if quarters { (1, 1) } else { per_mcu };
            let row = |plane: &Plane| y / down * plane.width;
            let (blue, red) = (&blue.pixels[row(blue)..], &red.pixels[row(red)..]);
            let light = |(x, &y): (usize, &u8)| colours::rgb(y, blue[x / across], red[x / across]);
            let begin = out.len();
            out.resize(begin + 3 * width, 0);
            for (pixel, seen) in out[begin..].as_chunks_mut().0.iter_mut().zip(brightness.iter().enumerate()) {
                *pixel = light(seen);
            }
        }
        _ if colour => out.extend(brightness.iter().flat_map(|&light| [light; 3])),
        _ => out.extend(brightness),
    }
}
