//! Pages of homework: printed questions with lines and boxes for answers, filled in by pen or pencil,
//! rubbed out, folded.

use imagejob_vision::geometry::Point;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::lettering::{Glyph, distance_to};
use crate::picture::{Picture, mix};

/// A4 at 4.8 pixels a millimetre.
const WIDTH: usize = 1_000;
const HEIGHT: usize = 1_414;

/// A rectangle in pixels of the page: left, top, width, height.
pub type Place = [u32; 4];

/// What is printed.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    lines: Vec<Line>,
    answers: Vec<(Place, Frame)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Line {
    left: f64,
    top: f64,
    size: f64,
    glyphs: Vec<u32>,
}

/// What marks the place of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Frame {
    Underline,
    Box,
}

/// What somebody did in the place of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nothing.
    Empty,
    /// Wrote with a pen.
    Pen,
    /// Wrote with a pencil, perhaps a faint one.
    Pencil,
    /// Wrote with a pencil and rubbed it out.
    Erased,
}

impl Page {
    /// One of 2^64 pages.
    pub fn design(seed: u64) -> Self {
        let rng = &mut StdRng::seed_from_u64(seed);
        let text = |rng: &mut StdRng, left: f64, top: f64, size: f64, count: usize| Line {
            left,
            top,
            size,
            glyphs: (0..count).map(|_| rng.random()).collect(),
        };
        let mut lines =
            vec![text(rng, 300.0, 60.0, 44.0, 9), text(rng, 80.0, 130.0, 22.0, rng.clone().random_range(24..36))];
        let mut answers = Vec::new();
        let mut y = 190.0;
        while y < HEIGHT as f64 - 200.0 {
            let count = rng.random_range(8..16);
            lines.push(text(rng, 70.0, y + 14.0, 24.0, count));
            let end = 70.0 + 24.0 * count as f64 + 20.0;
            if rng.random_bool(0.6) {
                let width = rng.random_range(180.0..(940.0 - end).clamp(200.0, 420.0));
                answers.push(([end as u32, y as u32, width as u32, 42], Frame::Underline));
                y += rng.random_range(62.0..84.0);
            } else {
                let (width, height) = (rng.random_range(420.0..840.0), rng.random_range(60.0..130.0));
                answers.push(([90, y as u32 + 50, width as u32, height as u32], Frame::Box));
                y += 50.0 + height + rng.random_range(24.0..44.0);
            }
        }
        Self { lines, answers }
    }

    /// Where answers belong.
    pub fn places(&self) -> Vec<Place> {
        self.answers.iter().map(|(place, _)| *place).collect()
    }

    /// As it comes from the printer.
    pub fn blank(&self) -> Picture {
        let mut page = Picture::from_fn(WIDTH, HEIGHT, |_| [250.0; 3]);
        for Line { left, top, size, glyphs } in &self.lines {
            for (i, &seed) in glyphs.iter().enumerate() {
                print(&mut page, &Glyph::of(seed), left + i as f64 * size, *top, *size);
            }
        }
        for ([x, y, width, height], frame) in &self.answers {
            let [left, top] = [f64::from(*x), f64::from(*y)];
            let [right, bottom] = [left + f64::from(*width), top + f64::from(*height)];
            let corners = [(left, top), (right, top), (right, bottom), (left, bottom)].map(|(x, y)| Point { x, y });
            let sides: &[usize] = if *frame == Frame::Box { &[0, 1, 2, 3] } else { &[2] };
            for &side in sides {
                stroke(&mut page, [corners[side], corners[(side + 1) % 4]], 0.9, [40.0; 3], 1.0);
            }
        }
        page
    }

    /// The blank page with an answer in each place.
    pub fn filled(&self, answers: &[Answer], rng: &mut StdRng) -> Picture {
        let mut page = self.blank();
        for ((place, _), answer) in self.answers.iter().zip(answers) {
            let (colour, opacity, half_width) = match answer {
                Answer::Empty => continue,
                Answer::Pen => {
                    let blue = rng.random_range(30.0..130.0);
                    (
                        [rng.random_range(10.0..50.0), 30.0, blue],
                        rng.random_range(0.75..1.0),
                        rng.random_range(1.0..1.7),
                    )
                }
                Answer::Pencil => ([70.0; 3], rng.random_range(0.35..0.75), rng.random_range(0.9..1.5)),
                Answer::Erased => ([70.0; 3], rng.random_range(0.03..0.07), rng.random_range(1.0..1.6)),
            };
            write(&mut page, *place, rng, |page, ends| stroke(page, ends, half_width, colour, opacity));
            if *answer == Answer::Erased {
                smudge(&mut page, *place, rng);
            }
        }
        page
    }
}

