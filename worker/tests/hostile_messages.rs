//! No record makes a parser panic, and the time that one takes grows with its length alone.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use imagejob_protocol::settings::Format;
use imagejob_protocol::wire::Header;
use imagejob_worker::clock;
use imagejob_worker::formats::{Message, Places, parse};
use proptest::prelude::*;
use serde_json::json;

/// Every message of the golden files.
static MESSAGES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = format!("{}/tests/formats", env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "in"));
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
});

fn formats() -> [Format; 8] {
    [
        Format::Auto,
        Format::Plain { uri_pointer: None },
        Format::Plain { uri_pointer: Some("/uri".to_owned()) },
        Format::S3Event,
        Format::OssEvent,
        Format::MnsBase64,
        Format::CloudEvent,
        Format::FcConnector,
    ]
}

/// Every format reads it, with and without headers that say CloudEvent; what comes out is not empty.
fn read(value: &[u8]) {
    let buckets = ["photos".to_owned()];
    let header = |name: &str, value: &str| Header { name: name.to_owned(), value: Some(value.to_owned().into()) };
    let binary = ["ce_specversion", "ce_id", "ce_type", "ce_source"].map(|name| header(name, "1.0"));
    let mns = binary.clone().map(|h| if h.name == "ce_type" { header("ce_type", "mns:Queue:SendMessage") } else { h });
    let structured = [header("content-type", "application/cloudevents+json")];
    for headers in [&[][..], &binary, &mns, &structured] {
        for format in formats() {
            let places = Places { buckets: &buckets, hosts: &BTreeMap::new() };
            if let Ok(asked) = parse(&format, places, Message { headers, value }) {
                assert!(!asked.photos.is_empty() || !asked.skipped.is_empty());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes(value in proptest::collection::vec(any::<u8>(), 0..400)) {
        read(&value);
    }

    #[test]
    fn a_real_message_with_other_bytes_in_it_or_cut_off(
        which in any::<prop::sample::Index>(),
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        end in any::<prop::sample::Index>(),
    ) {
        let mut value = which.get::<Vec<u8>>(&MESSAGES).clone();
        for (place, byte) in places {
            if !value.is_empty() {
                let place = place.index(value.len());
                value[place] = byte;
            }
        }
        read(&value);
        value.truncate(end.index(value.len() + 1));
        read(&value);
    }

    #[test]
    fn real_messages_in_each_other(
        parts in proptest::collection::vec(any::<prop::sample::Index>(), 1..5),
        field in prop::sample::select(vec!["value", "data", "messageBody", "events", "Records"]),
    ) {
        let text = |index: &prop::sample::Index| String::from_utf8_lossy(index.get::<Vec<u8>>(&MESSAGES)).into_owned();
        let nested = parts.iter().map(text).reduce(|inner, outer| match serde_json::from_str(&outer) {
            Ok(serde_json::Value::Object(mut fields)) => {
                fields.insert(field.to_owned(), inner.into());
                serde_json::Value::Object(fields).to_string()
            }
            _ => json!([inner, outer]).to_string(),
        });
        read(nested.unwrap().as_bytes());
    }
}

/// A megabyte of each, which is what brokers admit by default: far from a second, even unoptimised on a busy
/// machine. A parser that looked at every pair of bytes would need hours.
#[test]
fn the_longest_message_takes_no_time_to_speak_of() {
    const LENGTH: usize = 1 << 20;
    let deep = |open: &str| open.repeat(LENGTH / open.len());
    let names = format!("[{}\"a.jpg\"]", "\"a.jpg\",".repeat(LENGTH / 8));
    let encoded = "A".repeat(LENGTH);
    for value in [
        deep("["),
        deep("{\"data\":"),
        deep("\"\\"),
        deep("%25"),
        deep("https://"),
        deep("+/"),
        deep("\u{4f5c}"),
        names,
        encoded,
        format!("https://photos.oss-cn-hangzhou.aliyuncs.com/{}", deep("%")),
        format!("https://{}/a", deep(".")),
        json!({"Records": vec![json!({"eventVersion": "2.1"}); LENGTH / 24]}).to_string(),
    ] {
        let begun = clock::now();
        read(value.as_bytes());
        // 32 readings: 8 formats, 4 kinds of headers.
        let one = begun.elapsed() / 32;
        assert!(one < Duration::from_secs(1), "{one:?} for {:?}...", value.chars().take(40).collect::<String>());
    }
}
