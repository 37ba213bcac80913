//! Pixels from bytes, straight to brightness, at the smallest scale that still shows what is asked
//! for.
//!
//! Allocates only after [`Caps::check`]. May be slow (16,384 x 16,384 baseline JPEG: seconds), so
//! an async caller runs it on a blocking thread.

mod jpeg;
mod still;

use crate::header::{self, Caps, Format, Header};
use crate::{ImageError, Luma, orientation};

/// A photo by its header, and its pixels, perhaps fewer than the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// Format and full size.
    pub header: Header,
    /// The picture at a scale of 1, 1/2, 1/4 or 1/8, upright: turned as its EXIF says, so that its
    /// width may be the header's height.
    pub luma: Luma,
}

impl Photo {
    /// Pixels of the whole photo for each pixel of [`Photo::luma`], at least 1.
    pub fn reduction(&self) -> f64 {
        f64::from(self.header.longer_side()) / f64::from(self.luma.width().max(self.luma.height()))
    }
}

/// Decodes to brightness. A JPEG is scaled by 1/8, 1/4 or 1/2 while decoding if its longer side
/// keeps at least `wanted_side` pixels: 4,000 x 3,000 for 1,000 becomes 1,000 x 750 in half the
/// time of the whole and 1/16 of the memory. Other formats come at full size.
///
/// # Errors
/// Each variant of [`ImageError`].
pub fn luma(bytes: &[u8], caps: &Caps, wanted_side: u32) -> Result<Photo, ImageError> {
    let header = header::probe(bytes)?;
    caps.check(&header)?;
    let luma = match header.format {
        Format::Jpeg => orientation::upright(jpeg::decode(bytes, &header, wanted_side)?, orientation::of_jpeg(bytes)),
        Format::Png => still::decode(bytes, image::ImageFormat::Png, caps)?,
        Format::WebP => still::decode(bytes, image::ImageFormat::WebP, caps)?,
    };
    Ok(Photo { header, luma })
}
