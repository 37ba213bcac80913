//! A picture as a file. The same picture gives the same bytes.

use std::io::Cursor;

use image::ImageEncoder as _;
use image::codecs::png::PngEncoder;
use thiserror::Error;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use super::{Channels, Picture};
use crate::Format;

/// A file's format, and how much it may lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// Its format.
    pub format: Format,
    /// 1 (small) to 100 (faithful); PNG loses nothing.
    pub quality: u8,
}

/// Why a picture does not become a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The format has no room for so many pixels a side.
    #[error("{width} x {height} pixels are more than {} can hold, which is {limit} a side; make it smaller", format.as_str())]
    TooWide {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The format.
        format: Format,
        /// Its limit.
        limit: u32,
    },
    /// The encoder gave up.
    #[error("the picture could not be written as {}: {detail}", format.as_str())]
    Failed {
        /// The format.
        format: Format,
        /// What the encoder said.
        detail: String,
    },
}

/// The file. JPEG has no transparency: there it becomes white.
///
/// # Errors
/// `TooWide`, and `Failed` where memory ends.
pub fn encode(picture: Picture, encoding: Encoding) -> Result<Vec<u8>, EncodeError> {
    let Encoding { format, quality } = encoding;
    let limit = longest_side(format);
    if picture.width.max(picture.height) > limit {
        return Err(EncodeError::TooWide { width: picture.width, height: picture.height, format, limit });
    }
    let bytes = match format {
        Format::Jpeg => jpeg(&picture.on_white(), quality),
        Format::Png => png(&picture),
        Format::WebP => webp(&picture, quality),
    };
    bytes.map_err(|detail| EncodeError::Failed { format, detail })
}

/// 16 bits in JPEG, less what libjpeg keeps for itself; 14 in WebP; PNG has 31, more than the caps let pass.
const fn longest_side(format: Format) -> u32 {
    match format {
        Format::Jpeg => 65_500,
        Format::Png => i32::MAX as u32,
        Format::WebP => 16_383,
    }
}

/// Baseline, colours at half the resolution, as cameras and browsers have it.
fn jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>, String> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let image = Image { pixels: picture.pixels.as_slice(), width, pitch: width * 3, height, format: PixelFormat::RGB };
    let compress = || {
        let mut compressor = Compressor::new()?;
        compressor.set_quality(i32::from(quality))?;
        compressor.set_subsamp(Subsamp::Sub2x2)?;
        compressor.compress_to_vec(image)
    };
    compress().map_err(|error| error.to_string())
}

fn png(picture: &Picture) -> Result<Vec<u8>, String> {
    let colours = match picture.channels {
        Channels::Rgb => image::ExtendedColorType::Rgb8,
        Channels::Rgba => image::ExtendedColorType::Rgba8,
    };
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new(Cursor::new(&mut bytes));
    let written = encoder.write_image(&picture.pixels, picture.width, picture.height, colours);
    written.map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn webp(picture: &Picture, quality: u8) -> Result<Vec<u8>, String> {
    let Picture { width, height, pixels, .. } = picture;
    let encoder = match picture.channels {
        Channels::Rgb => webp::Encoder::from_rgb(pixels, *width, *height),
        Channels::Rgba => webp::Encoder::from_rgba(pixels, *width, *height),
    };
    let bytes = encoder.encode_simple(false, f32::from(quality)).map_err(|error| format!("{error:?}"))?;
    Ok(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Caps;
    use crate::decode;
    use crate::picture::{Fit, Size};

    const FORMATS: [Format; 3] = [Format::Jpeg, Format::Png, Format::WebP];

    /// Soft colours, half of it transparent.
    fn gradient(channels: Channels) -> Picture {
        let pixel = |i: u32| {
            let (x, y) = (i % 64, i / 64);
            [(x * 4) as u8, (y * 4) as u8, 128, if x < 32 { 0 } else { 255 }]
        };
        let pixels = (0..64 * 64).flat_map(|i| pixel(i).into_iter().take(channels.count())).collect();
        Picture::new(64, 64, channels, pixels).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again_and_the_same_each_time() {
        for format in FORMATS {
            for channels in [Channels::Rgb, Channels::Rgba] {
                let picture = gradient(channels);
                let bytes = encode(picture.clone(), Encoding { format, quality: 90 }).unwrap();
                assert_eq!(bytes, encode(picture.clone(), Encoding { format, quality: 90 }).unwrap());
                let (header, read) = decode::picture(&bytes, &Caps::default(), |size| size).unwrap();
                assert_eq!((header.format, header.width, header.height), (format, 64, 64));
                let seen = if format == Format::Jpeg { picture.on_white() } else { picture };
                assert_eq!(read.channels(), seen.channels(), "{format:?}");
                // Away from the edge where transparency begins.
                let at = |picture: &Picture, x: usize| {
                    let count = picture.channels().count();
                    picture.pixels()[(32 * 64 + x) * count..][..count].to_vec()
                };
                for x in [4, 60] {
                    let (read, seen) = (at(&read, x), at(&seen, x));
                    // Colours that nobody sees may be anything.
                    let hidden = seen.get(3) == Some(&0);
                    let near = read.iter().zip(&seen).all(|(a, b)| a.abs_diff(*b) <= 8);
                    assert!(near || hidden && read[3] == 0, "{format:?} {channels:?}: {read:?} for {seen:?}");
                }
            }
        }
    }

    #[test]
    fn quality_costs_bytes_and_a_side_may_be_too_long() {
        for format in [Format::Jpeg, Format::WebP] {
            let bytes = |quality| encode(gradient(Channels::Rgb), Encoding { format, quality }).unwrap().len();
            assert!(bytes(30) < bytes(98), "{format:?}");
        }
        let line = Picture::new(16_384, 1, Channels::Rgb, vec![0; 3 * 16_384]).unwrap();
        let refused = encode(line.clone(), Encoding { format: Format::WebP, quality: 85 }).unwrap_err();
        let sentence = "16384 x 1 pixels are more than WebP can hold, which is 16383 a side; make it smaller";
        assert_eq!(refused.to_string(), sentence);
        let size = Size { width: 16_384, height: 1 }.within(Some(16_383), None, Fit::Contain);
        assert!(encode(line.resized(size), Encoding { format: Format::WebP, quality: 85 }).is_ok());
    }
}
