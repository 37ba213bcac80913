//! JPEG at reduced scale: an eighth of most photos by a decoder of our own, all else through libjpeg-turbo, which
//! scales in the inverse transform.

mod eighth;

use std::borrow::Cow;
use std::io::{BufReader, Read};

use turbojpeg::{Colorspace, DecompressHeader, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp, YuvImage};

use super::{Stored, Wanted, affordable};
use crate::header::{self, Caps, Header, jpeg_has_end, jpeg_without_icc};
use crate::picture::{Channels, Picture, Size, scaled_to_show};
use crate::{ImageError, luma, orientation};

/// The scales with SIMD code; the eighths between them are slower than the next larger of these.
const SCALES: [ScalingFactor; 3] = [ScalingFactor::ONE_EIGHTH, ScalingFactor::ONE_QUARTER, ScalingFactor::ONE_HALF];

/// Bytes that a stream is asked for at a time.
const READ: usize = 64 << 10;

/// Cameras write about ten scans. Thousands of empty ones would cost a pass over the image each.
const MAX_SCANS: u64 = 100;

/// Coefficients that all scans together may visit: 178 megapixels at 4:2:0, the largest that the caps
/// let pass, are 268 million, so that they may have 14 scans, four more than encoders write.
/// A scan visits about 200 million a second, so decoding ends within 20 s whatever the bytes say.
const MAX_VISITS: u64 = 4_000_000_000;

/// Brightness alone: the colours are not even transformed.
pub(super) fn luma(bytes: &[u8], header: &Header, wanted: Wanted) -> Result<Stored, ImageError> {
    let raw = decompress(bytes, header, scale_for(header, wanted), PixelFormat::GRAY)?;
    let pixels = match raw.format {
        PixelFormat::CMYK => in_place(raw.pixels, |ink| [luma::of_rgb(light(ink))]),
        _ => raw.pixels,
    };
    Ok(Stored { width: raw.width, height: raw.height, pixels, held: orientation::of_jpeg(bytes) })
}

/// Red, green, blue.
pub(super) fn colour(bytes: &[u8], header: &Header, wanted: Wanted) -> Result<Stored, ImageError> {
    let raw = decompress(bytes, header, scale_for(header, wanted), PixelFormat::RGB)?;
    let (width, height) = (raw.width, raw.height);
    Ok(Stored { width, height, pixels: rgb(raw), held: orientation::of_jpeg(bytes) })
}

/// Brightness, and what is bluer and what is redder than grey, as they are stored. `None` where they are stored
/// otherwise, or not at all, and for an eighth, which is as fast in colour.
pub(super) fn planes(bytes: &[u8], header: &Header, wanted: Wanted) -> Result<Option<[Stored; 3]>, ImageError> {
    let scale = scale_for(header, wanted);
    if scale == ScalingFactor::ONE_EIGHTH {
        return Ok(None);
    }
    let (mut decoder, read, bytes) = opened(bytes, header, scale)?;
    let subsampled = matches!(read.subsamp, Subsamp::None | Subsamp::Sub2x1 | Subsamp::Sub2x2 | Subsamp::Sub1x2);
    if read.colorspace != Colorspace::YCbCr || !subsampled || read.is_lossless {
        return Ok(None);
    }
    let (width, height) = (scale.scale(header.width as usize), scale.scale(header.height as usize));
    let image = YuvImage { pixels: (), width, align: 1, height, subsamp: read.subsamp };
    let ((stride, rows), (tint_width, tint_height)) = (image.y_size(), image.uv_size());
    let mut pixels = vec![0; stride * rows + 2 * tint_width * tint_height];
    let target = YuvImage { pixels: pixels.as_mut_slice(), width, align: 1, height, subsamp: read.subsamp };
    if let Err(error) = decoder.decompress_to_yuv(&bytes, target) {
        tolerate(error, &bytes)?;
    }
    let held = orientation::of_jpeg(&bytes);
    let stored = |width: usize, height: usize, pixels: Vec<u8>| Stored {
        width: width as u32,
        height: height as u32,
        pixels,
        held,
    };
    // One after the other, so that never more than four bytes a pixel are held.
    let mut last_plane = |begin: usize| {
        let plane = pixels.split_off(begin);
        pixels.shrink_to_fit();
        plane
    };
    let red = last_plane(stride * rows + tint_width * tint_height);
    let blue = last_plane(stride * rows);
    // What fills the last column or row of pairs is not of the photo.
    for row in 1..height {
        pixels.copy_within(row * stride..row * stride + width, row * width);
    }
    pixels.truncate(width * height);
    let tint = |pixels| stored(tint_width, tint_height, pixels);
    Ok(Some([stored(width, height, pixels), tint(blue), tint(red)]))
}

