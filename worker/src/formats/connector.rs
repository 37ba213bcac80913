//! Records of another topic, in the array that Alibaba Cloud's Function Compute sink connector makes of them:
//! elements with coordinates and the original value, written as objects or as JSON in strings. EventBridge has
//! the same coordinates in the data of its `alikafka` events.
//! Source: the ApsaraMQ for Kafka guide, "Create a Function Compute sink connector".

use imagejob_protocol::reasons::FailureReason;
use serde_json::Value;

use super::{Parsed, Reader, cloud_event, json, unrecognised};
use crate::outcome::Failure;

pub(super) fn parse(reader: Reader<'_>, value: Value) -> Result<Parsed, Failure> {
    match value {
        Value::Array(elements) => reader.within()?.each(elements, element),
        single => element(reader, single),
    }
}

fn element(reader: Reader<'_>, value: Value) -> Result<Parsed, Failure> {
    let value = if let Value::String(text) = &value { json(text.as_bytes())? } else { value };
    if value.get("specversion").is_some() {
        return cloud_event::structured(reader, value);
    }
    if is_record(&value) {
        return record(reader, value);
    }
    Err(unrecognised("a connector's element has \"topic\", \"partition\" and \"offset\""))
}

/// Whether a document has a record's coordinates.
pub(super) fn is_record(value: &Value) -> bool {
    ["topic", "partition", "offset"].iter().all(|field| value.get(field).is_some())
}

/// What the original record asks for.
pub(super) fn record(reader: Reader<'_>, mut value: Value) -> Result<Parsed, Failure> {
    if value.get("overflowFlag").and_then(Value::as_bool) == Some(true) {
        let coordinates = ["topic", "partition", "offset"].map(|field| match &value[field] {
            Value::String(text) => text.chars().filter(|c| !c.is_control()).take(249).collect(),
            other => other.to_string(),
        });
        let message = format!(
            "the connector left the value of {} out as too large; read that topic directly",
            coordinates.join("/")
        );
        return Err(Failure::new(FailureReason::Overflow, message));
    }
    match value.get_mut("value").map(Value::take) {
        Some(Value::String(text)) => reader.within()?.bytes(text.as_bytes()),
        Some(Value::Null) | None => Err(unrecognised("the connector's record has no \"value\"")),
        Some(document) => reader.within()?.json(document),
    }
}