/// Folded once across: a crease, and one half in other light.
pub fn fold(page: &mut Picture, rng: &mut StdRng) {
    let at = rng.random_range(0.4..0.6) * page.height as f64;
    let (shade, crease) = (rng.random_range(0.86..0.98), rng.random_range(0.86..0.96));
    for (i, pixel) in page.pixels.iter_mut().enumerate() {
        let below = (i / page.width) as f64 - at;
        let light = if below > 0.0 { shade } else { 1.0 };
        let line = if below.abs() < 1.5 { crease } else { 1.0 };
        *pixel = pixel.map(|level| level * light * line);
    }
}

fn print(page: &mut Picture, glyph: &Glyph, left: f64, top: f64, size: f64) {
    for y in top as usize..(top + size) as usize {
        for x in left as usize..((left + size) as usize).min(page.width) {
            let place = Point { x: (x as f64 + 0.5 - left) / size, y: (y as f64 + 0.5 - top) / size };
            let pixel = &mut page.pixels[y * page.width + x];
            *pixel = mix(*pixel, [30.0; 3], glyph.ink(place, 1.0 / size));
        }
    }
}

/// One to six characters of shaky strokes somewhere in the place.
fn write(page: &mut Picture, place: Place, rng: &mut StdRng, draw: impl Fn(&mut Picture, [Point; 2])) {
    let [left, top, width, height] = place.map(f64::from);
    let size = (height * rng.random_range(0.55..0.8)).min(44.0);
    let most = ((width - 10.0) / size).floor().max(1.0) as usize;
    let count = rng.random_range(1..=most.min(6));
    let mut x = left + 5.0 + rng.random_range(0.0..(width - 10.0 - count as f64 * size).max(1.0));
    let y = top + rng.random_range(0.1..0.9) * (height - size - 4.0).max(1.0);
    for _ in 0..count {
        let mut pen = Point { x: x + size * rng.random_range(0.1..0.5), y: y + size * rng.random_range(0.1..0.5) };
        for _ in 0..rng.random_range(3..6) {
            let to = Point { x: x + size * rng.random_range(0.05..0.9), y: y + size * rng.random_range(0.05..0.95) };
            // A bent line: by way of a point beside the straight one.
            let bend = Point {
                x: pen.x.midpoint(to.x) + rng.random_range(-5.0..5.0),
                y: pen.y.midpoint(to.y) + rng.random_range(-5.0..5.0),
            };
            draw(page, [pen, bend]);
            draw(page, [bend, to]);
            pen = to;
        }
        x += size * rng.random_range(0.9..1.05);
    }
}

fn stroke(page: &mut Picture, ends: [Point; 2], half_width: f64, colour: crate::Rgb, opacity: f32) {
    let (low, high) = (half_width + 1.0, half_width + 2.0);
    let range =
        |a: f64, b: f64, end: usize| ((a.min(b) - low).max(0.0) as usize, ((a.max(b) + high) as usize).min(end));
    let (left, right) = range(ends[0].x, ends[1].x, page.width);
    let (top, bottom) = range(ends[0].y, ends[1].y, page.height);
    for y in top..bottom {
        for x in left..right {
            let away = distance_to(ends, Point { x: x as f64 + 0.5, y: y as f64 + 0.5 });
            let ink = (half_width - away + 0.5).clamp(0.0, 1.0) as f32;
            let pixel = &mut page.pixels[y * page.width + x];
            // Where strokes cross, the darker one shows, not their sum.
            let wet = mix(*pixel, mix([250.0; 3], colour, opacity), ink);
            *pixel = std::array::from_fn(|c| pixel[c].min(wet[c]));
        }
    }
}

/// Grey that an eraser spreads.
fn smudge(page: &mut Picture, [left, top, width, height]: Place, rng: &mut StdRng) {
    let center = Point {
        x: f64::from(left) + f64::from(width) * rng.random_range(0.3..0.7),
        y: f64::from(top) + f64::from(height) / 2.0,
    };
    let (wide, tall) = (f64::from(width) * 0.3, f64::from(height) * 0.4);
    let dark = rng.random_range(0.02..0.06);
    for y in top as usize..(top + height) as usize {
        for x in left as usize..(left + width) as usize {
            let away = ((x as f64 - center.x) / wide).powi(2) + ((y as f64 - center.y) / tall).powi(2);
            let pixel = &mut page.pixels[y * page.width + x];
            *pixel = pixel.map(|level| level * (1.0 - dark * (-away).exp() as f32));
        }
    }
}
