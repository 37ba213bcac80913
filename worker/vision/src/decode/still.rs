//! PNG and WebP through the `image` crate, at full size.

use std::io::Cursor;

use image::error::ImageError as Cause;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{Stored, affordable};
use crate::header::{Caps, Format, Header, webp_keeps_its_word, webp_length};
use crate::picture::{Channels, Picture, Size};
use crate::{ImageError, luma};

pub(super) fn luma(bytes: &[u8], header: &Header, caps: &Caps) -> Result<Stored, ImageError> {
    let (image, held) = decode(bytes, header, caps)?;
    let (width, height) = (image.width(), image.height());
    Ok(Stored { width, height, pixels: brightness(image), held })
}

/// Red, green, blue.
pub(super) fn colour(bytes: &[u8], header: &Header, caps: &Caps) -> Result<Stored, ImageError> {
    let (image, held) = decode(bytes, header, caps)?;
    let (width, height) = (image.width(), image.height());
    Ok(Stored { width, height, pixels: image.into_rgb8().into_raw(), held })
}

/// A picture as it is stored, and what is said of it.
pub(super) struct Decoded {
    pub(super) picture: Picture,
    pub(super) held: Orientation,
    /// An ICC profile.
    pub(super) profile: Option<Vec<u8>>,
}

/// Eight bits a channel, with alpha where there is some.
pub(super) fn picture(bytes: &[u8], header: &Header, caps: &Caps) -> Result<Decoded, ImageError> {
    affordable(header, Size { width: header.width, height: header.height }, caps)?;
    let mut decoder = decoder(bytes, header, caps)?;
    // Metadata that cannot be read say nothing about the pixels.
    let profile = decoder.icc_profile().ok().flatten();
    let (image, held) = pixels(decoder, bytes)?;
    let (width, height) = (image.width(), image.height());
    let (channels, pixels) = if image.color().has_alpha() {
        (Channels::Rgba, image.into_rgba8().into_raw())
    } else {
        (Channels::Rgb, image.into_rgb8().into_raw())
    };
    let picture = Picture::new(width, height, channels, pixels).ok_or_else(|| ImageError::corrupt("no pixels"))?;
    Ok(Decoded { picture, held, profile })
}

/// Alpha is ignored: what a transparent pixel hides is judged as if it were shown.
fn decode(bytes: &[u8], header: &Header, caps: &Caps) -> Result<(DynamicImage, Orientation), ImageError> {
    pixels(decoder(bytes, header, caps)?, bytes)
}

fn decoder<'a>(bytes: &'a [u8], header: &Header, caps: &Caps) -> Result<impl ImageDecoder + 'a, ImageError> {
    let format = if header.format == Format::WebP {
        webp_keeps_its_word(bytes, header)?;
        ImageFormat::WebP
    } else {
        ImageFormat::Png
    };
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(caps.max_decoder_bytes);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|cause| judge(&cause, bytes))?;
    let (width, height) = decoder.dimensions();
    if decoder.total_bytes() > caps.max_decoder_bytes {
        // Only when the header lies about its own chunks: the caps were checked before.
        return Err(ImageError::corrupt(format!("{width} x {height} pixels, not what its header says")));
    }
    Ok(decoder)
}

fn pixels(mut decoder: impl ImageDecoder, bytes: &[u8]) -> Result<(DynamicImage, Orientation), ImageError> {
    // Metadata that cannot be read say nothing about the pixels.
    let held = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(|cause| judge(&cause, bytes))?;
    Ok((image, held))
}

/// The `image` crate would weigh colours by BT.709, and the same photo as JPEG come out otherwise.
fn brightness(image: DynamicImage) -> Vec<u8> {
    if image.color().has_color() {
        let rgb = image.into_rgb8();
        rgb.as_raw().as_chunks::<3>().0.iter().map(|&colour| luma::of_rgb(colour)).collect()
    } else {
        image.into_luma8().into_raw()
    }
}

/// Decoders of lossy data take what they have for damaged; a WebP says itself how long it should be.
fn judge(cause: &Cause, bytes: &[u8]) -> ImageError {
    if matches!(cause, Cause::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof) {
        return ImageError::truncated("it stops in the middle of its data");
    }
    match webp_length(bytes) {
        Some(length) if length > bytes.len() as u64 => {
            ImageError::truncated(format!("it stops at byte {} of {length}", bytes.len()))
        }
        _ => ImageError::corrupt(cause.to_string()),
    }
}
