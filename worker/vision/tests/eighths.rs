//! JPEG at an eighth of its size: ours says the same as libjpeg-turbo, to the last bit, or that it is not for it.
#![allow(clippy::unwrap_used, missing_docs)]

mod scans;

use std::io::Read;
use std::sync::LazyLock;

use imagejob_vision::decode::{self, Wanted};
use imagejob_vision::{Caps, ImageError};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp};

const GREY: Wanted = Wanted { longer: 1, shorter: 0, colour: false, tint: false };
const COLOUR: Wanted = Wanted { colour: true, ..GREY };

/// What libjpeg-turbo makes of it; an error for a warning too.
fn theirs(jpeg: &[u8], format: PixelFormat) -> Result<Vec<u8>, turbojpeg::Error> {
    let mut decoder = Decompressor::new()?;
    decoder.set_scaling_factor(ScalingFactor::ONE_EIGHTH)?;
    let header = decoder.read_header(jpeg)?.scaled(ScalingFactor::ONE_EIGHTH);
    let pitch = header.width * format.size();
    let mut pixels = vec![0; pitch * header.height];
    let image = Image { pixels: pixels.as_mut_slice(), width: header.width, pitch, height: header.height, format };
    decoder.decompress(jpeg, image)?;
    Ok(pixels)
}

/// What ours makes of it, whoever holds the camera: brightness, or colours.
fn ours(jpeg: impl Read, wanted: Wanted) -> Option<Vec<u8>> {
    let photo = decode::streamed(jpeg, &Caps::default(), wanted).unwrap()?;
    Some(photo.colour.map_or_else(|| photo.luma.pixels().to_vec(), |colour| colour.pixels().concat()))
}

#[track_caller]
fn are_the_same(jpeg: &[u8], what: &str) {
    for (wanted, format) in [(GREY, PixelFormat::GRAY), (COLOUR, PixelFormat::RGB)] {
        let ours = ours(jpeg, wanted).unwrap_or_else(|| panic!("{what}: not decoded as {format:?}"));
        let theirs = theirs(jpeg, format).unwrap_or_else(|e| panic!("{what}: {e}"));
        let differ = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs).count();
        assert_eq!((ours.len(), differ), (theirs.len(), 0), "{what}: values of {format:?} that differ");
    }
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

const PHOTOS: [&str; 4] = ["astronaut", "coffee", "retina", "temple"];

/// A part of a photograph, so that its sides are no multiples of anything, coded anew.
fn coded(photo: &Image<Vec<u8>>, side: usize, quality: i32, sampling: Subsamp) -> Vec<u8> {
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(quality).unwrap();
    compressor.set_subsamp(sampling).unwrap();
    compressor.set_optimize(quality % 2 == 0).unwrap();
    let part = Image { width: side, height: photo.height.min(side + 5), ..photo.as_deref() };
    compressor.compress_to_vec(part).unwrap()
}

#[test]
fn photographs_of_every_quality_and_sampling() {
    for name in PHOTOS {
        let jpeg = file(&format!("../../demo/photos/{name}.jpg"));
        are_the_same(&jpeg, name);
        let photo = turbojpeg::decompress(&jpeg, PixelFormat::RGB).unwrap();
        for sampling in [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub1x2, Subsamp::Sub2x2, Subsamp::Gray] {
            for (quality, side) in [(1, 333), (20, 300), (50, 17), (75, 8), (85, 1), (90, 350), (95, 333), (100, 256)] {
                let what = format!("{name}, {side} pixels, quality {quality}, {sampling:?}");
                are_the_same(&coded(&photo, side, quality, sampling), &what);
            }
        }
    }
}

/// Codes, steps and coefficients that no encoder writes, so that each table and each sum sees its limits.
#[test]
fn scans_of_anything() {
    for seed in 0..600 {
        let mut rng = StdRng::seed_from_u64(seed);
        let kind = scans::Kind::drawn(&mut rng);
        are_the_same(&scans::jpeg(&kind, &mut rng), &format!("seed {seed}: {kind:?}"));
    }
}

/// Gives as few bytes at a time as it likes.
struct Trickle<'a>(&'a [u8], StdRng);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.1.random_bool(0.1) {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let most = self.1.random_range(1..200);
        self.0.by_ref().take(most).read(buffer)
    }
}

#[test]
fn pieces_of_a_stream_make_no_difference() {
    let photo = file("../../demo/photos/retina.jpg"); // twice what is read ahead
    assert!(photo.len() > 128 << 10, "{} bytes", photo.len());
    for seed in 0..20 {
        let trickle = Trickle(&photo, StdRng::seed_from_u64(seed));
        assert!(ours(trickle, COLOUR) == ours(&photo[..], COLOUR), "seed {seed}");
    }
}

