//! A dead letter: the original record, and what the dispatcher added about its end. Pure.

use std::fmt;
use std::str::FromStr;

use anyhow::Context as _;
use imagejob_protocol::headers;
use rdkafka::message::{Header, Headers as _, Message, OwnedHeaders};

/// Where a letter lies in the dead-letter topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) partition: i32,
    pub(super) offset: i64,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

impl FromStr for At {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let form = || format!("\"{text}\" is not PARTITION/OFFSET, for example 0/17");
        let (partition, offset) = text.split_once('/').with_context(form)?;
        Ok(Self { partition: partition.parse().with_context(form)?, offset: offset.parse().with_context(form)? })
    }
}

/// Where the original was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) at: At,
    /// `None` for a record that no dispatcher wrote.
    pub(super) source: Option<Source>,
    pub(super) reason: String,
    /// Everything that was added, in order, by its name without the prefix.
    pub(super) notes: Vec<(String, String)>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    /// The original's own.
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Letter {
    /// Reads a record of the dead-letter topic.
    pub(super) fn of(message: &impl Message) -> Self {
        let (mut notes, mut own) = (Vec::new(), Vec::new());
        for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
            match header.key.strip_prefix(headers::PREFIX) {
                Some(_) => {
                    let text = String::from_utf8_lossy(header.value.unwrap_or_default()).into_owned();
                    notes.push((header.key.to_owned(), text));
                }
                None => own.push((header.key.to_owned(), header.value.map(<[u8]>::to_vec))),
            }
        }
        let note = |name: &str| notes.iter().find(|(key, _)| key == name).map(|(_, text)| text.clone());
        let source = || {
            Some(Source {
                topic: note(headers::TOPIC)?,
                partition: note(headers::PARTITION)?.parse().ok()?,
                offset: note(headers::OFFSET)?.parse().ok()?,
            })
        };
        Self {
            at: At { partition: message.partition(), offset: message.offset() },
            source: source(),
            reason: note(headers::REASON).unwrap_or_default(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: own,
            notes,
        }
    }

    /// What was added under this name; empty if nothing was.
    pub(super) fn note(&self, name: &str) -> &str {
        self.notes.iter().find(|(key, _)| key == name).map_or("", |(_, text)| text)
    }

    /// The original's headers, to be sent again.
    pub(super) fn original_headers(&self) -> OwnedHeaders {
        let none = OwnedHeaders::new_with_capacity(self.headers.len());
        self.headers.iter().fold(none, |all, (key, value)| all.insert(Header { key, value: value.as_deref() }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rdkafka::Timestamp;
    use rdkafka::message::OwnedMessage;

    use super::*;

    fn message(headers: &[(&str, Option<&str>)]) -> OwnedMessage {
        let headers =
            headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: *value }));
        let (payload, key) = (Some(b"{}".to_vec()), Some(b"k".to_vec()));
        OwnedMessage::new(payload, key, "photos.dlq".into(), Timestamp::NotAvailable, 1, 17, Some(headers))
    }

    #[test]
    fn what_was_added_is_told_apart_from_what_was_there() {
        let letter = Letter::of(&message(&[
            ("traceparent", Some("00-1")),
            ("empty", None),
            (headers::TOPIC, Some("photos")),
            (headers::PARTITION, Some("2")),
            (headers::OFFSET, Some("4711")),
            (headers::REASON, Some("NotAnImage")),
        ]));
        assert_eq!(letter.at, At { partition: 1, offset: 17 });
        assert_eq!(letter.source, Some(Source { topic: "photos".into(), partition: 2, offset: 4_711 }));
        assert_eq!(letter.reason, "NotAnImage");
        let own = [("traceparent".to_owned(), Some(b"00-1".to_vec())), ("empty".to_owned(), None)];
        assert_eq!(letter.headers, own, "byte for byte, in their order");
        assert_eq!((letter.key, letter.value), (Some(b"k".to_vec()), Some(b"{}".to_vec())));
    }

    #[test]
    fn a_record_that_no_dispatcher_wrote_has_no_source() {
        assert_eq!(Letter::of(&message(&[("a", Some("b"))])).source, None);
    }

    #[test]
    fn places_are_written_as_they_are_printed() {
        let at = At { partition: 3, offset: 1_000 };
        assert_eq!(at.to_string().parse::<At>().unwrap(), at);
        for wrong in ["", "3", "3/", "a/1", "3/1/2"] {
            let error = wrong.parse::<At>().unwrap_err().to_string();
            assert!(error.contains("is not PARTITION/OFFSET"), "{error}");
        }
    }
}
