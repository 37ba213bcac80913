//! Forms of producers that write their own messages: a URI as text, JSON with `uri` or with `bucket`
//! and `key`, or any JSON with a URI behind a pointer.

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use serde_json::Value;

use super::{Parsed, json, objects, size, unrecognised};
use crate::outcome::Failure;

/// Longest object name that OSS and S3 admit, bytes.
const MAX_NAME: usize = 1_024;

/// Which texts without a scheme count as names of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Any: the job says that messages are plain.
    Any,
    /// Those that end in a file extension: the form is a guess.
    WithExtension,
}

pub(super) fn parse(pointer: Option<&str>, default_bucket: &str, value: &[u8]) -> Result<Parsed, Failure> {
    if let Some(pointer) = pointer {
        let value = json(value)?;
        let found = value.pointer(pointer).and_then(Value::as_str);
        let text = found.ok_or_else(|| unrecognised(format!("there is no string at {pointer}")))?;
        return from_uri(default_bucket, text, Names::Any).map(objects);
    }
    match value.trim_ascii_start().first() {
        Some(b'{' | b'[' | b'"') => from_json(default_bucket, &json(value)?).map(objects),
        _ => from_text(default_bucket, value, Names::Any).map(objects),
    }
}

pub(super) fn from_json(default_bucket: &str, value: &Value) -> Result<Object, Failure> {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    if let Some(uri) = value.as_str().or_else(|| text("uri")) {
        return from_uri(default_bucket, uri, Names::Any);
    }
    let key = text("key").ok_or_else(|| unrecognised("the JSON has neither \"uri\" nor \"key\""))?;
    let bytes = value.get("size").and_then(size);
    let bucket = text("bucket").unwrap_or(default_bucket).to_owned();
    let etag = text("etag").filter(|etag| !etag.is_empty()).map(str::to_owned);
    Ok(Object { bucket, key: key.to_owned(), bytes, etag })
}

pub(super) fn from_text(default_bucket: &str, value: &[u8], names: Names) -> Result<Object, Failure> {
    let text = std::str::from_utf8(value).map_err(|_| unrecognised("the value is neither JSON nor text"))?;
    from_uri(default_bucket, text.trim(), names)
}

/// `oss://bucket/key` and `s3://bucket/key`, the key as it is; without a scheme the name of an
/// object in the default bucket.
fn from_uri(default_bucket: &str, text: &str, names: Names) -> Result<Object, Failure> {
    let object =
        |bucket: &str, key: &str| Object { bucket: bucket.to_owned(), key: key.to_owned(), bytes: None, etag: None };
    if let Some((scheme, rest)) = text.split_once("://") {
        if !matches!(scheme, "oss" | "s3") {
            return Err(unrecognised(format!("{scheme}:// is not read here; use oss:// or s3://")));
        }
        let (bucket, key) = rest.split_once('/').filter(|(_, key)| !key.is_empty()).ok_or_else(|| {
            Failure::new(FailureReason::UnrecognisedFormat, format!("{text:?} names no object: scheme://bucket/key"))
        })?;
        return Ok(object(bucket, key));
    }
    let named = !text.is_empty() && text.len() <= MAX_NAME && !text.chars().any(char::is_control);
    if !named || (names == Names::WithExtension && !has_extension(text)) {
        return Err(unrecognised("the text is neither a URI nor the name of an object"));
    }
    Ok(object(default_bucket, text))
}

/// Ends in a dot and one to five letters or digits: `作业 1.jpg`, not `hello world`.
fn has_extension(name: &str) -> bool {
    let extension = name.rsplit('/').next().and_then(|last| last.rsplit_once('.')).map(|(_, extension)| extension);
    extension.is_some_and(|e| (1..=5).contains(&e.len()) && e.chars().all(|c| c.is_ascii_alphanumeric()))
}
