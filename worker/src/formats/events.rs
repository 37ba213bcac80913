//! What the notifications of S3 and OSS have in common: a list of events, each with a version, a name
//! and the object that it happened to.

use std::sync::Arc;

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use serde::Deserialize;
use serde_json::Value;

use super::{Named, Parsed, etag, size, unrecognised};
use crate::outcome::Failure;

#[derive(Deserialize)]
struct Event {
    /// Not said by all who hand events on.
    #[serde(rename = "eventVersion", default)]
    version: Option<String>,
    #[serde(rename = "eventName")]
    name: String,
    #[serde(alias = "s3", alias = "oss")]
    happened_to: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Entry,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Entry {
    key: String,
    #[serde(default)]
    size: Value,
    #[serde(default, rename = "eTag")]
    etag: Value,
}

/// A family of notifications.
pub(super) struct Family {
    /// Its name, for sentences.
    pub(super) name: &'static str,
    /// Major version with its dot, `2.`.
    pub(super) version: &'static str,
    /// Whether an event of this name leaves a whole object behind.
    pub(super) admitted: fn(&str) -> bool,
    /// From the key as it is written to the name of the object.
    pub(super) key: fn(&str) -> String,
}

impl Family {
    /// The objects of the events in `list`, a field of `message`, that are admitted.
    pub(super) fn all(&self, list: &str, message: Value) -> Result<Parsed, Failure> {
        let Self { name, .. } = self;
        let events = message.get(list).ok_or_else(|| unrecognised(format!("an {name} event has {list:?}")))?;
        let events = Vec::<Event>::deserialize(events).map_err(|error| self.misshapen(&error))?;
        self.parse(&events, message)
    }

    /// The object of an event that stands for itself.
    pub(super) fn one(&self, message: Value) -> Result<Parsed, Failure> {
        let event = Event::deserialize(&message).map_err(|error| self.misshapen(&error))?;
        self.parse(&[event], message)
    }

    fn misshapen(&self, error: &serde_json::Error) -> Failure {
        unrecognised(format!("not an {} event: {error}", self.name))
    }

    fn parse(&self, events: &[Event], message: Value) -> Result<Parsed, Failure> {
        let Self { name, version, .. } = self;
        let stated = events.iter().filter_map(|event| event.version.as_ref());
        if let Some(other) = stated.into_iter().find(|stated| !stated.starts_with(version)) {
            let message = format!("{name} event version {other} is not known; {version}x is");
            return Err(Failure::new(FailureReason::UnsupportedVersion, message));
        }
        if events.is_empty() {
            return Err(unrecognised("the event list is empty"));
        }
        let message = Arc::new(message);
        let (admitted, skipped): (Vec<_>, Vec<_>) = events.iter().partition(|event| (self.admitted)(&event.name));
        let named = |event: &Event| Named { object: self.object(&event.happened_to), message: Arc::clone(&message) };
        Ok(Parsed {
            photos: admitted.into_iter().map(named).collect(),
            skipped: skipped.into_iter().map(|event| event.name.clone()).collect(),
        })
    }

    fn object(&self, Entity { bucket, object }: &Entity) -> Object {
        Object {
            bucket: bucket.name.clone(),
            key: (self.key)(&object.key),
            bytes: size(&object.size),
            etag: etag(&object.etag),
        }
    }
}
