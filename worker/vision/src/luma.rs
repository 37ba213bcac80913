//! A grey image: one byte of brightness per pixel.

use fast_image_resize as fir;
use fir::images::{TypedImage, TypedImageRef};
use fir::pixels::U8;

/// Brightness, 0 (black) to 255 (white), row by row; at least one pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Luma {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Luma {
    /// `None` unless there is a pixel and `pixels` holds `width` x `height` of them.
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        let wanted = u64::from(width) * u64::from(height);
        (wanted > 0 && pixels.len() as u64 == wanted).then_some(Self { width, height, pixels })
    }

    /// Pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// All rows, one after the other.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// One row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, y: u32) -> &[u8] {
        let width = self.width as usize;
        &self.pixels[y as usize * width..][..width]
    }

    /// The same picture with its longer side at most `side` pixels; never enlarged. Each new pixel
    /// is the mean of those it covers, so that noise shrinks with the picture.
    #[must_use]
    pub fn shrunk_to(&self, side: u32) -> Self {
        let longer = self.width.max(self.height);
        if longer <= side {
            return self.clone();
        }
        let scaled = |length: u32| ((u64::from(length) * u64::from(side)) / u64::from(longer)).max(1) as u32;
        let (width, height) = (scaled(self.width), scaled(self.height));
        self.resized(width, height, fir::FilterType::Box)
    }

    /// The same picture at another size, each side at least 1.
    pub(crate) fn resized(&self, width: u32, height: u32, filter: fir::FilterType) -> Self {
        let mut pixels = vec![0; width as usize * height as usize];
        // Typed, so that only the code for grey pixels is compiled.
        let as_pixels = "one byte per pixel, both sizes from a Luma";
        let source = TypedImageRef::<U8>::from_buffer(self.width, self.height, &self.pixels).expect(as_pixels);
        let mut target = TypedImage::<U8>::from_buffer(width, height, &mut pixels).expect(as_pixels);
        let options = fir::ResizeOptions::new().resize_alg(fir::ResizeAlg::Convolution(filter));
        fir::Resizer::new().resize_typed(&source, &mut target, &options).expect(as_pixels);
        Self { width, height, pixels }
    }
}

/// Weights of ITU-R BT.601, as JPEG has them, in 1/256: 77 + 150 + 29 = 256.
pub(crate) fn of_rgb([red, green, blue]: [u8; 3]) -> u8 {
    ((77 * u32::from(red) + 150 * u32::from(green) + 29 * u32::from(blue)) >> 8) as u8
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_luma_always_holds_its_pixels() {
        assert!(Luma::new(2, 2, vec![0; 4]).is_some());
        for (width, height, bytes) in [(2, 2, 3), (2, 2, 5), (0, 0, 0), (0, 5, 0), (u32::MAX, u32::MAX, 1)] {
            assert_eq!(Luma::new(width, height, vec![0; bytes]), None, "{width} x {height} of {bytes}");
        }
    }

    #[test]
    fn shrinking_keeps_the_shape_and_the_mean() {
        let stripes = (0..400 * 200).map(|i| if i % 2 == 0 { 40 } else { 60 }).collect();
        let small = Luma::new(400, 200, stripes).unwrap().shrunk_to(100);
        assert_eq!((small.width(), small.height()), (100, 50));
        assert!(small.pixels().iter().all(|&p| p.abs_diff(50) <= 1));
    }

    #[test]
    fn a_line_shrinks_to_a_line_and_nothing_grows() {
        let line = Luma::new(5_000, 1, vec![7; 5_000]).unwrap().shrunk_to(10);
        assert_eq!((line.width(), line.height()), (10, 1));
        assert_eq!(line.shrunk_to(100), line);
    }
}
