//! Messages that name a photo, in the forms that stores and producers send, and messages that must
//! fail. Pure: the time of an event is the caller's.

use std::str::FromStr;

use anyhow::{Context as _, bail, ensure};
use imagejob_protocol::reasons::FailureReason;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Forms of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A bare URI: oss://BUCKET/KEY.
    Plain,
    /// `{"bucket": ..., "key": ..., "size": ...}`.
    Json,
    /// An S3 event notification, structure version 2.x.
    S3,
    /// An OSS event as Function Compute's OSS trigger hands it on.
    Oss,
}

/// An object in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// Size.
    pub(crate) bytes: u64,
}

/// What can be wrong with a message, named by the reason for which a worker must refuse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    NotJson,
    UnrecognisedFormat,
    BucketNotListed,
    PathEscapesStore,
    ObjectMissing,
}

impl Fault {
    const ALL: [Self; 5] =
        [Self::NotJson, Self::UnrecognisedFormat, Self::BucketNotListed, Self::PathEscapesStore, Self::ObjectMissing];

    /// The reason that the failure must have.
    pub(crate) fn reason(self) -> FailureReason {
        match self {
            Self::NotJson => FailureReason::NotJson,
            Self::UnrecognisedFormat => FailureReason::UnrecognisedFormat,
            Self::BucketNotListed => FailureReason::BucketNotListed,
            Self::PathEscapesStore => FailureReason::PathEscapesStore,
            Self::ObjectMissing => FailureReason::ObjectMissing,
        }
    }
}

/// A fault and the share of records that have it, written `ObjectMissing=0.01`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FaultShare {
    pub(crate) fault: Fault,
    /// 0 to 1.
    pub(crate) share: f64,
}

impl FromStr for FaultShare {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (reason, share) = text.split_once('=').context("write it as REASON=SHARE, as in ObjectMissing=0.01")?;
        let Some(fault) = Fault::ALL.into_iter().find(|fault| fault.reason().as_str() == reason) else {
            let known: Vec<&str> = Fault::ALL.iter().map(|fault| fault.reason().as_str()).collect();
            bail!("{reason:?} is none of {}", known.join(", "));
        };
        let share: f64 = share.parse().with_context(|| format!("{share:?} is not a number"))?;
        ensure!((0.0..=1.0).contains(&share), "{share} is not between 0 and 1");
        Ok(Self { fault, share })
    }
}

/// The value of a record that names `object`, created at `time`.
pub(crate) fn naming(format: Format, object: &Object, time: Timestamp) -> Vec<u8> {
    match format {
        Format::Plain => format!("oss://{}/{}", object.bucket, object.key).into_bytes(),
        Format::Json => {
            json!({"bucket": object.bucket, "key": object.key, "size": object.bytes}).to_string().into_bytes()
        }
        Format::S3 => s3(object, time).to_string().into_bytes(),
        Format::Oss => oss(object, time).to_string().into_bytes(),
    }
}

/// The value of a record that would name `object` if nothing were wrong with it.
pub(crate) fn broken(fault: Fault, format: Format, object: &Object, time: Timestamp) -> Vec<u8> {
    let instead = |bucket, key| naming(format, &Object { bucket, key, bytes: object.bytes }, time);
    match fault {
        Fault::NotJson => format!("{{\"bucket\": {:?}, \"key\": ", object.bucket).into_bytes(),
        Fault::UnrecognisedFormat => json!({"photo": object.key}).to_string().into_bytes(),
        Fault::BucketNotListed => instead(format!("not-{}", object.bucket), object.key.clone()),
        Fault::PathEscapesStore => instead(object.bucket.clone(), format!("../../{}", object.key)),
        Fault::ObjectMissing => instead(object.bucket.clone(), format!("missing/{}", object.key)),
    }
}

fn s3(object: &Object, time: Timestamp) -> Value {
    json!({"Records": [{
        "eventVersion": "2.4",
        "eventSource": "aws:s3",
        "eventTime": format!("{time:.3}"),
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": object.bucket, "arn": format!("arn:aws:s3:::{}", object.bucket)},
            "object": {"key": form_encode(&object.key), "size": object.bytes},
        },
    }]})
}

