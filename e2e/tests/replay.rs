//! `imagejob dlq` on a real Kafka: what was given up is listed, and sent again exactly once although the replay is
//! killed again and again.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::{Fleet, quality_step};
use imagejob_e2e::programs::{Process, program};
use imagejob_e2e::topics::Topics;
use imagejob_e2e::wait;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedMessage;
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use tempfile::TempDir;

const LETTERS: usize = 3_000;
const PARTITIONS: i32 = 2;
const LIMIT: Duration = Duration::from_mins(2);

/// The job as its owner wrote it.
fn job(broker: &Broker) -> String {
    format!(
        "apiVersion: imagejob.dev/v1alpha1\nkind: ImageJob\nmetadata: {{name: given-up, namespace: default}}\nspec:\n  \
         source: {{kafka: {{bootstrapServers: \"{}\", topics: [given-up]}}}}\n  \
         storage: {{type: FileSystem, path: /data, buckets: [photos]}}\n  steps: [{{name: quality, quality: {{}}}}]\n  \
         results: {{topic: given-up-results}}\n  deadLetter: {{topic: given-up-dlq}}\n",
        broker.bootstrap()
    )
}

/// `imagejob dlq` on that job.
struct Dlq {
    folder: TempDir,
}

impl Dlq {
    fn new(broker: &Broker) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("job.yaml"), job(broker)).unwrap();
        Self { folder }
    }

    fn start(&self, command: &str, more: &[&str]) -> Process {
        let file = self.folder.path().join("job.yaml").display().to_string();
        let args: Vec<_> = ["dlq", command, &file].iter().chain(more).map(|&arg| arg.to_owned()).collect();
        Process::start(&program("imagejob").unwrap(), "imagejob-dlq", self.folder.path(), &args).unwrap()
    }

    /// What it prints.
    fn run(&self, command: &str, more: &[&str]) -> String {
        let mut process = self.start(command, more);
        let (well, text) = process.finish().unwrap();
        assert!(well, "{command}: {text}{}", process.log());
        text
    }
}

/// What makes a record the same: its partition and bytes.
type Essence = (i32, Option<Vec<u8>>, Option<Vec<u8>>);

fn essence(message: &OwnedMessage) -> Essence {
    (message.partition(), message.key().map(<[u8]>::to_vec), message.payload().map(<[u8]>::to_vec))
}

fn counted(messages: &[OwnedMessage]) -> BTreeMap<Essence, usize> {
    let mut counts = BTreeMap::new();
    for message in messages {
        *counts.entry(essence(message)).or_default() += 1;
    }
    counts
}

#[test]
fn what_was_given_up_is_replayed_exactly_once_however_often_the_replay_is_killed() {
    let broker = Broker::start().unwrap();
    if broker.name() != "Apache Kafka" {
        return println!("SKIPPED: the mock has no transactions");
    }
    let mut fleet = Fleet::new(&broker, "given-up", PARTITIONS, vec![quality_step()]).unwrap();
    // Not JSON, each of them its own text, so that each can be counted.
    let values: Vec<_> = (0..LETTERS).map(|number| format!("no photo {number}")).collect();
    fleet.topics.produce("given-up", values.iter().map(String::as_bytes)).unwrap();
    fleet.start_dispatchers(1).unwrap();
    fleet.start_workers(1).unwrap();
    fleet.wait_committed(LIMIT).unwrap();
    assert_eq!(fleet.stop().unwrap(), Vec::<String>::new(), "these did not end well");
    let originals = counted(&fleet.topics.read("given-up").unwrap());
    assert_eq!(originals.len(), LETTERS);

    let dlq = Dlq::new(&broker);
    let listed = dlq.run("list", &[]);
    assert_eq!(listed.lines().count(), LETTERS + 1);
    let summary = listed.lines().last().unwrap();
    assert!(summary.starts_with("3,000 dead letters in given-up-dlq: "), "{summary}");
    let shown = dlq.run("show", &["1/0"]);
    assert!(shown.contains("imagejob-source-topic: given-up") && shown.contains("no photo "), "{shown}");
    assert_eq!(dlq.run("replay", &["--reason", "Nobody", "--dry-run"]), "0 dead letters would be replayed\n");
    dlq.run("replay", &["--at", "0/7"]);

    // Killed as soon as something more has been sent.
    let sent = |topics: &Topics| topics.count("given-up").unwrap();
    for kill in 0..3 {
        let before = sent(&fleet.topics);
        let mut replay = dlq.start("replay", &[]);
        wait::until(LIMIT, || "nothing is sent".to_owned(), || sent(&fleet.topics) > before || !replay.is_running());
        replay.kill().unwrap();
        println!("kill {kill} after {} offsets", sent(&fleet.topics) - LETTERS);
    }
    // Two at a time: one shuts the other out.
    let mut both = [(); 2].map(|()| dlq.start("replay", &[]));
    for replay in &mut both {
        println!("{:?}", replay.finish().unwrap());
    }
    println!("{}", dlq.run("replay", &[]).trim());
    assert!(dlq.run("list", &[]).starts_with("0 dead letters"), "nothing is left");
    assert_eq!(dlq.run("list", &["--all"]).matches("(replayed)").count(), LETTERS);

    let now = counted(&read_committed(&broker.bootstrap(), "given-up"));
    let wrong: Vec<_> = originals.keys().filter(|record| now.get(*record) != Some(&2)).take(5).collect();
    assert!(wrong.is_empty() && now.len() == LETTERS, "not there exactly twice: {wrong:?}");
}

/// Every record of a topic that a consumer sees: what a killed transaction left is not among them.
fn read_committed(bootstrap: &str, topic: &str) -> Vec<OwnedMessage> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "replay-story")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .create()
        .unwrap();
    let mut from = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        from.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&from).unwrap();
    let (mut messages, mut ends) = (Vec::new(), 0);
    let to_the_end = || {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => messages.push(message.detach()),
            Some(Err(KafkaError::PartitionEOF(_))) => ends += 1,
            Some(Err(error)) => panic!("{error}"),
            None => {}
        }
        ends == PARTITIONS
    };
    wait::until(LIMIT, || format!("{topic} was not read to its end"), to_the_end);
    messages
}
