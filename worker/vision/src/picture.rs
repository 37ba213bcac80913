//! A colour picture: what is made of a photo to be shown to people.

mod encode;
mod profile;
mod size;

use fast_image_resize as fir;
use fir::images::{TypedImage, TypedImageRef};
use fir::pixels::{InnerPixel, U8x3, U8x4};
use image::metadata::Orientation;

pub use encode::{EncodeError, Encoding, encode};
pub(crate) use size::scaled_to_show;
pub use size::{Fit, Size};

use crate::orientation;

/// Bytes of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// The same and how opaque it is; colours are not multiplied by it.
    Rgba,
}

impl Channels {
    /// Bytes of a pixel.
    pub const fn count(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// Colours, row by row; at least one pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    channels: Channels,
    pixels: Vec<u8>,
}

impl Picture {
    /// `None` unless there is a pixel and `pixels` holds `width` x `height` of them.
    pub fn new(width: u32, height: u32, channels: Channels, pixels: Vec<u8>) -> Option<Self> {
        let wanted = (u64::from(width) * u64::from(height)).saturating_mul(channels.count() as u64);
        (wanted > 0 && pixels.len() as u64 == wanted).then_some(Self { width, height, channels, pixels })
    }

    /// Pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Pixels.
    pub fn size(&self) -> Size {
        Size { width: self.width, height: self.height }
    }

    /// What a pixel is made of.
    pub fn channels(&self) -> Channels {
        self.channels
    }

    /// All rows, one after the other.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The bytes of a pixel, if there is one.
    pub(crate) fn pixel_mut(&mut self, x: i32, y: i32) -> Option<&mut [u8]> {
        let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        if x >= self.width || y >= self.height {
            return None;
        }
        let count = self.channels.count();
        let start = (y as usize * self.width as usize + x as usize) * count;
        self.pixels.get_mut(start..start + count)
    }

    /// As it is to be looked at.
    pub(crate) fn upright(self, held: Orientation) -> Self {
        let Self { width, height, channels, pixels } = self;
        let (width, height, pixels) = match channels {
            Channels::Rgb => orientation::upright::<3>(width, height, pixels, held),
            Channels::Rgba => orientation::upright::<4>(width, height, pixels, held),
        };
        Self { width, height, channels, pixels }
    }

    /// The same picture in `size`, cut as that says.
    #[must_use]
    pub fn resized(self, size: Size) -> Self {
        if (size.width, size.height) == (self.width, self.height) {
            return self;
        }
        let mut pixels = vec![0; size.width as usize * size.height as usize * self.channels.count()];
        match self.channels {
            Channels::Rgb => self.resize_into::<U8x3>(size, &mut pixels),
            Channels::Rgba => self.resize_into::<U8x4>(size, &mut pixels),
        }
        Self { width: size.width, height: size.height, channels: self.channels, pixels }
    }

    fn resize_into<P: InnerPixel + fir::PixelTrait>(&self, size: Size, pixels: &mut [u8]) {
        let as_pixels = "bytes of whole pixels, both sizes from a Picture";
        let source = TypedImageRef::<P>::from_buffer(self.width, self.height, &self.pixels).expect(as_pixels);
        let mut target = TypedImage::<P>::from_buffer(size.width, size.height, pixels).expect(as_pixels);
        // Proportions that differ by more than rounding are cut, not stretched.
        let options = fir::ResizeOptions::new()
            .resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Lanczos3))
            .fit_into_destination(Some((0.5, 0.5)));
        fir::Resizer::new().resize_typed(&source, &mut target, &options).expect(as_pixels);
    }

    /// Opaque: what is transparent shows white.
    #[must_use]
    pub fn on_white(self) -> Self {
        match self.channels {
            Channels::Rgb => self,
            Channels::Rgba => {
                let blend = |[red, green, blue, alpha]: [u8; 4]| [red, green, blue].map(|c| over(255, c, alpha));
                let pixels = self.pixels.as_chunks::<4>().0.iter().flat_map(|&pixel| blend(pixel)).collect();
                Self { channels: Channels::Rgb, pixels, ..self }
            }
        }
    }
}

/// `colour` at an opacity of `alpha` / 255 over `ground`.
pub(crate) fn over(ground: u8, colour: u8, alpha: u8) -> u8 {
    let alpha = u32::from(alpha);
    ((u32::from(colour) * alpha + u32::from(ground) * (255 - alpha) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plain(width: u32, height: u32, pixel: &[u8]) -> Picture {
        let channels = if pixel.len() == 4 { Channels::Rgba } else { Channels::Rgb };
        Picture::new(width, height, channels, pixel.repeat((width * height) as usize)).unwrap()
    }

    #[test]
    fn a_picture_always_holds_its_pixels() {
        assert!(Picture::new(2, 2, Channels::Rgb, vec![0; 12]).is_some());
        for (width, height, channels, bytes) in [
            (2, 2, Channels::Rgb, 11),
            (2, 2, Channels::Rgba, 12),
            (0, 2, Channels::Rgb, 0),
            (u32::MAX, u32::MAX, Channels::Rgba, 1),
        ] {
            assert_eq!(Picture::new(width, height, channels, vec![0; bytes]), None);
        }
    }

    #[test]
    fn shrinking_keeps_colour_and_cuts_what_stands_out() {
        let size = Size { width: 10, height: 10 };
        assert_eq!(plain(40, 20, &[200, 100, 50]).resized(size), plain(10, 10, &[200, 100, 50]));
        // Eight bits of a colour times its opacity of one half: a step is two levels.
        let glass = plain(40, 20, &[200, 100, 50, 128]).resized(size);
        let near = |pixel: &[u8; 4]| pixel.iter().zip([200, 100, 50, 128]).all(|(a, b)| a.abs_diff(b) <= 1);
        assert!(glass.size() == size && glass.pixels().as_chunks::<4>().0.iter().all(near));
        // Red stripes at both ends of a picture that is twice as wide as high.
        let mut wide = plain(400, 200, &[255; 3]);
        for (i, pixel) in wide.pixels.chunks_mut(3).enumerate() {
            if !(90..310).contains(&(i % 400)) {
                pixel.copy_from_slice(&[255, 0, 0]);
            }
        }
        assert_eq!(wide.resized(Size { width: 50, height: 50 }), plain(50, 50, &[255; 3]));
    }

    #[test]
    fn colours_of_transparent_pixels_do_not_bleed() {
        // Black, fully transparent, beside opaque white.
        let row = [[0, 0, 0, 0], [255, 255, 255, 255]].concat().repeat(32);
        let small = Picture::new(8, 8, Channels::Rgba, row).unwrap().resized(Size { width: 4, height: 4 });
        for [red, green, blue, alpha] in small.pixels().as_chunks::<4>().0 {
            assert!(*alpha > 0 && [red, green, blue].iter().all(|c| **c >= 254), "{small:?}");
        }
    }

    #[test]
    fn transparent_becomes_white() {
        assert_eq!(plain(1, 1, &[10, 20, 30, 0]).on_white(), plain(1, 1, &[255, 255, 255]));
        assert_eq!(plain(1, 1, &[10, 20, 30, 255]).on_white(), plain(1, 1, &[10, 20, 30]));
        assert_eq!(plain(1, 1, &[0, 0, 0, 51]).on_white(), plain(1, 1, &[204, 204, 204]));
    }
}