fn oss(object: &Object, time: Timestamp) -> Value {
    json!({"events": [{
        "eventName": "ObjectCreated:PutObject",
        "eventSource": "acs:oss",
        "eventTime": format!("{time:.3}"),
        "eventVersion": "1.0",
        "oss": {
            "bucket": {"name": object.bucket},
            "object": {"deltaSize": object.bytes, "key": object.key, "size": object.bytes},
            "ossSchemaVersion": "1.0",
        },
    }]})
}

/// Keys in S3 events are encoded as in forms: a space is `+`, all but letters, digits and
/// `/ - _ . *` is percent-encoded byte by byte.
fn form_encode(key: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'*' => char::from(byte).to_string(),
        b' ' => "+".to_owned(),
        _ => format!("%{byte:02X}"),
    };
    key.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use imagejob_protocol::settings::Format as Admitted;
    use imagejob_worker::formats::{Message, Parsed, Places, parse};
    use imagejob_worker::outcome::Failure;

    use super::*;

    const FORMATS: [(Format, Admitted); 4] = [
        (Format::Plain, Admitted::Plain { uri_pointer: None }),
        (Format::Json, Admitted::Plain { uri_pointer: None }),
        (Format::S3, Admitted::S3Event),
        (Format::Oss, Admitted::OssEvent),
    ];

    fn object(key: &str) -> Object {
        Object { bucket: "photos".to_owned(), key: key.to_owned(), bytes: 1_234 }
    }

    fn read(admitted: &Admitted, value: &[u8]) -> Result<Parsed, Failure> {
        let places = Places { buckets: &["default".to_owned()], hosts: &BTreeMap::new() };
        parse(admitted, places, Message { headers: &[], value })
    }

    fn named(admitted: &Admitted, value: &[u8]) -> (String, String) {
        let object = read(admitted, value).unwrap().photos.swap_remove(0).object;
        (object.bucket, object.key)
    }

    #[test]
    fn a_worker_reads_every_form_back_whatever_the_name() {
        for key in ["a.jpg", "作业 1.jpg", "50%+1 & more.jpg", "2026/11/21/[x].jpg", "%41.jpg", "\"quoted\".jpg"] {
            for (format, admitted) in &FORMATS {
                let value = naming(*format, &object(key), Timestamp::UNIX_EPOCH);
                let expected = ("photos".to_owned(), key.to_owned());
                assert_eq!(named(admitted, &value), expected, "{format:?}");
                assert_eq!(named(&Admitted::Auto, &value), expected, "{format:?} by itself");
            }
        }
    }

    #[test]
    fn broken_messages_are_broken_in_the_way_they_say() {
        for (format, admitted) in &FORMATS {
            let value = |fault| broken(fault, *format, &object("a.jpg"), Timestamp::UNIX_EPOCH);
            for fault in [Fault::NotJson, Fault::UnrecognisedFormat] {
                let failure = read(admitted, &value(fault)).unwrap_err();
                assert_eq!(failure.reason, fault.reason(), "{format:?}");
            }
            assert_eq!(named(admitted, &value(Fault::BucketNotListed)).0, "not-photos");
            assert_eq!(named(admitted, &value(Fault::PathEscapesStore)).1, "../../a.jpg");
            assert_eq!(named(admitted, &value(Fault::ObjectMissing)).1, "missing/a.jpg");
        }
    }

    #[test]
    fn event_times_have_milliseconds() {
        let time: Timestamp = "2026-11-21T06:00:00.0456Z".parse().unwrap();
        let value: Value = serde_json::from_slice(&naming(Format::S3, &object("a.jpg"), time)).unwrap();
        assert_eq!(value["Records"][0]["eventTime"], "2026-11-21T06:00:00.045Z");
    }

    #[test]
    fn a_share_says_what_is_wrong_with_it() {
        let share: FaultShare = "ObjectMissing=0.01".parse().unwrap();
        assert_eq!(share, FaultShare { fault: Fault::ObjectMissing, share: 0.01 });
        for (text, expected) in [
            ("ObjectMissing", "write it as REASON=SHARE, as in ObjectMissing=0.01"),
            (
                "Missing=0.1",
                "\"Missing\" is none of NotJson, UnrecognisedFormat, BucketNotListed, PathEscapesStore, ObjectMissing",
            ),
            ("NotJson=often", "\"often\" is not a number"),
            ("NotJson=1.5", "1.5 is not between 0 and 1"),
            ("NotJson=NaN", "NaN is not between 0 and 1"),
        ] {
            assert_eq!(text.parse::<FaultShare>().unwrap_err().to_string(), expected);
        }
    }
}
