//! Pixels from bytes, straight to brightness where colours are not asked for, at the smallest scale that still
//! shows what is.
//!
//! Allocates only after [`Caps::check`]. May be slow (16,384 x 16,384 baseline JPEG: seconds), so
//! an async caller runs it on a blocking thread.

mod jpeg;
mod still;

use std::io::Read;

use image::metadata::Orientation;

use crate::header::{self, Caps, Format, Header};
use crate::picture::{Picture, Size};
use crate::{Colour, ImageError, Luma, Tint, orientation};

/// A photo by its header, and its pixels, perhaps fewer than the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// Format and full size.
    pub header: Header,
    /// The picture at a scale of 1, 1/2, 1/4 or 1/8, upright: turned as its EXIF says, so that its
    /// width may be the header's height.
    pub luma: Luma,
    /// The same in colour, where that was asked for.
    pub colour: Option<Colour>,
    /// Its colours apart from its brightness, where they were asked for; none of a photo that is stored in grey.
    pub tint: Option<Tint>,
}

/// What is asked of a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Pixels that the longer side should keep at least, where the photo has as many.
    pub longer: u32,
    /// The same of the shorter side.
    pub shorter: u32,
    /// Colours, which cost a quarter more time at 1/8 of the size, and more than twice the time at 1/2.
    pub colour: bool,
    /// Colours as they are stored, apart from brightness and often at half its size: they cost hardly
    /// anything.
    pub tint: bool,
}

impl Wanted {
    fn in_colour(self) -> bool {
        self.colour || self.tint
    }

    /// Enough for both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            longer: self.longer.max(other.longer),
            shorter: self.shorter.max(other.shorter),
            colour: self.colour || other.colour,
            tint: self.tint || other.tint,
        }
    }
}

impl Photo {
    /// Pixels of the whole photo for each pixel of [`Photo::luma`], at least 1.
    pub fn reduction(&self) -> f64 {
        f64::from(self.header.longer_side()) / f64::from(self.luma.width().max(self.luma.height()))
    }
}

/// Decodes to brightness alone: [`photo`] without colours.
///
/// # Errors
/// Each variant of [`ImageError`].
pub fn luma(bytes: &[u8], caps: &Caps, wanted_side: u32) -> Result<Photo, ImageError> {
    photo(bytes, caps, Wanted { longer: wanted_side, ..Wanted::default() })
}

/// Decodes. A JPEG is scaled by 1/8, 1/4 or 1/2 while decoding if its sides keep what is
/// [`Wanted`]: 4,000 x 3,000 for 1,000 becomes 1,000 x 750 in half the time of the whole and 1/16
/// of the memory. Other formats come at full size.
///
/// # Errors
/// Each variant of [`ImageError`].
pub fn photo(bytes: &[u8], caps: &Caps, wanted: Wanted) -> Result<Photo, ImageError> {
    let header = header::probe(bytes)?;
    caps.check(&header)?;
    if header.format == Format::Jpeg
        && wanted.tint
        && !wanted.colour
        && let Some([luma, blue, red]) = jpeg::planes(bytes, &header, wanted)?
    {
        let plane = |stored| upright::<1, _>(stored, Luma::new);
        let (luma, tint) = (plane(luma)?, Tint { blue: plane(blue)?, red: plane(red)? });
        return Ok(Photo { header, luma, colour: None, tint: Some(tint) });
    }
    let stored = match (header.format, wanted.in_colour()) {
        (Format::Jpeg, true) => jpeg::colour(bytes, &header, wanted)?,
        (Format::Jpeg, false) => jpeg::luma(bytes, &header, wanted)?,
        (Format::Png | Format::WebP, true) => still::colour(bytes, &header, caps)?,
        (Format::Png | Format::WebP, false) => still::luma(bytes, &header, caps)?,
    };
    seen(header, stored, wanted)
}

