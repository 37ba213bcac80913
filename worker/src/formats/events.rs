//! What the notifications of S3 and OSS have in common: a list of events, each with a version, a name
//! and the object that it happened to.

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use serde::Deserialize;
use serde_json::Value;

use super::{Parsed, size, unrecognised};
use crate::outcome::Failure;

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "eventVersion")]
    version: String,
    #[serde(rename = "eventName")]
    name: String,
    #[serde(alias = "s3", alias = "oss")]
    happened_to: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Named,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Named {
    key: String,
    #[serde(default)]
    size: Value,
    #[serde(default, rename = "eTag")]
    etag: Option<String>,
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
    /// The objects of the events that are admitted: nothing to do if there is none.
    pub(super) fn parse(&self, list: &Value) -> Result<Parsed, Failure> {
        let Self { name, version, .. } = self;
        let events =
            Vec::<Event>::deserialize(list).map_err(|error| unrecognised(format!("not an {name} event: {error}")))?;
        if let Some(event) = events.iter().find(|event| !event.version.starts_with(version)) {
            let message = format!("{name} event version {} is not known; {version}x is", event.version);
            return Err(Failure::new(FailureReason::UnsupportedVersion, message));
        }
        let Some(first) = events.first() else { return Err(unrecognised("the event list is empty")) };
        let admitted = events.iter().filter(|event| (self.admitted)(&event.name));
        let objects: Vec<Object> = admitted.map(|event| self.object(&event.happened_to)).collect();
        Ok(if objects.is_empty() { Parsed::Skipped { event: first.name.clone() } } else { Parsed::Objects(objects) })
    }

    fn object(&self, Entity { bucket, object }: &Entity) -> Object {
        Object {
            bucket: bucket.name.clone(),
            key: (self.key)(&object.key),
            bytes: size(&object.size),
            etag: object.etag.clone().filter(|etag| !etag.is_empty()),
        }
    }
}
