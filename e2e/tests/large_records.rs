//! Records as large as a topic takes: lent, failed and dead-lettered byte for byte, with key and headers. A dead letter
//! is a little larger than its record, so a dead-letter topic of the same limit refuses it: that is said, and
//! the record waits until the topic takes it.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use imagejob_e2e::admin::Admin;
use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::{BUCKET, Fleet, quality_step};
use imagejob_e2e::story::{STALL, skipped};
use imagejob_e2e::topics::header;
use imagejob_e2e::wait;
use imagejob_protocol::headers;
use imagejob_protocol::reasons::{FailureReason, ProblemReason};
use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

const PHOTO: &[u8] = include_bytes!("../../demo/photos/rocket.jpg");
/// `message.max.bytes` of a broker, unless somebody set it.
const DEFAULT_LIMIT: usize = 1_048_588;
/// Of a batch and a record of this kind, beside the value: at most.
const ENVELOPE: usize = 256;
const KEY: &[u8] = b"key \xff not text";

#[test]
fn a_record_as_large_as_the_topic_takes_becomes_a_result_or_a_dead_letter() {
    if skipped("has no limits") {
        return;
    }
    let broker = Broker::start().unwrap();
    let admin = Admin::new(&broker.bootstrap()).unwrap();
    let (name, limit) = ("large", DEFAULT_LIMIT);
    let mut fleet = Fleet::new(&broker, name, 1, vec![quality_step()]).unwrap();
    let dead_letters = fleet.dispatching.dead_letter_topic.clone();
    for topic in [name, &dead_letters] {
        admin.configure(topic, "max.message.bytes", &limit.to_string()).unwrap();
    }
    std::fs::write(fleet.objects().join("good.jpg"), PHOTO).unwrap();
    std::fs::write(fleet.objects().join("letter.jpg"), b"Dear teacher, the dog ate it.").unwrap();
    let good = padded("good.jpg", limit - ENVELOPE);
    let bad = padded("letter.jpg", limit - ENVELOPE);
    send(&broker, name, &good).unwrap();
    send(&broker, name, &bad).unwrap();
    send(&broker, name, &good).unwrap();
    assert!(send(&broker, name, &padded("good.jpg", limit)).is_err(), "the topic would take more");

    fleet.start_dispatchers(1).unwrap();
    fleet.start_workers(1).unwrap();
    let results = || fleet.topics.count(&fleet.working.result_topic).unwrap();
    wait::until(STALL, || format!("{} results", results()), || results() == 2);
    let problem = || {
        let mut problems = fleet.reports().into_iter().flatten().flat_map(|report| report.problems);
        problems.find(|problem| problem.reason == ProblemReason::DeadLetterFailing.as_str())
    };
    wait::until(STALL, || format!("{:#?}", fleet.reports()), || problem().is_some());
    println!("{name}: {}", problem().unwrap().message);
    assert_eq!(fleet.topics.count(&dead_letters).unwrap(), 0);
    assert_eq!(fleet.committed_past_unfinished().unwrap(), []);

    admin.configure(&dead_letters, "max.message.bytes", &(2 * limit).to_string()).unwrap();
    fleet.wait_committed(STALL).unwrap();
    wait::until(STALL, || format!("{:?}", problem()), || problem().is_none());
    let letters = fleet.topics.read(&dead_letters).unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].key(), Some(KEY));
    assert!(letters[0].payload() == Some(bad.as_bytes()), "the value is another");
    assert_eq!(header(&letters[0], "camera").as_deref(), Some("at the door"));
    assert_eq!(header(&letters[0], headers::REASON).as_deref(), Some(FailureReason::NotAnImage.as_str()));
    let account = fleet.account().unwrap();
    println!("{name}: {} bytes of value; {account}", bad.len());
    assert!(account.is_sound() && account.duplicates == 0, "{account}");
}

/// A message of this many bytes that names an object.
fn padded(key: &str, bytes: usize) -> String {
    let message = |padding: &str| serde_json::json!({ "bucket": BUCKET, "key": key, "padding": padding }).to_string();
    message(&"x".repeat(bytes - message("").len()))
}

fn send(broker: &Broker, topic: &str, value: &str) -> Result<(), KafkaError> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap()).set("message.max.bytes", (100 << 20).to_string());
    let producer: FutureProducer = config.create()?;
    let headers = OwnedHeaders::new().insert(Header { key: "camera", value: Some("at the door") });
    let record = FutureRecord::to(topic).key(KEY).payload(value).headers(headers);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sent = runtime.block_on(producer.send(record, Duration::from_secs(10)));
    sent.map(drop).map_err(|(error, _)| error)
}
