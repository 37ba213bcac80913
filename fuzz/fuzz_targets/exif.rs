//! EXIF alone, in a photo of a few pixels: whatever it says, the pixels are those, turned or not.
#![no_main]

use std::sync::LazyLock;

use imagejob_fuzz::{caps, within};
use imagejob_vision::{Luma, decode};
use libfuzzer_sys::fuzz_target;

/// Grey, 12 x 8.
static PHOTO: &[u8] = include_bytes!("../seeds/grey-12x8.jpg");

static PIXELS: LazyLock<(Luma, Vec<u8>)> = LazyLock::new(|| {
    let upright = decode::luma(PHOTO, &caps::SMALL, u32::MAX).expect("a photo").luma;
    let sorted = sorted(&upright);
    (upright, sorted)
});

fuzz_target!(|exif: &[u8]| {
    let Ok(length) = u16::try_from(exif.len() + 8) else { return };
    let photo = [&PHOTO[..2], b"\xFF\xE1", &length.to_be_bytes(), b"Exif\0\0", exif, &PHOTO[2..]].concat();
    let (stored, pixels) = &*PIXELS;
    let seen = within(caps::of_decoding(&caps::SMALL), || decode::luma(&photo, &caps::SMALL, u32::MAX))
        .expect("still a photo")
        .luma;
    let (width, height) = (stored.width(), stored.height());
    assert!([(width, height), (height, width)].contains(&(seen.width(), seen.height())));
    assert_eq!(sorted(&seen), *pixels);
});

fn sorted(picture: &Luma) -> Vec<u8> {
    let mut pixels = picture.pixels().to_vec();
    pixels.sort_unstable();
    pixels
}
