//! From a record to the objects that it names. Pure; every form is held by golden files in
//! `tests/formats/`.
//!
//! A form is a document (an event of a store, a producer's own JSON, a URI) or a wrap around documents
//! (Base64, a CloudEvent, a connector's array). Wraps may lie in wraps. Whether an object may be read is
//! not decided here: see [`crate::storage`].

mod cloud_event;
mod connector;
mod events;
mod mns;
mod oss;
mod percent;
mod plain;
mod result;
mod s3;
mod uri;

use std::collections::BTreeMap;
use std::sync::Arc;

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Format, WorkerSettings};
use imagejob_protocol::wire::Header;
use serde_json::Value;

use crate::outcome::Failure;

/// Wraps in wraps that are opened: a real message has three at most (connector, CloudEvent, Base64).
const MAX_WRAPS: u32 = 8;

/// A record, as far as forms look at it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Kafka headers, which carry the attributes of some CloudEvents.
    pub headers: &'a [Header],
    /// The value.
    pub value: &'a [u8],
}

/// What stands for a bucket in a message.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// Listed buckets; the first is the one of names that have none.
    pub buckets: &'a [String],
    /// Buckets by the domain names of `https://` addresses.
    pub hosts: &'a BTreeMap<String, String>,
}

/// What a record asks for; not empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// To look at these.
    pub photos: Vec<Named>,
    /// To do nothing about these events, on purpose: they leave no new object behind.
    pub skipped: Vec<String>,
}

/// An object, and the document that names it.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// The object.
    pub object: Object,
    /// Where pointers of the job look: the record's JSON without what was wrapped around it; null for text.
    pub message: Arc<Value>,
}

impl<'a> Places<'a> {
    /// The job's.
    pub fn of(settings: &'a WorkerSettings) -> Self {
        Self { buckets: &settings.storage.buckets, hosts: &settings.hosts }
    }

    fn default_bucket(&self) -> &'a str {
        self.buckets.first().map_or("", String::as_str)
    }
}

/// Reads a record.
///
/// With [`Format::Auto`] the record itself tells, in this order: a header that says CloudEvent, what the JSON
/// has (`Records`: S3, `events`: OSS, `specversion`: CloudEvent, coordinates of a record: connector, `uri` or
/// `key`: plain; each element of an array for itself), Base64 of such JSON, a URI, the name of an object with
/// a file extension.
///
/// # Errors
/// `NotJson`, `UnrecognisedFormat`, `UnsupportedVersion`, `Overflow`, `BucketNotListed`.
pub fn parse(format: &Format, places: Places<'_>, message: Message<'_>) -> Result<Parsed, Failure> {
    let reader = Reader { places, wraps: 0 };
    match format {
        Format::Plain { uri_pointer } => plain::parse(uri_pointer.as_deref(), places, message.value),
        Format::S3Event => s3::parse(json(message.value)?),
        Format::OssEvent => oss::parse(json(message.value)?),
        Format::MnsBase64 => mns::parse(reader, message.value),
        Format::CloudEvent => cloud_event::parse(reader, message),
        Format::FcConnector => connector::parse(reader, json(message.value)?),
        Format::Auto if cloud_event::announced(message.headers) => cloud_event::parse(reader, message),
        Format::Auto => reader.bytes(message.value),
    }
}

/// Finds out what something is, within so many wraps.
#[derive(Debug, Clone, Copy)]
struct Reader<'a> {
    places: Places<'a>,
    wraps: u32,
}

impl Reader<'_> {
    /// For what is within a wrap.
    fn within(self) -> Result<Self, Failure> {
        if self.wraps == MAX_WRAPS {
            return Err(unrecognised(format!("the message is wrapped more than {MAX_WRAPS} times")));
        }
        Ok(Self { wraps: self.wraps + 1, ..self })
    }

    fn bytes(self, value: &[u8]) -> Result<Parsed, Failure> {
        match value.trim_ascii_start().first() {
            Some(b'{' | b'[' | b'"') => self.json(json(value)?),
            _ => match mns::decoded(value) {
                Some(document) => self.within()?.json(document),
                None => plain::from_text(self.places, value, uri::Names::WithExtension),
            },
        }
    }

    fn json(self, value: Value) -> Result<Parsed, Failure> {
        let has = |field: &str| value.get(field).is_some();
        match value {
            Value::Array(elements) => self.within()?.each(elements, Self::json),
            Value::String(text) => self.within()?.bytes(text.as_bytes()),
            _ if has("Records") || has("Event") => s3::parse(value),
            _ if has("events") => oss::parse(value),
            _ if has("specversion") => cloud_event::structured(self, value),
            _ if has("s3") => s3::one(value),
            _ if has("oss") => oss::one(value),
            _ if connector::is_record(&value) => connector::record(self, value),
            _ => plain::from_json(self.places, value),
        }
    }

    /// All that the elements of an array ask for: everything or, if one cannot be read, nothing.
    fn each(
        self,
        elements: Vec<Value>,
        read: impl Fn(Self, Value) -> Result<Parsed, Failure>,
    ) -> Result<Parsed, Failure> {
        let mut all = Parsed::default();
        for (index, element) in elements.into_iter().enumerate() {
            let of_element = |failure: Failure| {
                Failure::new(failure.reason, format!("element {index} of the array: {}", failure.message))
            };
            let Parsed { photos, skipped } = read(self, element).map_err(of_element)?;
            all.photos.extend(photos);
            all.skipped.extend(skipped);
        }
        if all == Parsed::default() { Err(unrecognised("the array is empty")) } else { Ok(all) }
    }
}

impl Parsed {
    fn skipped(event: impl Into<String>) -> Self {
        Self { photos: Vec::new(), skipped: vec![event.into()] }
    }

    fn one(object: Object, message: Value) -> Self {
        Self { photos: vec![Named { object, message: Arc::new(message) }], skipped: Vec::new() }
    }
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

/// An entity tag that can stand in a header, without the quotes that some producers leave around it; what is
/// none is as good as not there.
fn etag(value: &Value) -> Option<String> {
    let tag = value.as_str()?.trim_matches('"');
    let written = (1..=128).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    written.then(|| tag.to_owned())
}
