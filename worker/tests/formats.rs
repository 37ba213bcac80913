//! What real messages name, form by form: `formats/<case>.in` is a record's value, `<case>.out` what
//! each format makes of it. After a change that is meant: `UPDATE_GOLDEN=1 cargo test`.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;

use imagejob_protocol::events::Object;
use imagejob_protocol::settings::Format;
use imagejob_worker::formats::{Parsed, parse};

fn outcome(format: &Format, value: &[u8]) -> String {
    match parse(format, "default", value) {
        Ok(Parsed::Objects(objects)) => {
            let size = |bytes: Option<u64>| bytes.map_or(String::new(), |bytes| format!(" ({bytes} bytes)"));
            let version = |etag: &Option<String>| etag.as_ref().map_or(String::new(), |etag| format!(" [{etag}]"));
            let object = |o: &Object| format!("{} / {}{}{}", o.bucket, o.key, size(o.bytes), version(&o.etag));
            objects.iter().map(object).collect::<Vec<_>>().join(", ")
        }
        Ok(Parsed::Skipped { event }) => format!("skipped {event}"),
        Err(failure) => failure.to_string(),
    }
}

#[test]
fn every_case_is_read_as_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
    let mut cases: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "in"));
    cases.sort();
    assert!(cases.len() > 20, "the cases are in {}", folder.display());
    let pointer = Format::Plain { uri_pointer: Some("/uri".to_owned()) };
    let formats = [
        ("Auto", Format::Auto),
        ("Plain", Format::Plain { uri_pointer: None }),
        ("Plain /uri", pointer),
        ("S3Event", Format::S3Event),
        ("OssEvent", Format::OssEvent),
    ];
    for case in cases {
        let value = std::fs::read(&case).unwrap();
        let actual = formats.iter().fold(String::new(), |mut text, (name, format)| {
            writeln!(text, "{name}: {}", outcome(format, &value)).unwrap();
            text
        });
        let golden = case.with_extension("out");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &actual).unwrap();
        }
        assert_eq!(actual, std::fs::read_to_string(&golden).unwrap_or_default(), "{}", golden.display());
    }
}
