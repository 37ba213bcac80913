//! The IHDR chunk of a PNG (ISO 15948).

use super::{Format, Header, Reader};
use crate::ImageError;

pub(super) fn probe(bytes: &[u8]) -> Result<Header, ImageError> {
    let mut reader = Reader::new(bytes, 8);
    let [.., a, b, c, d] = reader.take::<8>()?;
    if [a, b, c, d] != *b"IHDR" {
        return Err(ImageError::corrupt("a PNG that does not begin with IHDR"));
    }
    let width = u32::from_be_bytes(reader.take()?);
    let height = u32::from_be_bytes(reader.take()?);
    let [depth, colour] = reader.take()?;
    // A palette may carry alpha, so it counts as four channels.
    let channels: u64 = match colour {
        0 => 1,
        4 => 2,
        2 => 3,
        3 | 6 => 4,
        other => return Err(ImageError::corrupt(format!("PNG colour type {other} does not exist"))),
    };
    let bytes_per_channel = if depth == 16 { 2 } else { 1 };
    let decoder_bytes = u64::from(width).saturating_mul(u64::from(height)).saturating_mul(channels * bytes_per_channel);
    Ok(Header { format: Format::Png, width, height, decoder_bytes })
}