#[test]
fn a_photo_is_the_same_from_a_stream_and_from_its_bytes() {
    for name in ["tests/images/baseline.jpg", "../../fuzz/seeds/jpeg/turned.jpg", "tests/images/grey.jpg"] {
        for wanted in [GREY, COLOUR] {
            let photo = decode::photo(&file(name), &Caps::default(), wanted).unwrap();
            assert!(photo.reduction() > 6.0, "{name}: 1/{}", photo.reduction());
            assert_eq!(decode::streamed(&file(name)[..], &Caps::default(), wanted), Ok(Some(photo)), "{name}");
        }
    }
}

#[test]
fn caps_come_before_pixels() {
    let caps = Caps { max_pixels: 9_599, ..Caps::default() };
    let jpeg = file("tests/images/baseline.jpg"); // 120 x 80
    let refused = decode::streamed(&jpeg[..700], &caps, GREY);
    assert!(matches!(refused, Err(ImageError::TooManyPixels { .. })), "{refused:?}");
    assert_eq!(refused.err(), decode::photo(&jpeg, &caps, GREY).err());
}

/// With other bytes after the first of a marker's segments.
fn with(jpeg: &[u8], marker: u8, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut jpeg = jpeg.to_vec();
    let at = jpeg.windows(2).position(|pair| pair == [0xFF, marker]).unwrap();
    change(&mut jpeg[at + 4..]);
    jpeg
}

