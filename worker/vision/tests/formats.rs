//! One photograph in every form that people send: whatever the container, the same picture.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;

use imagejob_vision::decode::Wanted;
use imagejob_vision::{Caps, Format, Luma, decode, header};

fn image(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/images/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn mean_difference(a: &Luma, b: &Luma) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let total: u64 = a.pixels().iter().zip(b.pixels()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    total as f64 / a.pixels().len() as f64
}

#[test]
fn the_same_picture_from_every_form() {
    let lossless = decode::luma(&image("rgb16.png"), &Caps::default(), 120).unwrap().luma;
    // Largest mean difference in grey levels: what JPEG, ink or 64 colours do to it. ImageMagick makes
    // grey by BT.709, which on this brown picture is 5 levels away from JPEG's BT.601.
    for (name, format, tolerance) in [
        ("baseline.jpg", Format::Jpeg, 4.0),
        ("progressive.jpg", Format::Jpeg, 4.0),
        ("quarter-chroma.jpg", Format::Jpeg, 4.0),
        ("grey.jpg", Format::Jpeg, 7.0),
        ("cmyk.jpg", Format::Jpeg, 4.0),
        ("palette.png", Format::Png, 6.0),
        ("grey16.png", Format::Png, 6.0),
        ("alpha.png", Format::Png, 1.0),
        ("interlaced.png", Format::Png, 1.0),
        ("lossless.webp", Format::WebP, 1.0),
        ("lossy.webp", Format::WebP, 5.0),
        ("alpha.webp", Format::WebP, 5.0),
    ] {
        let photo = decode::luma(&image(name), &Caps::default(), 120).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((photo.header.format, photo.header.width, photo.header.height), (format, 120, 80), "{name}");
        let difference = mean_difference(&photo.luma, &lossless);
        println!("{name}: {difference:.2} grey levels from the lossless picture, at most {tolerance}");
        assert!(difference <= tolerance, "{name}: {difference:.2} grey levels from the lossless picture");
    }
}

/// Mean red, green and blue.
fn mean_colour(name: &str) -> [f64; 3] {
    let photo =
        decode::photo(&image(name), &Caps::default(), Wanted { longer: 120, colour: true, ..Wanted::default() })
            .unwrap();
    let colour = photo.colour.unwrap();
    let pixels = colour.pixels();
    std::array::from_fn(|c| pixels.iter().map(|pixel| f64::from(pixel[c])).sum::<f64>() / pixels.len() as f64)
}

#[test]
fn the_same_colours_from_every_form() {
    let lossless = mean_colour("rgb16.png");
    for name in
        ["baseline.jpg", "progressive.jpg", "cmyk.jpg", "palette.png", "alpha.png", "lossless.webp", "lossy.webp"]
    {
        let found = mean_colour(name);
        let apart = found.iter().zip(lossless).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart < 4.0, "{name}: {found:.1?}, not {lossless:.1?}");
    }
    let [red, green, blue] = mean_colour("grey.jpg");
    assert!((red - green).abs() < 0.5 && (green - blue).abs() < 0.5, "grey has no colour: {red} {green} {blue}");
}

#[test]
fn brightness_is_the_same_with_colours_and_without() {
    for name in ["baseline.jpg", "cmyk.jpg", "palette.png", "lossy.webp"] {
        let grey = decode::luma(&image(name), &Caps::default(), 60).unwrap();
        let coloured =
            decode::photo(&image(name), &Caps::default(), Wanted { longer: 60, colour: true, ..Wanted::default() })
                .unwrap();
        assert_eq!(grey.colour, None);
        let difference = mean_difference(&grey.luma, &coloured.luma);
        assert!(difference < 1.0, "{name}: {difference:.2} grey levels");
    }
}

const TINTED: Wanted = Wanted { longer: 120, shorter: 0, colour: false, tint: true };

#[test]
fn the_same_tint_from_every_form() {
    let mean =
        |plane: &Luma| plane.pixels().iter().map(|&level| f64::from(level)).sum::<f64>() / plane.pixels().len() as f64;
    let tint = |name: &str| {
        let tint = decode::photo(&image(name), &Caps::default(), TINTED).unwrap().tint?;
        Some([mean(&tint.blue), mean(&tint.red)])
    };
    let lossless = tint("rgb16.png").unwrap();
    assert!(lossless[0] < 124.0 && lossless[1] > 132.0, "brown is redder than grey, and less blue: {lossless:.1?}");
    for name in [
        "baseline.jpg",
        "progressive.jpg",
        "quarter-chroma.jpg",
        "cmyk.jpg",
        "alpha.png",
        "lossless.webp",
        "lossy.webp",
    ] {
        let found = tint(name).unwrap();
        let apart = found.iter().zip(lossless).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart < 3.0, "{name}: {found:.1?}, not {lossless:.1?}");
    }
    let grey = tint("grey.jpg").unwrap_or([128.0; 2]);
    assert!(grey.iter().all(|level| (level - 128.0).abs() < 0.5), "grey has none: {grey:?}");
}

