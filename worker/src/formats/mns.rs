//! Messages that went through Alibaba Cloud's message service (MNS, now Simple Message Queue), which carries
//! bodies in Base64. Source: the OSS guide, "Event notifications": the body is Base64 of the event's JSON.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::{Parsed, Reader, unrecognised};
use crate::outcome::Failure;

/// Producers differ in whether they pad.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A value that the job says is Base64.
pub(super) fn parse(reader: Reader<'_>, value: &[u8]) -> Result<Parsed, Failure> {
    let document =
        BASE64.decode(value.trim_ascii()).map_err(|error| unrecognised(format!("the value is not Base64: {error}")))?;
    reader.within()?.bytes(&document)
}

/// The JSON object or array in a text that may or may not be Base64: names of photos may look like it.
pub(super) fn decoded(value: &[u8]) -> Option<Value> {
    let document = BASE64.decode(value.trim_ascii()).ok()?;
    let document = serde_json::from_slice(&document).ok()?;
    matches!(document, Value::Object(_) | Value::Array(_)).then_some(document)
}
