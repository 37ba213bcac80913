//! Photos that say what their colours mean: pictures of them have the same colours in sRGB.

#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Cursor;

use image::ImageEncoder as _;
use imagejob_vision::picture::{Channels, Encoding, encode};
use imagejob_vision::{Caps, Format, Picture, decode};
use moxcms::ColorProfile;

/// Of Display P3, and the same in sRGB.
const WIDE: [u8; 3] = [200, 100, 50];
const SRGB: [u8; 3] = [215, 93, 31];

fn p3() -> Vec<u8> {
    ColorProfile::new_display_p3().encode().unwrap()
}

fn plain() -> Picture {
    Picture::new(16, 16, Channels::Rgb, WIDE.repeat(256)).unwrap()
}

/// A JPEG with these segments after its first marker.
fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
    let bytes = encode(plain(), Encoding { format: Format::Jpeg, quality: 100 }).unwrap();
    let (start, rest) = bytes.split_at(2);
    [start, &segments.concat(), rest].concat()
}

/// A part of a profile as a JPEG carries it.
fn part(number: u8, count: u8, data: &[u8]) -> Vec<u8> {
    let length = (2 + 12 + 2 + data.len()) as u16;
    [&[0xFF, 0xE2], &length.to_be_bytes()[..], b"ICC_PROFILE\0", &[number, count], data].concat()
}

fn png(profile: Vec<u8>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder.set_icc_profile(profile).unwrap();
    encoder.write_image(plain().pixels(), 16, 16, image::ExtendedColorType::Rgb8).unwrap();
    bytes.into_inner()
}

#[test]
fn colours_are_those_that_the_profile_means() {
    let p3 = p3();
    let (first, second) = p3.split_at(100);
    for (what, photo, expected) in [
        ("no profile", jpeg(&[]), WIDE),
        ("a profile", jpeg(&[part(1, 1, &p3)]), SRGB),
        ("in two parts", jpeg(&[part(1, 2, first), part(2, 2, second)]), SRGB),
        ("the second first", jpeg(&[part(2, 2, second), part(1, 2, first)]), SRGB),
        ("a part is missing", jpeg(&[part(1, 2, first)]), WIDE),
        ("a part is there twice", jpeg(&[part(1, 2, first), part(1, 2, first)]), WIDE),
        ("parts that count from zero", jpeg(&[part(0, 1, &p3)]), WIDE),
        ("a PNG", png(p3.clone()), SRGB),
        ("a PNG with another thing for a profile", png(b"nonsense".to_vec()), WIDE),
    ] {
        let (_, picture) = decode::picture(&photo, &Caps::default(), |size| size).unwrap();
        let found = &picture.pixels()[..3];
        let near = found.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) <= 2);
        assert!(near, "{what}: {found:?}, not {expected:?}");
    }
}
