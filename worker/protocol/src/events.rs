//! Results and failures as binary CloudEvents 1.0 on Kafka: attributes are `ce_` headers, the
//! value is the JSON body. The id depends on the source coordinates alone, so a consumer that
//! remembers ids sees each input once, however often it was worked on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// An item that went through all its steps.
pub const SUCCEEDED: &str = "dev.imagejob.item.succeeded.v1";
/// An item that was given up and dead-lettered.
pub const FAILED: &str = "dev.imagejob.item.failed.v1";

/// An item that was given up because it was older than `retry.maxAgeSeconds`.
pub const EXPIRED: &str = "dev.imagejob.item.expired.v1";

/// Where a record came from. Kafka identifies it by these and the group that consumed it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source {
    /// Consumer group, so that two jobs on one topic give different ids.
    pub group: String,
    /// Source topic.
    pub topic: String,
    /// Source partition.
    pub partition: i32,
    /// Source offset.
    pub offset: i64,
}

impl Source {
    /// First 32 hex digits of SHA-256 over `group 0x00 topic 0x00 partition 0x00 offset 0x00
    /// index`, numbers in decimal. 128 bits: two of 10^12 items collide with probability 10^-15.
    /// `index` counts the objects that one record names, from 0.
    pub fn item_id(&self, index: u32) -> String {
        let Self { group, topic, partition, offset } = self;
        let digest = Sha256::digest(format!("{group}\0{topic}\0{partition}\0{offset}\0{index}"));
        let first: [u8; 16] = std::array::from_fn(|i| digest[i]);
        format!("{:032x}", u128::from_be_bytes(first))
    }

    /// `topic/partition/offset`: the result's key where the input had none.
    pub fn coordinates(&self) -> String {
        format!("{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

/// The attributes of an event; [`Attributes::headers`] are the Kafka headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// [`SUCCEEDED`], [`FAILED`] or [`EXPIRED`].
    pub kind: &'static str,
    /// Namespace and name of the job.
    pub namespace: String,
    /// Name of the job.
    pub job: String,
    /// Where the record came from.
    pub source: Source,
    /// Which of the record's objects, from 0.
    pub index: u32,
    /// Objects that the record names.
    pub count: u32,
    /// `bucket/key` of the object, where one could be named.
    pub subject: Option<String>,
    /// RFC 3339, UTC.
    pub time: String,
    /// Attempt that gave this outcome, from 1.
    pub attempt: u32,
    /// `traceparent` of the input, handed on.
    pub traceparent: Option<String>,
}

impl Attributes {
    /// Kafka headers in the order in which they are written.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("ce_specversion", "1.0".to_owned()),
            ("ce_id", self.source.item_id(self.index)),
            ("ce_type", self.kind.to_owned()),
            ("ce_source", format!("/namespaces/{}/imagejobs/{}", self.namespace, self.job)),
            ("ce_time", self.time.clone()),
            ("ce_sourcetopic", self.source.topic.clone()),
            ("ce_sourcepartition", self.source.partition.to_string()),
            ("ce_sourceoffset", self.source.offset.to_string()),
            ("ce_sourceindex", self.index.to_string()),
            ("ce_sourcecount", self.count.to_string()),
            ("ce_attempt", self.attempt.to_string()),
        ];
        headers.extend(self.subject.as_ref().map(|subject| ("ce_subject", percent_encoded(subject))));
        headers.extend(self.traceparent.clone().map(|parent| ("traceparent", parent)));
        headers
    }
}

/// As part of a URI (`ce_subject` is one) or a header: bytes outside RFC 3986's unreserved set and `/` are escaped.
pub fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Body of a succeeded item; `imagejob try` prints the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemBody {
    /// The object that was looked at.
    pub object: Object,
    /// What its header says; absent when no step needed the pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// One entry per step that ran, by its name, in order.
    pub steps: serde_json::Map<String, serde_json::Value>,
    /// Where the time went.
    pub timings: PhaseMillis,
    /// Values copied from the message (`results.copy`), by their pointer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub copied: BTreeMap<String, serde_json::Value>,
}

/// An object in the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Object {
    /// One of `storage.buckets`.
    pub bucket: String,
    /// Name within the bucket, not escaped.
    pub key: String,
    /// Bytes, once fetched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u64>,
    /// Entity tag that the message gives, without quotes: which of the object's states it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub etag: Option<String>,
}

impl Object {
    /// An object of which no more than its place is known.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self { bucket: bucket.into(), key: key.into(), bytes: None, etag: None }
    }

    /// `bucket/key`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.bucket, self.key)
    }
}

/// An image by its header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Pixels, before any rotation by EXIF.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// `Jpeg`, `Png` or `WebP`.
    pub format: String,
}

/// Milliseconds with three digits, because a small photo takes less than one.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseMillis {
    /// Store to memory.
    pub fetch_ms: f64,
    /// Bytes to pixels.
    pub decode_ms: f64,
    /// All steps.
    pub steps_ms: f64,
}

/// Body of a failed item, in `results.failureTopic`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureBody {
    /// Word of [`crate::reasons::FailureReason`].
    pub reason: String,
    /// One sentence.
    pub message: String,
    /// `Fail`s counted.
    pub failures: u32,
    /// Vanished workers counted.
    pub losses: u32,
    /// Topic that holds the record as it was; none if it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_topic: Option<String>,
}
