//! What is not a whole photo, and the exact reason that its sender reads.
#![allow(clippy::unwrap_used, missing_docs)]

use imagejob_vision::{Caps, ImageError, decode, header};

fn image(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/images/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn reason(bytes: &[u8]) -> &'static str {
    match decode::luma(bytes, &Caps::default(), 1_000) {
        Ok(_) => "decoded",
        Err(error) => error.reason(),
    }
}

/// The frame header of a JPEG with other dimensions written into it.
fn jpeg_of(width: u16, height: u16, name: &str) -> Vec<u8> {
    let mut bytes = image(name);
    let frame = bytes.windows(2).position(|pair| pair[0] == 0xFF && matches!(pair[1], 0xC0 | 0xC2)).unwrap();
    bytes[frame + 5..][..2].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..][..2].copy_from_slice(&width.to_be_bytes());
    bytes
}

fn png_of(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = image("rgb16.png");
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    bytes
}

/// A WebP with four bytes of a chunk after its pixels, which says that it has more.
fn with_chunk(name: &[u8], length: u32) -> Vec<u8> {
    let mut bytes = [&image("alpha.webp")[..], name, &length.to_le_bytes(), b"II*\0"].concat();
    let riff = bytes.len() as u32 - 8;
    bytes[4..8].copy_from_slice(&riff.to_le_bytes());
    bytes
}

/// A WebP of 120 x 80 pixels whose lossy frame says that it is so many wide.
fn with_frame_of(width: u16) -> Vec<u8> {
    let mut bytes = image("alpha.webp");
    let frame = bytes.windows(3).position(|code| code == [0x9D, 0x01, 0x2A]).unwrap();
    bytes[frame + 3..][..2].copy_from_slice(&width.to_le_bytes());
    bytes
}

#[test]
fn each_kind_of_bad_bytes_has_its_reason() {
    let first = |name: &str, share: f64| {
        let bytes = image(name);
        bytes[..(bytes.len() as f64 * share) as usize].to_vec()
    };
    let without_end = |name: &str| {
        let bytes = image(name);
        bytes[..bytes.len() - 2].to_vec()
    };
    let cases = [
        ("no bytes", Vec::new(), "EmptyObject"),
        ("one byte", vec![0xFF], "NotAnImage"),
        ("text", b"hello, this is no photo".to_vec(), "NotAnImage"),
        ("web page", b"<!DOCTYPE html><p>404".to_vec(), "NotAnImage"),
        ("GIF", image("animation.gif"), "NotAnImage"),
        ("HEIC", image("photo.heic"), "NotAnImage"),
        ("animated WebP", image("animated.webp"), "NotAnImage"),
        ("a JPEG's first two bytes", vec![0xFF, 0xD8], "TruncatedImage"),
        ("JPEG cut in its header", first("baseline.jpg", 0.05), "TruncatedImage"),
        ("JPEG cut in half", first("baseline.jpg", 0.5), "TruncatedImage"),
        ("JPEG without its last 10 %", first("baseline.jpg", 0.9), "TruncatedImage"),
        ("JPEG without its end marker", without_end("baseline.jpg"), "TruncatedImage"),
        ("progressive JPEG cut in half", first("progressive.jpg", 0.5), "TruncatedImage"),
        ("PNG cut in its header", first("rgb16.png", 0.0004), "TruncatedImage"),
        ("PNG cut in half", first("rgb16.png", 0.5), "TruncatedImage"),
        ("palette PNG cut in half", first("palette.png", 0.5), "TruncatedImage"),
        ("interlaced PNG cut in half", first("interlaced.png", 0.5), "TruncatedImage"),
        ("lossy WebP cut in half", first("lossy.webp", 0.5), "TruncatedImage"),
        ("lossless WebP cut in half", first("lossless.webp", 0.5), "TruncatedImage"),
        ("WebP whose EXIF says that it has 4 GB", with_chunk(b"EXIF", u32::MAX), "TruncatedImage"),
        ("WebP whose EXIF has the four bytes that it says", with_chunk(b"EXIF", 4), "decoded"),
        ("WebP with an unknown chunk that is cut off", with_chunk(b"JUNK", 5), "decoded"),
        ("WebP with more pixels than its header says", with_frame_of(16_383), "CorruptImage"),
        ("30,000 x 30,000 JPEG", jpeg_of(30_000, 30_000, "baseline.jpg"), "TooManyPixels"),
        ("30,000 x 30,000 PNG", png_of(30_000, 30_000), "TooManyPixels"),
        ("progressive JPEG of 256 megapixels", jpeg_of(16_000, 16_000, "progressive.jpg"), "TooManyPixels"),
        ("16-bit PNG of 100 megapixels", png_of(10_000, 10_000), "TooManyPixels"),
        ("0 x 80 JPEG", jpeg_of(0, 80, "baseline.jpg"), "CorruptImage"),
        ("PNG without pixels", png_of(0, 0), "CorruptImage"),
        ("JPEG that is all header", [&[0xFF, 0xD8, 0xFF, 0xD9][..], &[0; 64]].concat(), "CorruptImage"),
        ("PNG of zeros", [&image("rgb16.png")[..40], &[0; 400]].concat(), "CorruptImage"),
    ];
    for (what, bytes, expected) in cases {
        assert_eq!(reason(&bytes), expected, "{what}: {:?}", decode::luma(&bytes, &Caps::default(), 1_000).err());
    }
}

