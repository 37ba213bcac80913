//! Bad input ends as a dead letter with the exact reason, or as a problem in the report; photos
//! beside it are not held up.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use imagejob_e2e::account::Account;
use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::{BUCKET, Fleet, quality_step};
use imagejob_e2e::topics::header;
use imagejob_e2e::wait;
use imagejob_protocol::headers;
use imagejob_protocol::reasons::{FailureReason, ProblemReason};
use rdkafka::Message as _;
use serde_json::json;

const LIMIT: Duration = Duration::from_mins(1);
const MIB: usize = 1 << 20;

/// A real photograph.
fn photo() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/photos/rocket.jpg")).unwrap()
}

/// The same photograph with other dimensions in its frame header (SOF0 or SOF2: marker, two bytes
/// of length, one of precision, then height and width).
fn with_dimensions(mut jpeg: Vec<u8>, side: u16) -> Vec<u8> {
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0] || pair == [0xff, 0xc2]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&side.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&side.to_be_bytes());
    jpeg
}

/// A message that names `key`.
fn naming(key: &str) -> String {
    json!({ "bucket": BUCKET, "key": key }).to_string()
}

/// An event of S3, which percent-encodes keys.
fn s3_event(key: &str) -> String {
    let object = json!({ "key": key, "size": 1 });
    let s3 = json!({ "bucket": { "name": BUCKET }, "object": object });
    let record = json!({ "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3 });
    json!({ "Records": [record] }).to_string()
}

/// Messages, and the reason each is given up for.
fn bad_messages() -> Vec<(String, FailureReason)> {
    use FailureReason as R;
    vec![
        ("{\"bucket\": \"photos\",".into(), R::NotJson),
        (json!({ "hello": "world" }).to_string(), R::UnrecognisedFormat),
        (naming("nobody-took-this.jpg"), R::ObjectMissing),
        (naming("large.jpg"), R::ObjectTooLarge),
        (json!({ "bucket": "secrets", "key": "a.jpg" }).to_string(), R::BucketNotListed),
        (naming("../../token"), R::PathEscapesStore),
        (naming("/etc/passwd"), R::PathEscapesStore),
        (s3_event("..%2F..%2Ftoken"), R::PathEscapesStore),
        (naming("half.jpg"), R::TruncatedImage),
        (naming("gigantic.jpg"), R::TooManyPixels),
        (naming("empty.jpg"), R::EmptyObject),
        (naming("letter.jpg"), R::NotAnImage),
    ]
}

#[test]
fn each_bad_message_is_dead_lettered_with_its_reason_and_good_ones_pass() {
    let broker = Broker::start().unwrap();
    let mut fleet = Fleet::new(&broker, "bad", 3, vec![quality_step()]).unwrap();
    let photo = photo();
    let objects: [(&str, Vec<u8>); 6] = [
        ("good.jpg", photo.clone()),
        ("half.jpg", photo[..photo.len() / 2].to_vec()),
        ("gigantic.jpg", with_dimensions(photo, 30_000)),
        ("empty.jpg", Vec::new()),
        ("letter.jpg", b"Dear teacher, the dog ate it.".to_vec()),
        ("large.jpg", vec![0; MIB + 1]),
    ];
    for (key, bytes) in objects {
        std::fs::write(fleet.objects().join(key), bytes).unwrap();
    }
    let bad = bad_messages();
    let good = vec![naming("good.jpg"); 20];
    let messages: Vec<&String> = bad.iter().map(|(message, _)| message).chain(&good).collect();
    fleet.topics.produce("bad", messages.iter().map(|message| message.as_bytes())).unwrap();
    fleet.start_dispatchers(1).unwrap();
    fleet.start_workers(1).unwrap();
    fleet.wait_committed(LIMIT).unwrap();

    let mut found = BTreeMap::new();
    for letter in fleet.topics.read("bad-dlq").unwrap() {
        let message = String::from_utf8(letter.payload().unwrap().to_vec()).unwrap();
        let reason = header(&letter, headers::REASON).unwrap();
        let sentence = header(&letter, headers::MESSAGE).unwrap();
        println!("{reason:20} {sentence}");
        assert!(sentence.len() > reason.len(), "{reason}: {sentence:?} is no sentence");
        let failures: u32 = header(&letter, headers::FAILURES).unwrap().parse().unwrap();
        let transient = reason == FailureReason::ObjectMissing.as_str();
        assert_eq!(failures, if transient { 3 } else { 1 }, "{reason}: attempts");
        assert_eq!(found.insert(message, reason), None, "each bad message is given up once, byte for byte");
    }
    let expected: BTreeMap<_, _> = bad.into_iter().map(|(m, reason)| (m, reason.as_str().to_owned())).collect();
    assert_eq!(found, expected);

    let account: Account = fleet.account().unwrap();
    println!("{account}");
    assert!(account.is_sound() && account.duplicates == 0, "{account}");
    assert_eq!((account.succeeded, fleet.topics.count("bad-failures").unwrap()), (good.len(), expected.len()));
}

#[test]
fn a_missing_topic_is_named_in_the_report_and_work_begins_when_it_appears() {
    let broker = Broker::start().unwrap();
    let mut fleet = Fleet::new(&broker, "present", 1, vec![quality_step()]).unwrap();
    fleet.dispatching.topics = vec!["absent".into()];
    fleet.start_dispatchers(1).unwrap();
    let problem = wait_for_problem(&fleet, ProblemReason::TopicMissing);
    assert!(problem.contains("absent"), "{problem:?} does not name the topic");

    broker.create_topic("absent", 1).unwrap();
    std::fs::write(fleet.objects().join("good.jpg"), photo()).unwrap();
    fleet.topics.produce("absent", [naming("good.jpg").as_bytes()]).unwrap();
    fleet.start_workers(1).unwrap();
    fleet.wait_committed(LIMIT).unwrap();
    let gone = || fleet.reports().iter().flatten().all(|report| report.problems.is_empty());
    wait::until(LIMIT, || format!("problems remain: {:?}", fleet.reports()), gone);
}

#[test]
fn an_unreachable_broker_is_named_in_the_report() {
    let broker = Broker::start().unwrap();
    let mut fleet = Fleet::new(&broker, "cut-off", 1, vec![quality_step()]).unwrap();
    fleet.dispatching.kafka.bootstrap_servers = "127.0.0.1:9".into();
    fleet.start_dispatchers(1).unwrap();
    let problem = wait_for_problem(&fleet, ProblemReason::BrokerUnreachable);
    assert!(problem.contains("127.0.0.1:9"), "{problem:?} does not name the broker");
}

/// The sentence of a problem, when the dispatcher reports it.
fn wait_for_problem(fleet: &Fleet, reason: ProblemReason) -> String {
    let reported = || {
        let problems = fleet.reports().into_iter().flatten().flat_map(|report| report.problems);
        problems.into_iter().find(|problem| problem.reason == reason.as_str())
    };
    wait::until(LIMIT, || format!("no problem {reason}: {:?}", fleet.reports()), || reported().is_some());
    let message = reported().unwrap().message;
    println!("{reason}: {message}");
    message
}
