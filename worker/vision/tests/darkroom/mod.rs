//! Takes a photograph of a photograph: framing, focus, movement, light, noise, JPEG.

use imagejob_vision::Luma;
use rand::Rng;
use turbojpeg::{Image, PixelFormat, Subsamp};

/// What photographer and camera do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shot {
    /// Share of the picture's width and height that is seen.
    pub(crate) framed: f32,
    /// Radians.
    pub(crate) tilt: f32,
    /// Result pixels per pixel.
    pub(crate) scale: f32,
    /// Standard deviation of the blur, as a share of the longer side; from 2 pixels if there is any.
    pub(crate) defocus: f32,
    /// Length as a share of the longer side, from 8 pixels if there is any, and angle in radians.
    pub(crate) movement: (f32, f32),
    /// Factor on grey levels.
    pub(crate) gain: f32,
    /// Standard deviation, grey levels.
    pub(crate) noise: f32,
    /// 1-100.
    pub(crate) jpeg_quality: i32,
}

/// What is wrong with a shot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Spoilt {
    No,
    Focus,
    Motion,
    Darkness,
    Glare,
}

/// Any framing, any noise that a phone adds, exposure within a stop and JPEG quality from 45.
pub(crate) fn shot(spoilt: Spoilt, rng: &mut impl Rng) -> Shot {
    let good = Shot {
        framed: rng.random_range(0.7..1.0),
        tilt: rng.random_range(-0.15..0.15),
        scale: rng.random_range(0.8..1.2),
        defocus: 0.0,
        movement: (0.0, 0.0),
        gain: rng.random_range(0.7..1.3),
        noise: rng.random_range(0.0..4.0),
        jpeg_quality: rng.random_range(45..=95),
    };
    match spoilt {
        Spoilt::No => good,
        Spoilt::Focus => Shot { defocus: rng.random_range(0.005..0.012), ..good },
        Spoilt::Motion => {
            let angle = rng.random_range(0.0..std::f32::consts::PI);
            Shot { movement: (rng.random_range(0.02..0.05), angle), ..good }
        }
        Spoilt::Darkness => Shot { gain: rng.random_range(0.06..0.15), ..good },
        Spoilt::Glare => Shot { gain: rng.random_range(8.0..12.0), ..good },
    }
}

/// Grey levels, unrounded.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    width: usize,
    height: usize,
    levels: Vec<f32>,
}

impl Picture {
    pub(crate) fn of(luma: &Luma) -> Self {
        let levels = luma.pixels().iter().map(|&pixel| f32::from(pixel)).collect();
        Self { width: luma.width() as usize, height: luma.height() as usize, levels }
    }

    /// A JPEG file.
    pub(crate) fn take(&self, shot: &Shot, rng: &mut impl Rng) -> Vec<u8> {
        let seen = self.seen(shot, rng);
        let longer = seen.width.max(seen.height) as f32;
        let focused = if shot.defocus > 0.0 { seen.blurred((shot.defocus * longer).max(2.0)) } else { seen };
        let (length, angle) = shot.movement;
        let held = if length > 0.0 { focused.moved((length * longer).max(8.0), angle) } else { focused };
        held.developed(shot, rng)
    }

    fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x.clamp(0.0, self.width as f32 - 1.001), y.clamp(0.0, self.height as f32 - 1.001));
        let (left, top) = (x as usize, y as usize);
        let (right, down) = (x.fract(), y.fract());
        let row = |y: usize| {
            let start = y * self.width + left;
            self.levels[start] * (1.0 - right) + self.levels[start + 1] * right
        };
        row(top) * (1.0 - down) + row(top + 1) * down
    }

    fn from_levels(width: usize, height: usize, level: impl Fn(f32, f32) -> f32) -> Self {
        let levels = (0..width * height).map(|i| level((i % width) as f32, (i / width) as f32)).collect();
        Self { width, height, levels }
    }

    fn seen(&self, shot: &Shot, rng: &mut impl Rng) -> Self {
        // A shrunk picture is smoothed first, as a lens and a resizer do, or it would alias.
        let source = if shot.scale < 0.95 { self.blurred(0.4 / shot.scale) } else { self.clone() };
        let (width, height) = (self.width as f32, self.height as f32);
        let slack = (1.0 - shot.framed) / 2.0;
        let center_x = width * (0.5 + rng.random_range(-slack..=slack));
        let center_y = height * (0.5 + rng.random_range(-slack..=slack));
        let (sin, cos) = shot.tilt.sin_cos();
        let out = |length: f32| (length * shot.framed * shot.scale) as usize;
        let (out_width, out_height) = (out(width), out(height));
        Self::from_levels(out_width, out_height, |x, y| {
            let (u, v) = ((x - out_width as f32 / 2.0) / shot.scale, (y - out_height as f32 / 2.0) / shot.scale);
            source.at(center_x + u * cos - v * sin, center_y + u * sin + v * cos)
        })
    }

    fn blurred(&self, sigma: f32) -> Self {
        let reach = (3.0 * sigma).ceil() as isize;
        let weigh = |i: isize| (-((i * i) as f32) / (2.0 * sigma * sigma)).exp();
        let weights: Vec<(isize, f32)> = (-reach..=reach).map(|i| (i, weigh(i))).collect();
        self.smoothed(&weights, (1, 0)).smoothed(&weights, (0, 1))
    }

    /// Weighted mean of each pixel and its neighbours along `step`.
    fn smoothed(&self, weights: &[(isize, f32)], step: (isize, isize)) -> Self {
        let total: f32 = weights.iter().map(|(_, weight)| weight).sum();
        let level = |x: usize, y: usize| {
            let near = |at: usize, by: isize, length: usize| at.saturating_add_signed(by).min(length - 1);
            let neighbour = |i: isize| near(y, i * step.1, self.height) * self.width + near(x, i * step.0, self.width);
            weights.iter().map(|&(i, weight)| self.levels[neighbour(i)] * weight).sum::<f32>() / total
        };
        let levels = (0..self.levels.len()).map(|i| level(i % self.width, i / self.width)).collect();
        Self { levels, ..*self }
    }

    fn moved(&self, length: f32, angle: f32) -> Self {
        let samples = length.ceil() as usize;
        let (dy, dx) = angle.sin_cos();
        Self::from_levels(self.width, self.height, |x, y| {
            let along = |i| ((i as f32 + 0.5) / samples as f32 - 0.5) * length;
            let sum: f32 = (0..samples).map(|i| self.at(x + dx * along(i), y + dy * along(i))).sum();
            sum / samples as f32
        })
    }

    fn developed(&self, shot: &Shot, rng: &mut impl Rng) -> Vec<u8> {
        let mut draws = splitmix(rng.random());
        let pixels: Vec<u8> = self
            .levels
            .iter()
            .map(|level| {
                // The sum of four uniform numbers is near enough to normal; each has a variance of 1/12.
                let draw = draws();
                let sum: f32 = [0, 16, 32, 48].map(|bits| f32::from((draw >> bits) as u16) / 65_536.0).iter().sum();
                let noise = (sum - 2.0) * 3.0_f32.sqrt();
                (level * shot.gain + noise * shot.noise).clamp(0.0, 255.0) as u8
            })
            .collect();
        let image = Image {
            pixels: pixels.as_slice(),
            width: self.width,
            pitch: self.width,
            height: self.height,
            format: PixelFormat::GRAY,
        };
        turbojpeg::compress(image, shot.jpeg_quality, Subsamp::Gray).unwrap().to_vec()
    }
}

/// Steele's splitmix64: a million draws of `rand` without optimisation would take most of the test.
fn splitmix(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
