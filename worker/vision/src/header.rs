//! What an image's header promises, read without decoding a pixel, and the caps it must pass.
//!
//! Looks at the first bytes only: names and content types of objects are not believed.

mod jpeg;
mod png;
mod webp;

use crate::ImageError;

pub(crate) use jpeg::{exif as jpeg_exif, has_end as jpeg_has_end, icc as jpeg_icc, without_icc as jpeg_without_icc};
pub(crate) use webp::{keeps_its_word as webp_keeps_its_word, length as webp_length};

/// Formats that are decoded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// ISO 10918, baseline, extended or progressive, 8 bits.
    Jpeg,
    /// Any colour type and depth.
    Png,
    /// Lossy or lossless, still.
    WebP,
}

impl Format {
    /// The name in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "Jpeg",
            Self::Png => "Png",
            Self::WebP => "WebP",
        }
    }
}

/// What the header of an image says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Which decoder reads it.
    pub format: Format,
    /// Pixels, at least 1.
    pub width: u32,
    /// Pixels, at least 1.
    pub height: u32,
    /// Bytes that a decoder holds whatever scale is asked for: all pixels of a PNG, all
    /// coefficients of a progressive JPEG, next to nothing for a baseline JPEG.
    pub decoder_bytes: u64,
}

impl Header {
    /// Pixels.
    pub fn longer_side(&self) -> u32 {
        self.width.max(self.height)
    }
}

/// Reads the header of a JPEG, PNG or WebP.
///
/// # Errors
/// `EmptyObject`, `NotAnImage`; `TruncatedImage` or `CorruptImage` within the header.
pub fn probe(bytes: &[u8]) -> Result<Header, ImageError> {
    let header = match bytes {
        [] => return Err(ImageError::EmptyObject),
        [0xFF, 0xD8, ..] => jpeg::probe(bytes)?,
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => png::probe(bytes)?,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp::probe(bytes)?,
        other => return Err(ImageError::not_an_image(describe(other))),
    };
    if header.width == 0 || header.height == 0 {
        return Err(ImageError::corrupt("its header says 0 pixels"));
    }
    Ok(header)
}

/// What the first bytes look like, for the sentence that the sender reads.
fn describe(bytes: &[u8]) -> String {
    let known = match bytes {
        [b'G', b'I', b'F', b'8', ..] => "a GIF",
        [b'B', b'M', ..] => "a BMP",
        [b'I', b'I', 0x2A, 0, ..] | [b'M', b'M', 0, 0x2A, ..] => "a TIFF",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h', b'e' | b'i', ..]
        | [_, _, _, _, b'f', b't', b'y', b'p', b'm', b'i', ..] => "a HEIC",
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', ..] => "an AVIF",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "a video",
        [b'%', b'P', b'D', b'F', ..] => "a PDF",
        [b'P', b'K', 3, 4, ..] => "a ZIP archive",
        [b'<', ..] => "XML or HTML",
        [b'{' | b'[', ..] => "JSON",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let first: Vec<String> = bytes.iter().take(4).map(|byte| format!("{byte:02X}")).collect();
    format!("no image (it begins with bytes {})", first.join(" "))
}

/// Limits that an image's header must pass before anything is allocated for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Pixels of the whole image.
    pub max_pixels: u64,
    /// Bytes that the decoder may hold for one image; what it hands out comes on top, at most 4 bytes
    /// a pixel.
    pub max_decoder_bytes: u64,
}

impl Default for Caps {
    /// 16,384 x 16,384 = 268,435,456 pixels, the widest that a large scanner or a phone's panorama
    /// has; 512 MiB, which is a PNG of 134 megapixels with alpha, or a progressive JPEG of 178.
    fn default() -> Self {
        Self { max_pixels: 16_384 * 16_384, max_decoder_bytes: 512 << 20 }
    }
}

impl Caps {
    /// # Errors
    /// `TooManyPixels`.
    pub fn check(&self, header: &Header) -> Result<(), ImageError> {
        let Header { width, height, decoder_bytes, .. } = *header;
        let refuse = |needs, limit| Err(ImageError::TooManyPixels { width, height, needs, limit });
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.max_pixels {
            return refuse(format!("{pixels} pixels"), format!("{} pixels", self.max_pixels));
        }
        if decoder_bytes > self.max_decoder_bytes {
            let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
            return refuse(mib(decoder_bytes), mib(self.max_decoder_bytes));
        }
        Ok(())
    }
}

/// A cursor over header bytes that says "truncated" where they end.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ImageError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = *rest
            .first_chunk::<N>()
            .ok_or_else(|| ImageError::truncated(format!("the header stops at byte {}", self.bytes.len())))?;
        self.at += N;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, ImageError> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }
}
