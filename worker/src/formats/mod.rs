//! From a record's value to the objects that it names. Pure; every form is held by golden files in
//! `tests/formats/`.
//!
//! Whether an object may be read is not decided here: see [`crate::storage`].

mod events;
mod oss;
mod plain;
mod s3;

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::Format;
use serde_json::Value;

use crate::outcome::Failure;

/// What a record asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// To look at these, at least one.
    Objects(Vec<Object>),
    /// Nothing, on purpose: an event that created no object.
    Skipped {
        /// The event, for the log.
        event: String,
    },
}

/// Reads a record's value. `default_bucket` is the one of names that have none.
///
/// With [`Format::Auto`] the value itself tells: JSON with `Records` is an S3 event, with `events`
/// an OSS event, with `uri` or `bucket` and `key` a plain one; text is a URI, or the name of an
/// object if it has a file extension.
pub fn parse(format: &Format, default_bucket: &str, value: &[u8]) -> Result<Parsed, Failure> {
    match format {
        Format::Plain { uri_pointer } => plain::parse(uri_pointer.as_deref(), default_bucket, value),
        Format::S3Event => s3::parse(&json(value)?),
        Format::OssEvent => oss::parse(&json(value)?),
        Format::Auto => guess(default_bucket, value),
    }
}

fn guess(default_bucket: &str, value: &[u8]) -> Result<Parsed, Failure> {
    if !matches!(value.trim_ascii_start().first(), Some(b'{' | b'[' | b'"')) {
        return plain::from_text(default_bucket, value, plain::Names::WithExtension).map(objects);
    }
    let value = json(value)?;
    if value.get("Records").is_some() || value.get("Event").is_some() {
        s3::parse(&value)
    } else if value.get("events").is_some() {
        oss::parse(&value)
    } else {
        plain::from_json(default_bucket, &value).map(objects)
    }
}

fn objects(object: Object) -> Parsed {
    Parsed::Objects(vec![object])
}

fn json(value: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(value)
        .map_err(|error| Failure::new(FailureReason::NotJson, format!("the value is not JSON: {error}")))
}

fn unrecognised(message: impl Into<String>) -> Failure {
    Failure::new(FailureReason::UnrecognisedFormat, message)
}

/// A size in bytes, which some producers write as text; one that is neither is as good as none.
fn size(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
