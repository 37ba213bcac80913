//! The first chunk of a WebP (RFC 9649): `VP8 ` lossy, `VP8L` lossless, `VP8X` extended.

use super::{Format, Header, Reader};
use crate::ImageError;

/// Flag of `VP8X`: the file is an animation.
const ANIMATION: u8 = 0b10;

/// Pixels as RGBA, and the decoder's planes or transformed pixels next to them.
const DECODER_BYTES_PER_PIXEL: u64 = 8;

/// A part of lossy data states its length in 24 bits, and the decoder makes room before it looks whether as much
/// follows: a file of 300 bytes may make it hold 16 MiB for a moment.
const PART_OF_LOSSY_DATA: u64 = 1 << 24;

pub(super) fn probe(bytes: &[u8]) -> Result<Header, ImageError> {
    let mut reader = Reader::new(bytes, 12);
    let chunk = reader.take::<4>()?;
    reader.skip(4); // chunk size
    let ((width, height), parts) = match &chunk {
        b"VP8 " => (lossy(&mut reader)?, PART_OF_LOSSY_DATA),
        b"VP8L" => (lossless(&mut reader)?, 0),
        b"VP8X" => (extended(&mut reader)?, PART_OF_LOSSY_DATA),
        _ => return Err(ImageError::corrupt("a WebP that begins with an unknown chunk")),
    };
    let decoder_bytes = u64::from(width) * u64::from(height) * DECODER_BYTES_PER_PIXEL + parts;
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

/// Chunks that a decoder makes room for before it reads them; it passes over all others.
const READ: [&[u8; 4]; 6] = [b"ALPH", b"EXIF", b"ICCP", b"VP8 ", b"VP8L", b"XMP "];

/// Whether chunks are as long as they say, and pixels as many as the header says: 300 bytes may say that their EXIF
/// has 4 GB, or that a picture of 20 x 12 pixels has 16,383 x 16,383.
///
/// # Errors
/// `TruncatedImage`, `CorruptImage`.
pub(crate) fn keeps_its_word(bytes: &[u8], header: &Header) -> Result<(), ImageError> {
    let mut at = 12;
    while let Some([n0, n1, n2, n3, l0, l1, l2, l3]) = bytes.get(at..at + 8) {
        let (name, length) = ([*n0, *n1, *n2, *n3], u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize);
        let end = at + 8 + length;
        if READ.contains(&&name) && end > bytes.len() {
            return Err(ImageError::truncated(format!("it stops at byte {} of {end}", bytes.len())));
        }
        let mut content = Reader::new(bytes, at + 8);
        let (width, height) = match &name {
            b"VP8 " => lossy(&mut content)?,
            b"VP8L" => lossless(&mut content)?,
            _ => (header.width, header.height),
        };
        if (width, height) != (header.width, header.height) {
            return Err(ImageError::corrupt(format!("{width} x {height} pixels, not what its header says")));
        }
        // Chunks begin at even places.
        at = end + length % 2;
    }
    Ok(())
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
