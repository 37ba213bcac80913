//! A photo's way from bytes to brightness, or to a picture in colours, whatever its format.

use std::borrow::Cow;

use imagejob_vision::decode::Wanted;
use imagejob_vision::picture::{Fit, Size};
use imagejob_vision::quality::{self, Thresholds};
use imagejob_vision::{Caps, Format, decode, header};

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
    // As steps ask for that look at brightness alone, or at colours beside it.
    let wanted = Wanted { longer: side, tint: bytes.len() / 4 % 2 == 1, ..Wanted::default() };
    let Ok(photo) = within(caps::of_decoding(caps), || decode::photo(bytes, caps, wanted)) else { return };
    let header = photo.header;
    assert_eq!(header::probe(bytes), Ok(header));
    assert!(u64::from(header.width) * u64::from(header.height) <= caps.max_pixels);
    let seen = (photo.luma.width(), photo.luma.height());
    assert_eq!(photo.luma.pixels().len(), seen.0 as usize * seen.1 as usize);
    assert!(seen.0.max(seen.1) <= header.longer_side() && seen.0.max(seen.1) >= side.min(header.longer_side()));
    if let Some(tint) = &photo.tint {
        assert!(wanted.tint && tint.blue.width() == tint.red.width() && tint.blue.height() == tint.red.height());
        assert!(tint.blue.width() <= seen.0 && tint.blue.height() <= seen.1);
    }
    let quality = quality::assess(&photo, &Thresholds::default());
    assert!(quality.sharpness.is_none_or(|sharpness| sharpness.is_finite() && sharpness >= 0.0));
    assert!((0.0..=1.0).contains(&quality.brightness.clipped));
}

/// Makes a picture of at most 64 x 64 pixels, as steps that write one do: in colours, of sRGB, upright.
///
/// # Panics
/// Something does not hold.
pub fn make_a_picture(bytes: &[u8]) {
    let is_webp = header::probe(bytes).is_ok_and(|header| header.format == Format::WebP);
    let caps = if is_webp { caps::WEBP } else { caps::SMALL };
    let small = |photo: Size| photo.within(Some(64), Some(64), Fit::Contain);
    let made = within(caps::of_a_picture(&caps), || decode::picture(bytes, &caps, small));
    let Ok((header, picture)) = made else { return };
    assert_eq!(header::probe(bytes), Ok(header));
    let Size { width, height } = picture.size();
    assert!((1..=64).contains(&width) && (1..=64).contains(&height));
    assert_eq!(picture.pixels().len(), width as usize * height as usize * picture.channels().count());
}
