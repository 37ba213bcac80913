//! The first chunk of a WebP (RFC 9649): `VP8 ` lossy, `VP8L` lossless, `VP8X` extended.

use super::{Format, Header, Reader};
use crate::ImageError;

/// Flag of `VP8X`: the file is an animation.
const ANIMATION: u8 = 0b10;

/// Pixels as RGBA, and the decoder's planes or transformed pixels next to them.
const DECODER_BYTES_PER_PIXEL: u64 = 8;

pub(super) fn probe(bytes: &[u8]) -> Result<Header, ImageError> {
    let mut reader = Reader::new(bytes, 12);
    let chunk = reader.take::<4>()?;
    reader.skip(4); // chunk size
    let (width, height) = match &chunk {
        b"VP8 " => lossy(&mut reader)?,
        b"VP8L" => lossless(&mut reader)?,
        b"VP8X" => extended(&mut reader)?,
        _ => return Err(ImageError::corrupt("a WebP that begins with an unknown chunk")),
    };
    let decoder_bytes = u64::from(width) * u64::from(height) * DECODER_BYTES_PER_PIXEL;
    Ok(Header { format: Format::WebP, width, height, decoder_bytes })
}

fn lossy(reader: &mut Reader<'_>) -> Result<(u32, u32), ImageError> {
    let [_, _, _, s0, s1, s2, w0, w1, h0, h1] = reader.take()?;
    if [s0, s1, s2] != [0x9D, 0x01, 0x2A] {
        return Err(ImageError::corrupt("a WebP frame without its start code"));
    }
    let low_14_bits = |pair| u32::from(u16::from_le_bytes(pair) & 0x3FFF);
    Ok((low_14_bits([w0, w1]), low_14_bits([h0, h1])))
}

fn lossless(reader: &mut Reader<'_>) -> Result<(u32, u32), ImageError> {
    if reader.byte()? != 0x2F {
        return Err(ImageError::corrupt("a lossless WebP without its signature"));
    }
    let bits = u32::from_le_bytes(reader.take()?);
    Ok(((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1))
}

fn extended(reader: &mut Reader<'_>) -> Result<(u32, u32), ImageError> {
    let [flags, _, _, _, w0, w1, w2, h0, h1, h2] = reader.take()?;
    if flags & ANIMATION != 0 {
        return Err(ImageError::not_an_image("an animated WebP"));
    }
    Ok((u32::from_le_bytes([w0, w1, w2, 0]) + 1, u32::from_le_bytes([h0, h1, h2, 0]) + 1))
}

/// Bytes of the whole file as its first chunk states them; `None` if this is no WebP.
pub(crate) fn length(bytes: &[u8]) -> Option<u64> {
    match bytes {
        [b'R', b'I', b'F', b'F', a, b, c, d, b'W', b'E', b'B', b'P', ..] => {
            Some(u64::from(u32::from_le_bytes([*a, *b, *c, *d])) + 8)
        }
        _ => None,
    }
}
