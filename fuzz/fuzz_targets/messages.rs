//! Records in every form that messages have, read as each format a job can name, `Auto` among them. Lines
//! `name: value` before an empty line are Kafka headers, which carry the attributes of binary CloudEvents.
#![no_main]

use std::collections::BTreeMap;

use imagejob_fuzz::{caps, within};
use imagejob_protocol::settings::Format;
use imagejob_protocol::wire::Header;
use imagejob_worker::formats::{Message, Places, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|record: &[u8]| {
    let (headers, value) = split(record);
    let buckets = ["default".to_owned(), "photos".to_owned()];
    let hosts = BTreeMap::from([("img.example.com".to_owned(), "photos".to_owned())]);
    let places = Places { buckets: &buckets, hosts: &hosts };
    for format in [
        Format::Auto,
        Format::Plain { uri_pointer: None },
        Format::Plain { uri_pointer: Some("/uri".to_owned()) },
        Format::S3Event,
        Format::OssEvent,
        Format::MnsBase64,
        Format::CloudEvent,
        Format::FcConnector,
    ] {
        let read = || parse(&format, places, Message { headers: &headers, value });
        match within(caps::of_parsing(record.len()), read) {
            Ok(asked) => assert!(!asked.photos.is_empty() || !asked.skipped.is_empty(), "{format:?} asks for nothing"),
            Err(failure) => assert!(!failure.message.is_empty()),
        }
    }
});

fn split(record: &[u8]) -> (Vec<Header>, &[u8]) {
    let blank = record.windows(2).position(|pair| pair == b"\n\n");
    let lines = blank.and_then(|at| std::str::from_utf8(&record[..at]).ok());
    let header = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        Some(Header { name: name.to_owned(), value: Some(value.as_bytes().to_vec().into()) })
    };
    match (blank, lines.map(|lines| lines.lines().map(header).collect::<Option<Vec<_>>>())) {
        (Some(at), Some(Some(headers))) => (headers, &record[at + 2..]),
        _ => (Vec::new(), record),
    }
}
