//! CloudEvents 1.x on Kafka, binary (attributes in `ce_` headers, the value is the data) and structured (all in
//! the value), and what is known of the data of some of them: Alibaba Cloud EventBridge's events of OSS, MNS and
//! Kafka, and another job's results. Of others the data may have any form, or the extension `dataref` names the object.
//! Sources: "Kafka Protocol Binding for CloudEvents"; EventBridge guide, "OSS events", "MNS events".

use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::wire::Header;
use serde_json::Value;

use super::uri::Names;
use super::{Message, Parsed, Reader, json, mns, oss, result, unrecognised, uri};
use crate::outcome::Failure;

/// Headers that every binary event has.
const REQUIRED: [&str; 4] = ["ce_specversion", "ce_id", "ce_type", "ce_source"];

/// What decides how the data is read.
#[derive(Debug, Clone, Default)]
struct Attributes {
    specversion: String,
    kind: String,
    dataref: Option<String>,
}

/// Whether headers say that a record is a CloudEvent.
pub(super) fn announced(headers: &[Header]) -> bool {
    is_structured(headers) || REQUIRED.iter().all(|name| text(headers, name).is_some())
}

/// A record that is a CloudEvent, by its headers or its JSON.
pub(super) fn parse(reader: Reader<'_>, message: Message<'_>) -> Result<Parsed, Failure> {
    if is_structured(message.headers) || !announced(message.headers) {
        return structured(reader, json(message.value)?);
    }
    let attribute = |name: &str| text(message.headers, name).map(str::to_owned);
    let attributes = Attributes {
        specversion: attribute("ce_specversion").unwrap_or_default(),
        kind: attribute("ce_type").unwrap_or_default(),
        dataref: attribute("ce_dataref"),
    };
    attributes.check()?;
    // Data of a type that is known is JSON; other data is whatever it is.
    if attributes.is_known() {
        return attributes.data(reader, json(message.value)?);
    }
    match &attributes.dataref {
        Some(address) => referred(reader, address, json(message.value).unwrap_or_default()),
        None => reader.within()?.bytes(message.value),
    }
}

/// An event with all its attributes in one JSON object.
pub(super) fn structured(reader: Reader<'_>, mut event: Value) -> Result<Parsed, Failure> {
    let attribute = |name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
    let specversion = attribute("specversion").ok_or_else(|| unrecognised("a CloudEvent has \"specversion\""))?;
    let kind = attribute("type").ok_or_else(|| unrecognised("a CloudEvent has \"type\""))?;
    let attributes = Attributes { specversion, kind, dataref: attribute("dataref") };
    let encoded = attribute("data_base64");
    attributes.check()?;
    if let Some(address) = attributes.dataref.as_ref().filter(|_| !attributes.is_known()) {
        return referred(reader, address, event);
    }
    match (event.get_mut("data").map(Value::take), encoded) {
        (Some(Value::String(text)), _) if !attributes.is_known() => reader.within()?.bytes(text.as_bytes()),
        (Some(Value::String(text)), _) => attributes.data(reader, json(text.as_bytes())?),
        (Some(data), _) => attributes.data(reader, data),
        (None, Some(encoded)) => mns::parse(reader, encoded.as_bytes()),
        (None, None) => Err(unrecognised("the CloudEvent has no data")),
    }
}

impl Attributes {
    fn check(&self) -> Result<(), Failure> {
        if self.specversion.starts_with("1.") {
            return Ok(());
        }
        let message = format!("CloudEvents version {:?} is not known; 1.x is", self.specversion);
        Err(Failure::new(FailureReason::UnsupportedVersion, message))
    }

    /// Whether the type says what the data is.
    fn is_known(&self) -> bool {
        self.kind.starts_with("oss:") || self.kind.starts_with("mns:") || result::is_ours(&self.kind)
    }

    fn data(&self, reader: Reader<'_>, mut data: Value) -> Result<Parsed, Failure> {
        let reader = reader.within()?;
        if result::is_ours(&self.kind) {
            return result::parse(&self.kind, data);
        }
        if self.kind.starts_with("mns:") {
            return match data.get_mut("messageBody").map(Value::take) {
                Some(Value::String(body)) => reader.bytes(body.as_bytes()),
                Some(body @ Value::Object(_)) => reader.json(body),
                _ => Err(unrecognised("an MNS event has \"messageBody\"")),
            };
        }
        if self.kind.starts_with("oss:") && !oss::admitted(&self.kind) {
            return Ok(Parsed::skipped(&self.kind));
        }
        let of_oss = self.kind.strip_prefix("oss:");
        if let (Some(name), Some(Value::Object(record))) = (of_oss, Some(&mut data)) {
            record.entry("eventName").or_insert_with(|| name.into());
        }
        reader.json(data)
    }
}

/// The data is elsewhere: it is the photo.
fn referred(reader: Reader<'_>, address: &str, message: Value) -> Result<Parsed, Failure> {
    let object = uri::object(reader.places, address, Names::Any)
        .map_err(|failure| Failure::new(failure.reason, format!("dataref: {}", failure.message)))?;
    Ok(Parsed::one(object, message))
}

fn is_structured(headers: &[Header]) -> bool {
    let kind = text(headers, "content-type").map(str::to_ascii_lowercase);
    kind.is_some_and(|kind| kind.starts_with("application/cloudevents"))
}

fn text<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(header.value.as_deref()?).ok()
}