#[test]
fn brightness_is_the_same_to_the_last_bit_with_a_tint_and_without() {
    // Odd sides: what fills the last column and row of pairs is no pixel of the photo.
    let wave = |x: f64, factor: f64| ((x / factor).sin() * 90.0 + 120.0) as f32;
    let odd = imagejob_truth::Picture::from_fn(67, 45, |at| [wave(at.x, 5.0), wave(at.y, 7.0), wave(at.x + at.y, 9.0)]);
    for jpeg in [odd.to_jpeg(90), held(&odd.to_jpeg(90), 6), image("progressive.jpg")] {
        for longer in [u32::MAX, 30, 17] {
            let grey = decode::luma(&jpeg, &Caps::default(), longer).unwrap();
            let tinted = decode::photo(&jpeg, &Caps::default(), Wanted { longer, ..TINTED }).unwrap();
            assert!(grey.luma == tinted.luma, "for {longer}");
            let tint = tinted.tint.unwrap();
            let size = (tint.blue.width(), tint.blue.height());
            assert_eq!(size, (tint.red.width(), tint.red.height()));
            assert!(size.0 * 2 >= grey.luma.width() && size.1 * 2 >= grey.luma.height(), "{size:?} for {longer}");
        }
    }
}

#[test]
fn one_bit_per_pixel_becomes_black_and_white() {
    let photo = decode::luma(&image("bilevel.png"), &Caps::default(), 120).unwrap();
    assert_eq!((photo.luma.width(), photo.luma.height()), (120, 80));
    let levels: BTreeSet<u8> = photo.luma.pixels().iter().copied().collect();
    assert_eq!(levels, BTreeSet::from([0, 255]));
}

#[test]
fn a_jpeg_comes_at_the_scale_that_was_asked_for() {
    let full = decode::luma(&image("baseline.jpg"), &Caps::default(), 120).unwrap().luma;
    for (wanted, width, height) in [(61, 120, 80), (60, 60, 40), (30, 30, 20), (15, 15, 10), (1, 15, 10)] {
        let photo = decode::luma(&image("baseline.jpg"), &Caps::default(), wanted).unwrap();
        assert_eq!((photo.luma.width(), photo.luma.height()), (width, height), "for {wanted}");
        assert_eq!((photo.header.width, photo.header.height), (120, 80), "the header keeps the full size");
        let difference = mean_difference(&photo.luma, &full.shrunk_to(width));
        assert!(difference <= 3.0, "for {wanted}: {difference:.2} grey levels from the full picture, shrunk");
    }
}

#[test]
fn only_what_arrives_in_several_scans_is_held_whole() {
    let held = |name| header::probe(&image(name)).unwrap().decoder_bytes;
    assert_eq!(held("baseline.jpg"), 0);
    // 4:2:0: 8 x 5 units of 16 x 16 pixels, each of six blocks of 64 samples of two bytes.
    assert_eq!(held("progressive.jpg"), 8 * 5 * 6 * 64 * 2);
    // 65,342 x 1 pixels: a row of units all the same. Fuzzing found that it is kept.
    let wide = std::fs::read("../../fuzz/seeds/jpeg/wide-progressive.jpg").unwrap();
    assert_eq!(header::probe(&wide).unwrap().decoder_bytes, 4_084 * 6 * 64 * 2);
    assert_eq!(held("grey16.png"), 120 * 80 * 2);
    assert_eq!(held("alpha.png"), 120 * 80 * 4);
    // A part of lossy data may say that it has 16 MiB.
    assert_eq!(held("lossless.webp"), 120 * 80 * 8);
    assert_eq!(held("lossy.webp"), 120 * 80 * 8 + (16 << 20));
}

/// A JPEG with an EXIF segment that says nothing but how the camera was held.
fn held(jpeg: &[u8], orientation: u16) -> Vec<u8> {
    let [low, high] = orientation.to_le_bytes();
    let tiff = [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[low, high, 0, 0, 0, 0, 0, 0]].concat();
    let payload = [&b"Exif\0\0"[..], &tiff].concat();
    let length = (payload.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, &payload, &jpeg[2..]].concat()
}

#[test]
fn a_photo_taken_with_the_camera_turned_is_looked_at_upright() {
    let stored = decode::luma(&image("baseline.jpg"), &Caps::default(), 120).unwrap();
    for orientation in [0, 1, 9, 65_535] {
        let photo = decode::luma(&held(&image("baseline.jpg"), orientation), &Caps::default(), 120).unwrap();
        assert_eq!(photo, stored, "orientation {orientation} changes nothing");
    }
    let turned = decode::luma(&held(&image("baseline.jpg"), 6), &Caps::default(), 120).unwrap();
    assert_eq!((turned.luma.width(), turned.luma.height()), (80, 120));
    assert_eq!((turned.header.width, turned.header.height), (120, 80), "the header says what is stored");
    let column: Vec<u8> = (0..80).rev().map(|y| stored.luma.row(y)[0]).collect();
    assert_eq!(turned.luma.row(0), column, "the left column, from below, has become the upper row");
    let wanted = Wanted { longer: 120, colour: true, ..Wanted::default() };
    let coloured = decode::photo(&held(&image("baseline.jpg"), 6), &Caps::default(), wanted).unwrap();
    assert_eq!(coloured.colour.map(|colour| (colour.width(), colour.height())), Some((80, 120)));
    let scaled = decode::luma(&held(&image("baseline.jpg"), 6), &Caps::default(), 60).unwrap();
    assert_eq!((scaled.luma.width(), scaled.luma.height(), scaled.reduction()), (40, 60, 2.0));
}
