//! JPEG markers up to the first scan (ISO 10918-1, annex B).

use std::ops::Range;

use super::{Format, Header, Reader};
use crate::ImageError;

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;
/// Holds EXIF, or XMP.
const APP1: u8 = 0xE1;
/// Holds a part of an ICC profile, which begins with these bytes.
const APP2: u8 = 0xE2;
const ICC: &[u8] = b"ICC_PROFILE\0";

/// What a start-of-frame segment says.
struct Frame {
    width: u32,
    height: u32,
    progressive: bool,
    /// Samples of all components together, before padding to whole blocks.
    samples: u64,
    components: u8,
}

pub(super) fn probe(bytes: &[u8]) -> Result<Header, ImageError> {
    let mut reader = Reader::new(bytes, 2);
    let mut frame: Option<Frame> = None;
    loop {
        let marker = next_marker(&mut reader)?;
        if matches!(marker, 0x01 | 0xD0..=0xD8) {
            continue; // no segment follows
        }
        if marker == END_OF_IMAGE {
            return Err(ImageError::corrupt("the JPEG ends before its first scan"));
        }
        let start = reader.at;
        let length = usize::from(u16::from_be_bytes(reader.take()?));
        match marker {
            START_OF_SCAN => {
                let frame = frame.ok_or_else(|| ImageError::corrupt("a JPEG scan without a frame"))?;
                return Ok(header(&frame, reader.byte()?));
            }
            // 0xC4, 0xC8 and 0xCC are tables and a reserved code, not frames.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => frame = Some(read_frame(marker, &mut reader)?),
            _ => {}
        }
        reader.at = start;
        reader.skip(length.max(2));
    }
}

/// Bytes between segments that are no marker are skipped, as libjpeg does.
fn next_marker(reader: &mut Reader<'_>) -> Result<u8, ImageError> {
    loop {
        while reader.byte()? != 0xFF {}
        let mut code = reader.byte()?;
        while code == 0xFF {
            code = reader.byte()?;
        }
        if code != 0 {
            return Ok(code);
        }
    }
}

fn read_frame(marker: u8, reader: &mut Reader<'_>) -> Result<Frame, ImageError> {
    if matches!(marker, 0xC3 | 0xC5..=0xC7 | 0xCB | 0xCD..=0xCF) {
        return Err(ImageError::not_an_image("a lossless or hierarchical JPEG"));
    }
    let precision = reader.byte()?;
    if precision != 8 {
        return Err(ImageError::not_an_image(format!("a JPEG with {precision} bits per sample")));
    }
    let height = u32::from(u16::from_be_bytes(reader.take()?));
    let width = u32::from(u16::from_be_bytes(reader.take()?));
    let components = reader.byte()?;
    let mut sampling = Vec::with_capacity(usize::from(components));
    for _ in 0..components {
        let [_id, factors, _table] = reader.take()?;
        sampling.push((u64::from(factors >> 4), u64::from(factors & 15)));
    }
    let widest = sampling.iter().map(|&(h, _)| h).max().unwrap_or(1).max(1);
    let tallest = sampling.iter().map(|&(_, v)| v).max().unwrap_or(1).max(1);
    // Decoders fill up the last column and row of blocks: one row of pixels at 4:2:0 is kept as sixteen.
    let units = u64::from(width).div_ceil(8 * widest) * u64::from(height).div_ceil(8 * tallest);
    let samples = units * 64 * sampling.iter().map(|&(h, v)| h * v).sum::<u64>();
    Ok(Frame { width, height, progressive: matches!(marker, 0xC2 | 0xCA), samples, components })
}

/// A decoder keeps every coefficient, two bytes for each sample, when components or bits arrive in
/// several scans: 4,000 x 3,000 at 4:2:0 are 18,048,000 samples, 36 MB. Otherwise it keeps rows.
fn header(frame: &Frame, components_in_first_scan: u8) -> Header {
    let several_scans = frame.progressive || components_in_first_scan < frame.components;
    Header {
        format: Format::Jpeg,
        width: frame.width,
        height: frame.height,
        decoder_bytes: if several_scans { frame.samples * 2 } else { 0 },
    }
}

/// Whether an end-of-image marker follows the first scan. Markers in metadata before it, such as
/// those of an embedded thumbnail, do not count.
pub(crate) fn has_end(bytes: &[u8]) -> bool {
    let scan = segments(bytes).find(|(marker, _)| *marker == START_OF_SCAN);
    scan.is_some_and(|(_, rest)| rest.windows(2).any(|pair| pair == [0xFF, END_OF_IMAGE]))
}

/// The TIFF structure within the first EXIF segment, perhaps with bytes after its end.
pub(crate) fn exif(bytes: &[u8]) -> Option<&[u8]> {
    let mut headers = segments(bytes).take_while(|(marker, _)| *marker != START_OF_SCAN);
    headers.find_map(|(marker, rest)| rest.get(2..).filter(|_| marker == APP1)?.strip_prefix(b"Exif\0\0"))
}

/// The ICC profile, joined from its parts (ICC.1:2022, annex B.4): each has its number, from 1, and how many there are.
pub(crate) fn icc(bytes: &[u8]) -> Option<Vec<u8>> {
    let part = |segment: Range<usize>| match bytes.get(segment)?.get(4 + ICC.len()..)? {
        [number, count, data @ ..] => Some((*number, *count, data)),
        _ => None,
    };
    let mut parts: Vec<_> = icc_segments(bytes).filter_map(part).collect();
    parts.sort_by_key(|(number, ..)| *number);
    let complete =
        (1..).zip(&parts).all(|(i, &(number, count, _))| i == u32::from(number) && usize::from(count) == parts.len());
    (complete && !parts.is_empty()).then(|| parts.into_iter().flat_map(|(.., data)| data).copied().collect())
}

/// The same photo without a profile; `None` if it has none.
pub(crate) fn without_icc(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut kept, mut from) = (Vec::new(), 0);
    for segment in icc_segments(bytes) {
        kept.extend_from_slice(bytes.get(from..segment.start)?);
        from = segment.end;
    }
    kept.extend_from_slice(bytes.get(from..)?);
    (from > 0).then_some(kept)
}

/// Segments with a part of a profile, from their marker on.
fn icc_segments(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let headers = segments(bytes).take_while(|(marker, _)| *marker != START_OF_SCAN);
    headers.filter_map(|(marker, rest)| {
        let (length, content) = rest.split_first_chunk::<2>().filter(|_| marker == APP2)?;
        let start = bytes.len() - rest.len();
        content.starts_with(ICC).then(|| start - 2..start + usize::from(u16::from_be_bytes(*length)))
    })
}

/// The marker of each segment and all bytes after it, its length first.
fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut reader = Reader::new(bytes, 2);
    std::iter::from_fn(move || {
        let marker = next_marker(&mut reader).ok()?;
        let rest = bytes.get(reader.at..)?;
        if let Ok(length) = reader.take() {
            reader.skip(usize::from(u16::from_be_bytes(length)).saturating_sub(2));
        }
        Some((marker, rest))
    })
}
