//! A photo's way from bytes to brightness, whatever its format.

use std::borrow::Cow;

use imagejob_vision::quality::{self, Thresholds};
use imagejob_vision::{Caps, decode, header};

use crate::{caps, within};

/// Bytes that begin as those of a format do, so that no run is spent on finding that out.
pub fn beginning<'a>(signature: &[u8], bytes: &'a [u8]) -> Cow<'a, [u8]> {
    if bytes.starts_with(signature) { bytes.into() } else { [signature, bytes].concat().into() }
}

/// Goes the way that a worker goes; what comes out fits what went in. The scale that is asked for follows from the
/// number of bytes, so that a changed byte is seen at each of 1, 1/2, 1/4 and 1/8, and seeds are mere photos.
///
/// # Panics
/// Something does not hold.
pub fn look_at(bytes: &[u8], caps: &Caps) {
    let side = header::probe(bytes).map_or(0, |header| header.longer_side()) >> (bytes.len() % 4);
    let Ok(photo) = within(caps::of_decoding(caps), || decode::luma(bytes, caps, side)) else { return };
    let header = photo.header;
    assert_eq!(header::probe(bytes), Ok(header));
    assert!(u64::from(header.width) * u64::from(header.height) <= caps.max_pixels);
    let seen = (photo.luma.width(), photo.luma.height());
    assert_eq!(photo.luma.pixels().len(), seen.0 as usize * seen.1 as usize);
    assert!(seen.0.max(seen.1) <= header.longer_side() && seen.0.max(seen.1) >= side.min(header.longer_side()));
    let quality = quality::assess(&photo, &Thresholds::default());
    assert!(quality.sharpness.is_none_or(|sharpness| sharpness.is_finite() && sharpness >= 0.0));
    assert!((0.0..=1.0).contains(&quality.brightness.clipped));
}
