//! A colour image: red, green and blue, a byte each per pixel.

use fast_image_resize as fir;
use fir::images::{TypedImage, TypedImageRef};
use fir::pixels::U8x3;

use crate::{Luma, luma};

/// Red, green, blue, row by row; at least one pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colour {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

/// How a picture of one shape is brought into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Whole, each axis scaled by itself.
    Stretch,
    /// The largest part of the wanted shape around the middle.
    Crop,
}

impl Colour {
    /// `None` unless there is a pixel and `pixels` holds three bytes for each.
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        let wanted = u64::from(width) * u64::from(height) * 3;
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

    /// All pixels, row by row.
    pub fn pixels(&self) -> &[[u8; 3]] {
        self.pixels.as_chunks::<3>().0
    }

    /// Its brightness.
    pub(crate) fn luma(&self) -> Option<Luma> {
        Luma::new(self.width, self.height, self.pixels().iter().map(|&pixel| luma::of_rgb(pixel)).collect())
    }

    /// The picture at another size, each side at least 1. Where it gets smaller each new pixel is a weighted mean
    /// of all that it stands for.
    #[must_use]
    pub fn fitted(&self, width: u32, height: u32, fit: Fit) -> Self {
        let mut pixels = vec![0; width as usize * height as usize * 3];
        let as_pixels = "three bytes per pixel, both sizes at least 1";
        let source = TypedImageRef::<U8x3>::from_buffer(self.width, self.height, &self.pixels).expect(as_pixels);
        let mut target = TypedImage::<U8x3>::from_buffer(width, height, &mut pixels).expect(as_pixels);
        let options = fir::ResizeOptions::new().resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Bilinear));
        let options = match fit {
            Fit::Stretch => options,
            Fit::Crop => options.fit_into_destination(Some((0.5, 0.5))),
        };
        fir::Resizer::new().resize_typed(&source, &mut target, &options).expect(as_pixels);
        Self { width, height, pixels }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Red on the left, blue in the middle half, red on the right.
    fn bands() -> Colour {
        let pixel = |i: u32| if (20..60).contains(&(i % 80)) { [0, 0, 200] } else { [200, 0, 0] };
        Colour::new(80, 40, (0..80 * 40).flat_map(pixel).collect()).unwrap()
    }

    #[test]
    fn a_stretched_picture_is_whole_and_a_cropped_one_its_middle() {
        let stretched = bands().fitted(20, 20, Fit::Stretch);
        assert_eq!((stretched.pixels()[0], stretched.pixels()[10]), ([200, 0, 0], [0, 0, 200]));
        let cropped = bands().fitted(20, 20, Fit::Crop);
        assert_eq!((cropped.width(), cropped.height()), (20, 20));
        // Pixels at the edge also stand for some of what is just outside.
        let inner = |row: &[[u8; 3]]| row[1..19].iter().all(|pixel| *pixel == [0, 0, 200]);
        assert!(cropped.pixels().chunks(20).all(inner), "the middle is all blue");
    }

    #[test]
    fn brightness_is_that_of_the_grey_picture() {
        // 77 x 200 / 256 = 60, 29 x 200 / 256 = 22.
        let luma = bands().luma().unwrap();
        assert_eq!((luma.row(0)[0], luma.row(0)[40]), (60, 22));
    }

    #[test]
    fn a_picture_always_holds_its_pixels() {
        assert_eq!(Colour::new(2, 2, vec![0; 11]), None);
        assert_eq!(Colour::new(0, 2, Vec::new()), None);
    }
}