fn rgb(raw: Raw) -> Vec<u8> {
    match raw.format {
        PixelFormat::CMYK => in_place(raw.pixels, light),
        _ => raw.pixels,
    }
}

/// The picture as it is stored, no smaller than `wanted` where the photo is not.
pub(super) fn picture(bytes: &[u8], header: &Header, wanted: Size, caps: &Caps) -> Result<Picture, ImageError> {
    let scaled = |scale: &ScalingFactor| Size {
        width: scale.scale(header.width as usize) as u32,
        height: scale.scale(header.height as usize) as u32,
    };
    let scale = SCALES.into_iter().find(|scale| scaled_to_show(scaled(scale), wanted)).unwrap_or(ScalingFactor::ONE);
    let Size { width, height } = scaled(&scale);
    affordable(header, Size { width, height }, caps)?;
    let pixels = rgb(decompress(bytes, header, scale, PixelFormat::RGB)?);
    Picture::new(width, height, Channels::Rgb, pixels).ok_or_else(|| ImageError::corrupt("no pixels"))
}

/// The header and an eighth of a photo as its bytes come. `None` if it has to be decoded from all of them.
pub(super) fn streamed(bytes: impl Read, caps: &Caps, wanted: Wanted) -> Result<Option<(Header, Stored)>, ImageError> {
    let mut bytes = BufReader::with_capacity(READ, bytes);
    let Some(head) = eighth::head(&mut bytes) else { return Ok(None) };
    let Ok(header) = header::probe(&head) else { return Ok(None) };
    caps.check(&header)?;
    if scale_for(&header, wanted) != ScalingFactor::ONE_EIGHTH {
        return Ok(None);
    }
    let [width, height] = [header.width, header.height].map(|side| side.div_ceil(8));
    let pixels = eighth::pixels(&head, bytes, wanted.in_colour());
    let held = orientation::of_jpeg(&head);
    Ok(pixels.map(|pixels| (header, Stored { width, height, pixels, held })))
}

struct Raw {
    width: u32,
    height: u32,
    /// As asked for, or CMYK, which the decoder converts to nothing else.
    format: PixelFormat,
    pixels: Vec<u8>,
}

fn decompress(bytes: &[u8], header: &Header, scale: ScalingFactor, format: PixelFormat) -> Result<Raw, ImageError> {
    let (width, height) = (scale.scale(header.width as usize), scale.scale(header.height as usize));
    if scale == ScalingFactor::ONE_EIGHTH
        && let Some(pixels) = an_eighth(bytes, format)
    {
        return Ok(Raw { width: width as u32, height: height as u32, format, pixels });
    }
    let (mut decoder, read, bytes) = opened(bytes, header, scale)?;
    let format = match read.colorspace {
        Colorspace::CMYK | Colorspace::YCCK => PixelFormat::CMYK,
        Colorspace::RGB | Colorspace::YCbCr | Colorspace::Gray => format,
    };
    let pitch = width * format.size();
    let mut pixels = vec![0; pitch * height];
    let target = Image { pixels: pixels.as_mut_slice(), width, pitch, height, format };
    if let Err(error) = decoder.decompress(&bytes, target) {
        tolerate(error, &bytes)?;
    }
    Ok(Raw { width: width as u32, height: height as u32, format, pixels })
}

/// A decoder that has read the header, and the bytes that it reads.
fn opened<'a>(
    bytes: &'a [u8],
    header: &Header,
    scale: ScalingFactor,
) -> Result<(Decompressor, DecompressHeader, Cow<'a, [u8]>), ImageError> {
    let mut decoder = Decompressor::new().map_err(judge)?;
    decoder.set_scan_limit(scan_limit(header)).map_err(judge)?;
    decoder.set_scaling_factor(scale).map_err(judge)?;
    match decoder.read_header(bytes) {
        Ok(read) => Ok((decoder, read, bytes.into())),
        // A profile in pieces says nothing about the pixels, but libjpeg-turbo has no other word than this one.
        Err(error) if error.to_string().contains("bad ICC marker") => {
            let plain = jpeg_without_icc(bytes).ok_or_else(|| judge(error))?;
            let read = decoder.read_header(&plain).map_err(judge)?;
            Ok((decoder, read, plain.into()))
        }
        Err(error) => Err(judge(error)),
    }
}

fn an_eighth(mut bytes: &[u8], format: PixelFormat) -> Option<Vec<u8>> {
    let head = eighth::head(&mut bytes)?;
    eighth::pixels(&head, bytes, format == PixelFormat::RGB)
}

