//! A colour picture with unrounded levels, and the few things that are done to all of its pixels.

use imagejob_vision::geometry::Point;
use turbojpeg::{Image, PixelFormat, Subsamp};

/// Red, green, blue; 0 to 255, beyond it while light is still being added.
pub type Rgb = [f32; 3];

/// A picture, row by row.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// All rows, one after the other.
    pub pixels: Vec<Rgb>,
}

impl Picture {
    /// Each pixel from the place of its centre.
    pub fn from_fn(width: usize, height: usize, mut level: impl FnMut(Point) -> Rgb) -> Self {
        let center = |i: usize| Point { x: (i % width) as f64 + 0.5, y: (i / width) as f64 + 0.5 };
        Self { width, height, pixels: (0..width * height).map(|i| level(center(i))).collect() }
    }

    /// From a JPEG; grey ones too.
    ///
    /// # Panics
    /// If it is none: the photographs of tests are known to be.
    pub fn of_jpeg(jpeg: &[u8]) -> Self {
        let image = turbojpeg::decompress(jpeg, PixelFormat::RGB).expect("a photograph of the tests is a JPEG");
        let pixels = image.pixels.as_chunks::<3>().0.iter().map(|pixel| pixel.map(f32::from)).collect();
        Self { width: image.width, height: image.height, pixels }
    }

    /// As JPEG with colours at half the resolution, as cameras write it.
    ///
    /// # Panics
    /// If the encoder fails.
    pub fn to_jpeg(&self, quality: i32) -> Vec<u8> {
        let pixels: Vec<u8> = self.pixels.iter().flatten().map(|level| level.round().clamp(0.0, 255.0) as u8).collect();
        let image = Image {
            pixels: pixels.as_slice(),
            width: self.width,
            pitch: self.width * 3,
            height: self.height,
            format: PixelFormat::RGB,
        };
        turbojpeg::compress(image, quality, Subsamp::Sub2x2).expect("the encoder takes any pixels").to_vec()
    }

    /// Interpolated between four pixels; beyond the border its nearest pixel.
    pub fn at(&self, Point { x, y }: Point) -> Rgb {
        let x = (x as f32 - 0.5).clamp(0.0, self.width as f32 - 1.001);
        let y = (y as f32 - 0.5).clamp(0.0, self.height as f32 - 1.001);
        let (right, down) = (x.fract(), y.fract());
        let start = y as usize * self.width + x as usize;
        let next = (start + self.width).min(self.pixels.len() - 2);
        let upper = mix(self.pixels[start], self.pixels[start + 1], right);
        mix(upper, mix(self.pixels[next], self.pixels[next + 1], right), down)
    }

    /// Smaller by whole pixels averaged: what a lens does to details that are too fine for the sensor.
    #[must_use]
    pub fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        Self::from_fn(width, height, |Point { x, y }| {
            let start = (y as usize) * 2 * self.width + (x as usize) * 2;
            let four = [start, start + 1, start + self.width, start + self.width + 1].map(|i| self.pixels[i]);
            std::array::from_fn(|c| four.iter().map(|pixel| pixel[c]).sum::<f32>() / 4.0)
        })
    }

    /// Blurred by a Gaussian.
    #[must_use]
    pub fn blurred(&self, sigma: f32) -> Self {
        if sigma < 0.2 {
            return self.clone();
        }
        let reach = (2.5 * sigma).ceil() as isize;
        let weigh = |i: isize| (-((i * i) as f32) / (2.0 * sigma * sigma)).exp();
        let taps: Vec<(isize, isize, f32)> = (-reach..=reach).map(|i| (i, 0, weigh(i))).collect();
        let across = self.smeared(&taps);
        across.smeared(&taps.iter().map(|&(i, _, weight)| (0, i, weight)).collect::<Vec<_>>())
    }

    /// The weighted mean of pixels at offsets (columns, rows, weight).
    #[must_use]
    pub fn smeared(&self, taps: &[(isize, isize, f32)]) -> Self {
        let total: f32 = taps.iter().map(|(_, _, weight)| weight).sum();
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for y in 0..self.height {
            let mut row = vec![[0.0; 3]; self.width];
            for &(dx, dy, weight) in taps {
                let from = y.saturating_add_signed(dy).min(self.height - 1) * self.width;
                for (x, sum) in row.iter_mut().enumerate() {
                    let pixel = &self.pixels[from + x.saturating_add_signed(dx).min(self.width - 1)];
                    for (sum, level) in sum.iter_mut().zip(pixel) {
                        *sum += weight / total * level;
                    }
                }
            }
            pixels.append(&mut row);
        }
        Self { pixels, ..*self }
    }
}

/// `share` of the second.
pub(crate) fn mix(a: Rgb, b: Rgb, share: f32) -> Rgb {
    std::array::from_fn(|c| a[c] + (b[c] - a[c]) * share)
}
