//! No bytes make a decoder panic, hang or allocate beyond the caps.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::LazyLock;

use imagejob_vision::decode::Wanted;
use imagejob_vision::quality::{self, Thresholds};
use imagejob_vision::{Caps, decode, header};
use proptest::prelude::*;

/// Every image of the tests, small enough that a case takes a millisecond.
static IMAGES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let dir = format!("{}/tests/images", env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
});

/// Low, so that a header that lies about its size meets them.
const CAPS: Caps = Caps { max_pixels: 1 << 22, max_decoder_bytes: 1 << 24 };

/// Goes the whole way that a worker goes; what comes out must fit what went in.
fn look_at(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(photo) = decode::luma(bytes, &CAPS, 60) else { return Ok(()) };
    let header = photo.header;
    prop_assert_eq!(header::probe(bytes), Ok(header));
    prop_assert!(u64::from(header.width) * u64::from(header.height) <= CAPS.max_pixels);
    prop_assert!(photo.luma.width().max(photo.luma.height()) <= header.longer_side());
    let coloured = decode::photo(bytes, &CAPS, Wanted { longer: 60, colour: true, ..Wanted::default() });
    let colour = coloured.ok().and_then(|photo| photo.colour);
    prop_assert_eq!(
        colour.map(|colour| (colour.width(), colour.height())),
        Some((photo.luma.width(), photo.luma.height()))
    );
    let tinted = decode::photo(bytes, &CAPS, Wanted { longer: 60, tint: true, ..Wanted::default() });
    prop_assert_eq!(
        tinted.ok().map(|photo| (photo.luma.width(), photo.luma.height())),
        Some((photo.luma.width(), photo.luma.height()))
    );
    let quality = quality::assess(&photo, &Thresholds::default());
    prop_assert!(quality.sharpness.is_none_or(|sharpness| sharpness.is_finite() && sharpness >= 0.0));
    prop_assert!((0.0..=1.0).contains(&quality.brightness.clipped));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        look_at(&bytes)?;
    }

    #[test]
    fn any_bytes_after_a_signature(
        signature in prop::sample::select(vec![
            &b"\xFF\xD8"[..], b"\xFF\xD8\xFF\xC0\x00\x11\x08", b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR",
            b"RIFF\0\x01\0\0WEBPVP8 ", b"RIFF\0\x01\0\0WEBPVP8L", b"RIFF\0\x01\0\0WEBPVP8X",
        ]),
        rest in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        look_at(&[signature, &rest].concat())?;
    }

    #[test]
    fn photos_with_changed_bytes(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = which.get(&IMAGES).clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        look_at(&bytes)?;
    }

    #[test]
    fn photos_with_a_hole_or_an_early_end(
        which in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        length in 0..4_000_usize,
        ends in any::<bool>(),
    ) {
        let mut bytes = which.get(&IMAGES).clone();
        let from = from.index(bytes.len());
        let to = if ends { bytes.len() } else { bytes.len().min(from + length) };
        bytes.drain(from..to);
        look_at(&bytes)?;
    }
}
