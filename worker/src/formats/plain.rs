//! Forms of producers that write their own messages: a URI as text, JSON with `uri` or with `bucket`
//! and `key`, or any JSON with a URI behind a pointer.

use imagejob_protocol::events::Object;
use serde_json::Value;

use super::uri::{self, Names};
use super::{Parsed, Places, etag, json, size, unrecognised};
use crate::outcome::Failure;

pub(super) fn parse(pointer: Option<&str>, places: Places<'_>, value: &[u8]) -> Result<Parsed, Failure> {
    if let Some(pointer) = pointer {
        let message = json(value)?;
        let found = message.pointer(pointer).and_then(Value::as_str);
        let text = found.ok_or_else(|| unrecognised(format!("there is no string at {pointer}")))?;
        return Ok(Parsed::one(uri::object(places, text, Names::Any)?, message));
    }
    match value.trim_ascii_start().first() {
        Some(b'{' | b'[' | b'"') => from_json(places, json(value)?),
        _ => from_text(places, value, Names::Any),
    }
}

pub(super) fn from_json(places: Places<'_>, message: Value) -> Result<Parsed, Failure> {
    let text = |field: &str| message.get(field).and_then(Value::as_str);
    let facts = |object: Object| Object {
        bytes: message.get("size").and_then(size),
        etag: message.get("etag").and_then(etag),
        ..object
    };
    let object = if let Some(uri) = message.as_str().or_else(|| text("uri")) {
        uri::object(places, uri, Names::Any)?
    } else {
        let key = text("key").ok_or_else(|| unrecognised("the JSON has neither \"uri\" nor \"key\""))?;
        Object::new(text("bucket").unwrap_or(places.default_bucket()), key)
    };
    Ok(Parsed::one(facts(object), message))
}

pub(super) fn from_text(places: Places<'_>, value: &[u8], names: Names) -> Result<Parsed, Failure> {
    let text = std::str::from_utf8(value).map_err(|_| unrecognised("the value is neither JSON nor text"))?;
    Ok(Parsed::one(uri::object(places, text.trim(), names)?, Value::Null))
}