/// Decodes a photo as its bytes come, if that is possible: a baseline JPEG of which an eighth is [`Wanted`], whole
/// and without a flaw. The same as [`photo`], to the last bit, in memory that does not grow with the bytes: of
/// 200 MB with 100 megapixels, 1.6 MB of brightness, or 4.7 MB of colours and 1.6 MB of brightness; twice that while
/// it is turned upright; and 170 KiB, and what comes before the scan, mostly less than 64 KiB, 4 MiB at most.
///
/// `None` where [`photo`] has to decide on all of the bytes: other formats, other scales, other kinds of JPEG,
/// anything unusual or damaged, an error of the reader. Some of `bytes` have been read then.
///
/// # Errors
/// `TooManyPixels`, before anything is allocated for them.
pub fn streamed(bytes: impl Read, caps: &Caps, wanted: Wanted) -> Result<Option<Photo>, ImageError> {
    let stored = jpeg::streamed(bytes, caps, wanted)?;
    stored.map(|(header, stored)| seen(header, stored, wanted)).transpose()
}

fn seen(header: Header, stored: Stored, wanted: Wanted) -> Result<Photo, ImageError> {
    if wanted.in_colour() {
        let colour = upright::<3, _>(stored, Colour::new)?;
        let luma = colour.luma().ok_or_else(|| ImageError::corrupt("no pixels"))?;
        let tint = if wanted.tint { Tint::of(&colour) } else { None };
        return Ok(Photo { header, luma, colour: wanted.colour.then_some(colour), tint });
    }
    Ok(Photo { header, luma: upright::<1, _>(stored, Luma::new)?, colour: None, tint: None })
}

/// Decodes to colours of sRGB, upright, in the size that `wanted` makes of the upright photo's: no larger than that. A JPEG
/// is scaled by 1/8, 1/4 or 1/2 while decoding if it is large enough all the same.
///
/// # Errors
/// Each variant of [`ImageError`]. The picture's own bytes are held to [`Caps::max_decoder_bytes`] too: colours of
/// 268 megapixels would be 805 MB.
pub fn picture(bytes: &[u8], caps: &Caps, wanted: impl FnOnce(Size) -> Size) -> Result<(Header, Picture), ImageError> {
    let header = header::probe(bytes)?;
    caps.check(&header)?;
    let stored = Size { width: header.width, height: header.height };
    let (decoded, held, profile) = match header.format {
        Format::Jpeg => {
            let held = orientation::of_jpeg(bytes);
            let wanted = as_stored(wanted, stored, held);
            (jpeg::picture(bytes, &header, wanted, caps)?.resized(wanted), held, header::jpeg_icc(bytes))
        }
        Format::Png | Format::WebP => {
            let still::Decoded { picture, held, profile } = still::picture(bytes, &header, caps)?;
            let wanted = as_stored(wanted, picture.size(), held);
            (picture.resized(wanted), held, profile)
        }
    };
    // Turned and brought to sRGB last, when it is small.
    Ok((header, decoded.upright(held).in_srgb(profile.as_deref())))
}

/// What is wanted of the upright photo, of the photo as it is stored.
fn as_stored(wanted: impl FnOnce(Size) -> Size, stored: Size, held: Orientation) -> Size {
    if orientation::turns(held) { wanted(stored.turned()).turned() } else { wanted(stored) }
}

/// Colours of so many pixels are no more than a decoder may hold.
fn affordable(header: &Header, Size { width, height }: Size, caps: &Caps) -> Result<(), ImageError> {
    // Four bytes where there is transparency, or black ink.
    let bytes = u64::from(width) * u64::from(height) * 4;
    if bytes <= caps.max_decoder_bytes {
        return Ok(());
    }
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let (needs, limit) = (mib(bytes), mib(caps.max_decoder_bytes));
    Err(ImageError::TooManyPixels { width: header.width, height: header.height, needs, limit })
}

/// Pixels as they are stored.
struct Stored {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
    held: Orientation,
}

/// The picture of pixels of `N` bytes.
fn upright<const N: usize, T>(
    stored: Stored,
    picture: impl Fn(u32, u32, Vec<u8>) -> Option<T>,
) -> Result<T, ImageError> {
    let Stored { width, height, pixels, held } = stored;
    if u64::from(width) * u64::from(height) * N as u64 != pixels.len() as u64 {
        return Err(ImageError::corrupt("not as many pixels as its header says"));
    }
    let (width, height, pixels) = orientation::upright::<N>(width, height, pixels, held);
    picture(width, height, pixels).ok_or_else(|| ImageError::corrupt("no pixels"))
}
