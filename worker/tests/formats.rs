//! What real messages name, form by form: `formats/<case>.in` is a record's value, `<case>.headers` its headers
//! if it has any, `<case>.out` what each format makes of it. After a change that is meant: `UPDATE_GOLDEN=1
//! cargo test`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use imagejob_protocol::events::Object;
use imagejob_protocol::settings::Format;
use imagejob_protocol::wire::Header;
use imagejob_worker::formats::{Message, Parsed, Places, parse};
use imagejob_worker::outcome::Failure;
use serde_json::{Value, json};

fn read(format: &Format, headers: &[Header], value: &[u8]) -> Result<Parsed, Failure> {
    let buckets = ["default", "photos"].map(str::to_owned);
    let hosts: BTreeMap<_, _> = [("img.example.com".to_owned(), "photos".to_owned())].into();
    parse(format, Places { buckets: &buckets, hosts: &hosts }, Message { headers, value })
}

fn outcome(format: &Format, headers: &[Header], value: &[u8]) -> String {
    let object = |object: &Object| {
        let size = object.bytes.map(|bytes| format!(" ({bytes} bytes)")).unwrap_or_default();
        let etag = object.etag.as_ref().map(|etag| format!(" tag {etag}")).unwrap_or_default();
        format!("{} / {}{size}{etag}", object.bucket, object.key)
    };
    match read(format, headers, value) {
        Ok(Parsed { photos, skipped }) => {
            let photos = photos.iter().map(|named| object(&named.object));
            photos.chain(skipped.iter().map(|event| format!("skipped {event}"))).collect::<Vec<_>>().join(", ")
        }
        Err(failure) => failure.to_string(),
    }
}

/// Headers as they are written in a file, `name: value`, one a line.
fn headers(text: &str) -> Vec<Header> {
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        Header { name: name.to_owned(), value: Some(value.to_owned().into()) }
    };
    text.lines().map(header).collect()
}

#[test]
fn every_case_is_read_as_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
    let mut cases: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "in"));
    cases.sort();
    assert!(cases.len() > 50, "the cases are in {}", folder.display());
    let pointer = Format::Plain { uri_pointer: Some("/uri".to_owned()) };
    let formats = [
        ("Auto", Format::Auto),
        ("Plain", Format::Plain { uri_pointer: None }),
        ("Plain /uri", pointer),
        ("S3Event", Format::S3Event),
        ("OssEvent", Format::OssEvent),
        ("MnsBase64", Format::MnsBase64),
        ("CloudEvent", Format::CloudEvent),
        ("FcConnector", Format::FcConnector),
    ];
    for case in cases {
        let value = std::fs::read(&case).unwrap();
        let headers = headers(&std::fs::read_to_string(case.with_extension("headers")).unwrap_or_default());
        let actual = formats.iter().fold(String::new(), |mut text, (name, format)| {
            writeln!(text, "{name}: {}", outcome(format, &headers, &value)).unwrap();
            text
        });
        let golden = case.with_extension("out");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &actual).unwrap();
        }
        assert_eq!(actual, std::fs::read_to_string(&golden).unwrap_or_default(), "{}", golden.display());
    }
}

#[test]
fn pointers_look_into_the_document_that_names_the_photo_not_into_its_wraps() {
    let own = json!({"uri": "oss://photos/a.jpg", "poster": {"id": "p7"}});
    let record = json!({"topic": "t", "partition": 0, "offset": 1, "value": own.to_string()});
    let event = json!({"specversion": "1.0", "id": "1", "type": "any", "source": "/", "data": own});
    for wrapped in [own.clone(), json!([record.to_string()]), event.clone(), json!([event])] {
        let asked = read(&Format::Auto, &[], wrapped.to_string().as_bytes()).unwrap();
        assert_eq!(asked.photos[0].message.pointer("/poster/id"), Some(&Value::from("p7")), "{wrapped}");
    }
}

#[test]
fn wraps_in_wraps_are_opened_up_to_a_limit() {
    let mut value = json!("oss://photos/a.jpg").to_string();
    for depth in 1..20 {
        let read = read(&Format::Auto, &[], value.as_bytes());
        assert_eq!(read.is_ok(), depth <= 8, "{depth}: {read:?}");
        value = json!([serde_json::from_str::<Value>(&value).unwrap()]).to_string();
    }
}