#[test]
fn what_is_not_for_it() {
    let photo = file("tests/images/baseline.jpg");
    let rows = file("../../fuzz/seeds/jpeg/422-restarts.jpg");
    let (scanned, end) = photo.split_at(photo.len() - 2);
    let scan = photo.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let from = |bytes: &[u8]| [&photo[..2], bytes, &photo[2..]].concat();
    let restart = |number: u8| rows.windows(2).position(|pair| pair == [0xFF, 0xD0 + number]).unwrap();
    let mut swapped = rows.clone();
    (swapped[restart(0) + 1], swapped[restart(1) + 1]) = (0xD1, 0xD0);
    let mut lost = rows.clone();
    lost.drain(restart(1)..restart(1) + 2);
    for (what, jpeg) in [
        ("no bytes", vec![]),
        ("no JPEG", file("tests/images/alpha.png")),
        ("progressive", file("tests/images/progressive.jpg")),
        ("ink", file("tests/images/cmyk.jpg")),
        ("chroma of a quarter", file("tests/images/quarter-chroma.jpg")),
        ("half of it", photo[..photo.len() / 2].to_vec()),
        ("half of its head", photo[..scan / 2].to_vec()),
        ("no end marker", scanned.to_vec()),
        ("half an end marker", photo[..photo.len() - 1].to_vec()),
        ("bytes before the end marker", [scanned, &[0; 4], end].concat()),
        ("bytes that fill before the end marker", [scanned, &[0xFF], end].concat()),
        ("a segment after the scan", [scanned, &[0xFF, 0xFE, 0, 3, b'!'], end].concat()),
        ("its height after the scan", [scanned, &[0xFF, 0xDC, 0, 4, 0, 80], end].concat()),
        ("a marker within the scan", [&photo[..scan + 400], &[0xFF, 0xD0], &photo[scan + 400..]].concat()),
        ("zeros from the middle on", [&photo[..photo.len() / 2], &vec![0; 100_000], end].concat()),
        ("restart markers out of order", swapped),
        ("a restart marker less", lost),
        ("garbage between segments", from(&[1, 2, 3])),
        ("a second beginning", from(&[0xFF, 0xD8])),
        (
            "two frames",
            [&photo[..scan], &[0xFF, 0xC0, 0, 11, 8, 0, 80, 0, 120, 1, 1, 0x11, 0], &photo[scan..]].concat(),
        ),
        ("the first of two parts of a colour profile", from(b"\xFF\xE2\0\x13ICC_PROFILE\0\x01\x02abc")),
        ("the second part of a colour profile", from(b"\xFF\xE2\0\x13ICC_PROFILE\0\x02\x02abc")),
        ("a colour profile twice", from(&b"\xFF\xE2\0\x13ICC_PROFILE\0\x01\x01abc".repeat(2))),
        (
            "codes of more symbols than bytes",
            from(&[&[0xFF, 0xC4, 1, 20, 0x13][..], &[0; 14], &[255, 2], &[0; 257]].concat()),
        ),
        ("another JFIF", from(b"\xFF\xE0\0\x10JFIF\0\x02\x01\0\0\x01\0\x01\0\0")),
        ("colours that Adobe did not transform", from(b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\0")),
        ("colours that Adobe transformed otherwise", from(b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\x02")),
        ("12 bits", with(&photo, 0xC0, |frame| frame[0] = 12)),
        ("no height", with(&photo, 0xC0, |frame| frame[1..3].fill(0))),
        ("a side beyond libjpeg's limit", with(&photo, 0xC0, |frame| frame[3..5].fill(0xFF))),
        ("a row of blocks more", with(&photo, 0xC0, |frame| frame[2] += 16)),
        ("a row of blocks less", with(&photo, 0xC0, |frame| frame[2] -= 16)),
        ("chroma of three blocks", with(&photo, 0xC0, |frame| frame[7] = 0x31)),
        ("a table that is not there", with(&photo, 0xC0, |frame| frame[8] = 3)),
        ("two components of one name", with(&photo, 0xC0, |frame| frame[9] = frame[6])),
        ("steps of nothing", with(&photo, 0xDB, |steps| steps[1] = 0)),
        (
            "a code of ones",
            with(&photo, 0xC4, |codes| codes[1..17].copy_from_slice(&[[2, 0], [0, 10]].concat().repeat(4))),
        ),
        ("a scan of some coefficients", with(&photo, 0xDA, |scan| scan[8] = 5)),
        ("a scan of one component", with(&photo, 0xDA, |scan| scan[0] = 1)),
    ] {
        for wanted in [GREY, COLOUR] {
            assert_eq!(decode::streamed(&jpeg[..], &Caps::default(), wanted), Ok(None), "{what}");
        }
    }
    let larger = Wanted { longer: 16, ..GREY };
    assert_eq!(decode::streamed(&photo[..], &Caps::default(), larger), Ok(None), "15 pixels are too few for 16");
    are_the_same(&from(b"\xFF\xE2\0\x13ICC_PROFILE\0\x01\x01abc"), "a colour profile");
    are_the_same(&[&photo[..], b"a maker's note, or a second image"].concat(), "bytes behind the end marker");
}

/// Small pictures of every kind that ours decodes, and some that it leaves alone.
fn small() -> Vec<Vec<u8>> {
    let mut pictures: Vec<Vec<u8>> = ["420", "422-restarts", "444", "turned", "cmyk", "progressive"]
        .map(|name| file(&format!("../../fuzz/seeds/jpeg/{name}.jpg")))
        .into();
    pictures.extend(["baseline", "grey", "quarter-chroma"].map(|name| file(&format!("tests/images/{name}.jpg"))));
    pictures.extend((0..40).map(|seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        scans::jpeg(&scans::Kind::drawn(&mut rng), &mut rng)
    }));
    pictures
}

static SMALL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(small);

/// Where ours decodes damaged bytes, libjpeg-turbo has nothing to say about them, and sees the same.
fn agree(jpeg: &[u8]) -> Result<(), TestCaseError> {
    let caps = Caps { max_pixels: 1 << 22, ..Caps::default() };
    for (wanted, format) in [(GREY, PixelFormat::GRAY), (COLOUR, PixelFormat::RGB)] {
        let Ok(Some(photo)) = decode::streamed(jpeg, &caps, wanted) else { continue };
        let theirs = theirs(jpeg, format);
        prop_assert!(theirs.is_ok(), "{:?}: {:?}", format, theirs.err());
        if !jpeg.windows(6).any(|name| name == b"Exif\0\0") {
            let ours = photo.colour.map_or_else(|| photo.luma.pixels().to_vec(), |colour| colour.pixels().concat());
            prop_assert!(ours == theirs.unwrap(), "{:?}", format);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn changed_bytes(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = which.get(&SMALL).clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        agree(&bytes)?;
    }

    #[test]
    fn changed_bits_of_the_scan(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = which.get(&SMALL).clone();
        let scan = bytes.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
        let at = scan + at.index(bytes.len() - scan);
        bytes[at] ^= 1 << bit;
        agree(&bytes)?;
    }

    #[test]
    fn bytes_that_are_missing_or_twice(
        which in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        length in 1..40_usize,
        twice in any::<bool>(),
    ) {
        let bytes = which.get(&SMALL);
        let from = from.index(bytes.len());
        let to = bytes.len().min(from + length);
        let rest = if twice { from } else { to };
        agree(&[&bytes[..if twice { to } else { from }], &bytes[rest..]].concat())?;
    }
}