/// The smallest scale at which both sides still have the wanted pixels.
fn scale_for(header: &Header, wanted: Wanted) -> ScalingFactor {
    let enough = |scale: &ScalingFactor| {
        let scaled = |side: u32| scale.scale(side as usize);
        scaled(header.longer_side()) >= wanted.longer as usize
            && scaled(header.width.min(header.height)) >= wanted.shorter as usize
    };
    SCALES.into_iter().find(enough).unwrap_or(ScalingFactor::ONE)
}

/// Header bytes count two for each coefficient that is kept between scans.
fn scan_limit(header: &Header) -> u32 {
    (MAX_VISITS / (header.decoder_bytes / 2).max(1)).min(MAX_SCANS) as u32
}

/// libjpeg-turbo fills what is missing with grey and calls it a warning, as it does for harmless
/// habits of cameras. Only the latter may pass; and as the first warning is all that it reports,
/// a harmless one counts only if the image has an end.
fn tolerate(error: turbojpeg::Error, bytes: &[u8]) -> Result<(), ImageError> {
    let message = error.to_string();
    let harmless = ["extraneous bytes before marker", "Unknown Adobe color transform", "unknown JFIF revision"]
        .iter()
        .any(|habit| message.contains(habit));
    match harmless {
        true if jpeg_has_end(bytes) => Ok(()),
        true => Err(ImageError::truncated("no end-of-image marker")),
        false => Err(judge(error)),
    }
}

fn judge(error: turbojpeg::Error) -> ImageError {
    let message = match error {
        turbojpeg::Error::TurboJpegError(message) => message,
        other => other.to_string(),
    };
    if message.contains("Premature end of JPEG file") {
        ImageError::truncated(message)
    } else {
        ImageError::corrupt(message)
    }
}

/// Adobe's CMYK as JPEGs carry it, where 255 is *no* ink: a colour's light is `colour x black / 255`.
fn light([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    [c, m, y].map(|colour| (u16::from(colour) * u16::from(k) / 255) as u8)
}

/// What becomes of each pixel of four bytes, put where it or one before it was: nothing is held twice.
fn in_place<const N: usize>(mut pixels: Vec<u8>, become_of: impl Fn([u8; 4]) -> [u8; N]) -> Vec<u8> {
    let count = pixels.len() / 4;
    for i in 0..count {
        let pixel = std::array::from_fn(|channel| pixels[4 * i + channel]);
        pixels[N * i..][..N].copy_from_slice(&become_of(pixel));
    }
    pixels.truncate(N * count);
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn header(width: u32, height: u32, decoder_bytes: u64) -> Header {
        Header { format: crate::Format::Jpeg, width, height, decoder_bytes }
    }

    #[test]
    fn scale_is_the_smallest_that_still_shows_the_wanted_side() {
        for (side, wanted, scale) in [
            (8_000, 1_000, ScalingFactor::ONE_EIGHTH),
            (7_992, 1_000, ScalingFactor::ONE_QUARTER),
            (4_000, 1_000, ScalingFactor::ONE_QUARTER),
            (3_264, 1_000, ScalingFactor::ONE_HALF),
            (1_999, 1_000, ScalingFactor::ONE_HALF), // rounded up: 1,000
            (1_998, 1_000, ScalingFactor::ONE),
            (1, 1_000, ScalingFactor::ONE),
            (65_535, 0, ScalingFactor::ONE_EIGHTH),
        ] {
            let longer = Wanted { longer: wanted, ..Wanted::default() };
            assert_eq!(scale_for(&header(1, side, 0), longer), scale, "{side} for {wanted}");
            let shorter = Wanted { shorter: wanted, ..Wanted::default() };
            assert_eq!(scale_for(&header(side, 65_535, 0), shorter), scale, "{side} beside a longer one for {wanted}");
        }
        let both = Wanted { longer: 500, shorter: 224, ..Wanted::default() };
        assert_eq!(scale_for(&header(4_000, 3_000, 0), both), ScalingFactor::ONE_EIGHTH, "500 x 375");
        assert_eq!(scale_for(&header(4_000, 1_000, 0), both), ScalingFactor::ONE_QUARTER, "1,000 x 250");
    }

    #[test]
    fn large_photos_may_have_fewer_scans() {
        for (decoder_bytes, limit) in [(0, 100), (36 << 20, 100), (128 << 20, 59), (512 << 20, 14)] {
            assert_eq!(scan_limit(&header(1, 1, decoder_bytes)), limit, "{decoder_bytes} bytes of coefficients");
        }
    }

    #[test]
    fn ink_darkens() {
        let inked = vec![255, 255, 255, 255, 255, 255, 255, 0, 255, 100, 255, 128];
        assert_eq!(in_place(inked, light), [255, 255, 255, 0, 0, 0, 128, 50, 128]);
    }
}