#[test]
fn the_sentence_names_what_was_sent_and_the_way_out() {
    let sentence = |bytes: &[u8]| decode::luma(bytes, &Caps::default(), 1_000).unwrap_err().to_string();
    for (bytes, expected) in [
        (image("photo.heic"), "this is a HEIC; send JPEG, PNG or WebP"),
        (b"<html>".to_vec(), "this is XML or HTML; send JPEG, PNG or WebP"),
        (vec![1, 2, 3, 4, 5], "this is no image (it begins with bytes 01 02 03 04); send JPEG, PNG or WebP"),
        (
            jpeg_of(30_000, 30_000, "baseline.jpg"),
            "30000 x 30000 pixels need 900000000 pixels, more than the limit of 268435456 pixels; send a smaller photo",
        ),
        (
            png_of(10_000, 10_000),
            "10000 x 10000 pixels need 572 MiB, more than the limit of 512 MiB; send a smaller photo",
        ),
    ] {
        assert_eq!(sentence(&bytes), expected);
    }
}

#[test]
fn a_header_alone_is_judged_without_its_pixels() {
    let header = header::probe(&jpeg_of(30_000, 30_000, "baseline.jpg")[..700]).unwrap();
    assert_eq!((header.width, header.height), (30_000, 30_000));
    assert!(matches!(Caps::default().check(&header), Err(ImageError::TooManyPixels { .. })));
}

#[test]
fn harmless_habits_of_cameras_pass() {
    let photo = image("baseline.jpg");
    let (picture, end) = photo.split_at(photo.len() - 2);
    let padded = [picture, &[0; 16], end].concat();
    assert_eq!(reason(&padded), "decoded", "bytes between the last block and the end marker");
    let followed = [&photo[..], b"a maker's note, or a second image"].concat();
    assert_eq!(reason(&followed), "decoded", "bytes after the end marker");
    assert_eq!(reason(&[picture, &[0; 16]].concat()), "TruncatedImage", "padding instead of the end marker");
}

/// A JPEG with an APP1 segment of this content, which says that it has so many bytes.
fn with_exif(content: &[u8], claimed: usize) -> Vec<u8> {
    let photo = image("baseline.jpg");
    [&photo[..2], &[0xFF, 0xE1], &(claimed as u16 + 2).to_be_bytes(), content, &photo[2..]].concat()
}

#[test]
fn exif_that_lies_changes_nothing() {
    let plain = decode::luma(&image("baseline.jpg"), &Caps::default(), 1_000).unwrap();
    let entry = |tag: [u8; 2], kind: u8, count: u8, value: [u8; 4]| {
        [&b"Exif\0\0II*\0\x08\0\0\0\x01\0"[..], &tag, &[kind, 0, count, 0, 0, 0], &value, &[0; 4]].concat()
    };
    let orientation = [0x12, 0x01];
    for (what, content) in [
        ("nothing after its name", b"Exif\0\0".to_vec()),
        ("an unknown byte order", b"Exif\0\0XX*\0\x08\0\0\0\x01\0".to_vec()),
        ("entries beyond its end", b"Exif\0\0II*\0\xFF\xFF\xFF\x7F\x01\0".to_vec()),
        ("65,535 entries", b"Exif\0\0II*\0\x08\0\0\0\xFF\xFF".to_vec()),
        ("an orientation of 9", entry(orientation, 3, 1, [9, 0, 0, 0])),
        ("an orientation of 65,535", entry(orientation, 3, 1, [0xFF, 0xFF, 0, 0])),
        ("an orientation that is text", entry(orientation, 2, 200, [0xFF; 4])),
        ("another size", entry([0x00, 0x01], 4, 1, [0xFF, 0xFF, 0xFF, 0x7F])),
    ] {
        let photo = decode::luma(&with_exif(&content, content.len()), &Caps::default(), 1_000);
        assert_eq!(photo.as_ref(), Ok(&plain), "{what}");
    }
    let beyond = with_exif(b"Exif\0\0", 60_000);
    assert_eq!(reason(&beyond), "TruncatedImage", "a segment longer than the file");
}
