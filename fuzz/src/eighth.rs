//! Our decoder of JPEGs at an eighth of their size against libjpeg-turbo.

use imagejob_vision::decode::{self, Wanted};
use imagejob_vision::{Caps, header};
use turbojpeg::{Decompressor, Image, PixelFormat, ScalingFactor};

use crate::{caps, within};

/// Decodes brightness and colours as a stream. What comes out is what libjpeg-turbo makes of the same bytes, pixel by
/// pixel where no EXIF may have turned ours.
///
/// # Panics
/// Something does not hold.
pub fn compare(bytes: &[u8], caps: &Caps) {
    let as_stored = !bytes.windows(6).any(|name| name == b"Exif\0\0");
    for (colour, format) in [(false, PixelFormat::GRAY), (true, PixelFormat::RGB)] {
        let wanted = Wanted { longer: 1, colour, ..Wanted::default() };
        let Ok(Some(photo)) = within(caps::of_decoding(caps), || decode::streamed(bytes, caps, wanted)) else { return };
        assert_eq!(header::probe(bytes), Ok(photo.header));
        let theirs = theirs(bytes, format).unwrap_or_else(|error| panic!("libjpeg-turbo says {error}"));
        let ours = photo.colour.map_or_else(|| photo.luma.pixels().to_vec(), |colour| colour.pixels().concat());
        assert_eq!(ours.len(), theirs.len());
        assert!(!as_stored || ours == theirs, "other pixels as {format:?}");
    }
}

/// Pixels as they are stored; a warning is an error too.
fn theirs(bytes: &[u8], format: PixelFormat) -> Result<Vec<u8>, turbojpeg::Error> {
    let mut decoder = Decompressor::new()?;
    decoder.set_scaling_factor(ScalingFactor::ONE_EIGHTH)?;
    let header = decoder.read_header(bytes)?.scaled(ScalingFactor::ONE_EIGHTH);
    let pitch = header.width * format.size();
    let mut pixels = vec![0; pitch * header.height];
    let image = Image { pixels: pixels.as_mut_slice(), width: header.width, pitch, height: header.height, format };
    decoder.decompress(bytes, image)?;
    Ok(pixels)
}
