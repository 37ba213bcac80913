//! S3 event notifications, structure version 2.x, as S3 and compatible stores send them; the envelope that
//! `MinIO` adds on Kafka (`EventName`, `Key`) says nothing more. Keys are encoded as in forms.
//! Source: the S3 user guide, "Event message structure".

use serde_json::Value;

use super::events::Family;
use super::{Parsed, percent};
use crate::outcome::Failure;

/// Notifications of S3 itself leave out the `s3:` that MinIO and others write.
const S3: Family = Family {
    name: "S3",
    version: "2.",
    admitted: |name| name.trim_start_matches("s3:").starts_with("ObjectCreated:"),
    key: percent::form_decoded,
};

pub(super) fn parse(value: Value) -> Result<Parsed, Failure> {
    // Sent once, when notifications are switched on.
    if value.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(Parsed::skipped("s3:TestEvent"));
    }
    S3.all("Records", value)
}

pub(super) fn one(value: Value) -> Result<Parsed, Failure> {
    S3.one(value)
}
