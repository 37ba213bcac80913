//! `imagejob generate traffic`: sends a plan's records at their instants and says what was sent.
//!
//! The shell around [`super::plan`]: the broker, the clock and the summary file are touched here
//! and nowhere else. Creates no topic.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use serde::Serialize;

use super::folder;
use super::message::{FaultShare, Format, Object};
use super::plan::{ExtentArgs, Keys, Record, Traffic};
use super::retention::{self, Log};
use super::shape::Shape;

/// Below the options of `--help`.
pub(super) const EXAMPLES: &str = "\
Two of --rate, --seconds (or --compress) and --records say how much; whatever the
shape, records = rate x seconds. The embedded broker of `imagejob dev` keeps 5 MiB a
partition: a run that would go past that is refused before its first record.

Examples:
  Ten a second for a minute, to `imagejob dev --run-dir run`:
    imagejob generate traffic --bootstrap-servers $(cat run/bootstrap) \\
      --topic photos --photos store/photos --bucket photos \\
      --shape steady --rate 10 --seconds 60

  2,000 at once, as S3 events, each hundredth for an object that does not exist:
    ... --shape steady --records 2000 --seconds 0.1 --format s3 --bad ObjectMissing=0.01

  A weekend in a minute, 20,000 photos in all:
    ... --shape weekend --compress 3600 --records 20000";

/// How long the broker may take to answer a question.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// How long the broker may take to confirm a record.
const DELIVERY_LIMIT: Duration = Duration::from_secs(30);

/// Arguments of `imagejob generate traffic`.
#[derive(Debug, Args)]
pub(crate) struct TrafficArgs {
    /// Kafka, as host:port,...; `imagejob dev --run-dir DIR` writes its own to DIR/bootstrap
    #[arg(long)]
    bootstrap_servers: String,
    /// Topic to produce to; it must exist
    #[arg(long)]
    topic: String,
    /// Folder whose photos are named; paths below it are the keys of objects
    #[arg(long)]
    photos: PathBuf,
    /// Bucket that the messages name
    #[arg(long)]
    bucket: String,
    /// How records are spread over the run
    #[arg(long, value_enum)]
    shape: Shape,
    #[command(flatten)]
    extent: ExtentArgs,
    /// Form of the messages
    #[arg(long, value_enum, default_value = "plain")]
    format: Format,
    /// Keys of the records
    #[arg(long, value_enum, default_value = "none")]
    key: Keys,
    /// Share of records that must fail, by reason: NotJson, UnrecognisedFormat, BucketNotListed, PathEscapesStore or
    /// ObjectMissing; may be repeated. Such a record has the header `expected-failure`
    #[arg(long, value_name = "REASON=SHARE")]
    bad: Vec<FaultShare>,
    /// The same seed gives the same records at the same instants
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// File for what was sent, as JSON
    #[arg(long)]
    summary: Option<PathBuf>,
}

/// What was sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    topic: String,
    shape: &'static str,
    seed: u64,
    records: u64,
    /// Confirmed by the broker, by partition.
    by_partition: Vec<u64>,
    /// Records that must fail, by reason.
    bad: BTreeMap<&'static str, u64>,
    /// From the first instant to the last confirmation.
    seconds: f64,
    /// By how much the record that was most behind its instant was late.
    most_late_ms: u64,
}

/// Sends the records and reports.
pub(super) fn run(args: &TrafficArgs) -> anyhow::Result<()> {
    let extent = args.extent.of(args.shape)?;
    ensure!(args.bad.iter().map(|bad| bad.share).sum::<f64>() <= 1.0, "the shares of --bad sum to more than 1");
    let objects = folder::photos(&args.photos, folder::PHOTOS)?
        .into_iter()
        .map(|photo| Object { bucket: args.bucket.clone(), key: photo.key, bytes: photo.bytes })
        .collect();
    let producer = Producer::connect(&args.bootstrap_servers, &args.topic)?;
    let traffic = Traffic {
        objects,
        format: args.format,
        keys: args.key,
        faults: args.bad.clone(),
        partitions: producer.partitions,
        shape: args.shape,
        extent,
        seed: args.seed,
    };
    producer.check_room(&traffic)?;
    let sent = producer.send_all(&traffic)?;
    println!("{}", sentence(&sent));
    if let Some(path) = &args.summary {
        std::fs::write(path, serde_json::to_vec_pretty(&sent)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn sentence(sent: &Sent) -> String {
    let Sent { topic, shape, seed, records, by_partition, bad, seconds, most_late_ms } = sent;
    let partitions = by_partition.len();
    let bad: String = bad.iter().map(|(reason, count)| format!(", {reason} {count}")).collect();
    format!(
        "{records} records to {topic} ({partitions} partitions) in {seconds:.1} s: {shape}, seed {seed}, at most \
         {most_late_ms} ms late{bad}"
    )
}

/// A connection to one topic.
struct Producer {
    kafka: BaseProducer<Deliveries>,
    topic: String,
    partitions: i32,
}

impl Producer {
    fn connect(bootstrap_servers: &str, topic: &str) -> anyhow::Result<Self> {
        let kafka: BaseProducer<Deliveries> = ClientConfig::new()
            .set("bootstrap.servers", bootstrap_servers)
            .set("enable.idempotence", "true")
            .set("delivery.timeout.ms", DELIVERY_LIMIT.as_millis().to_string())
            .set("log_level", "2")
            .create_with_context(Deliveries::default())?;
        // Of all topics: asking for one by name would create it on many brokers.
        let metadata = kafka.client().fetch_metadata(None, ANSWER_LIMIT).with_context(|| {
            format!(
                "BrokerUnreachable: no broker answers at {bootstrap_servers} within {} s; check the address",
                ANSWER_LIMIT.as_secs()
            )
        })?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
            bail!("TopicMissing: topic \"{topic}\" does not exist at {bootstrap_servers}; create it first");
        };
        let partitions = found.partitions().len() as i32;
        Ok(Self { kafka, topic: topic.to_owned(), partitions })
    }

    fn check_room(&self, traffic: &Traffic) -> anyhow::Result<()> {
        let cluster_id = self.kafka.client().fetch_cluster_id(ANSWER_LIMIT).unwrap_or_default();
        if !retention::is_embedded(&cluster_id) {
            return Ok(());
        }
        let log = |partition| -> anyhow::Result<Log> {
            let (start, end) = self.kafka.client().fetch_watermarks(&self.topic, partition, ANSWER_LIMIT)?;
            Ok(Log { start: start.max(0).cast_unsigned(), end: end.max(0).cast_unsigned() })
        };
        let logs: Vec<Log> = (0..self.partitions).map(log).collect::<anyhow::Result<_>>()?;
        let plan = traffic.records(jiff::Timestamp::UNIX_EPOCH);
        retention::check(&self.topic, &logs, &retention::loads(plan, logs.len()))
    }

    #[allow(clippy::disallowed_methods, reason = "the shell of a real run: the plan is in durations since its start")]
    fn send_all(&self, traffic: &Traffic) -> anyhow::Result<Sent> {
        let began = Instant::now();
        let mut most_late = Duration::ZERO;
        let mut bad = BTreeMap::new();
        for record in traffic.records(jiff::Timestamp::now()) {
            self.serve_until(began + record.at);
            most_late = most_late.max(began.elapsed().saturating_sub(record.at));
            self.send(&record)?;
            if let Some(fault) = record.fault {
                *bad.entry(fault.reason().as_str()).or_default() += 1;
            }
        }
        self.kafka.flush(DELIVERY_LIMIT).context("the broker did not confirm the last records")?;
        Ok(Sent {
            topic: self.topic.clone(),
            shape: traffic.shape.as_str(),
            seed: traffic.seed,
            records: traffic.extent.records,
            by_partition: self.kafka.context().confirmed(self.partitions, traffic.extent.records)?,
            bad,
            seconds: began.elapsed().as_secs_f64(),
            most_late_ms: most_late.as_millis() as u64,
        })
    }

    /// Lets confirmations come in until `instant`; returns at once if it has passed.
    #[allow(clippy::disallowed_methods, reason = "the shell of a real run: waits for a real instant")]
    fn serve_until(&self, instant: Instant) {
        loop {
            let left = instant.saturating_duration_since(Instant::now());
            self.kafka.poll(left);
            if left.is_zero() {
                return;
            }
        }
    }

    fn send(&self, record: &Record) -> anyhow::Result<()> {
        let mut message =
            BaseRecord::<String, Vec<u8>>::to(&self.topic).partition(record.partition).payload(&record.value);
        if let Some(key) = &record.key {
            message = message.key(key);
        }
        if let Some((key, reason)) = record.expected_failure() {
            message = message.headers(OwnedHeaders::new().insert(Header { key, value: Some(reason) }));
        }
        while let Err((error, unsent)) = self.kafka.send(message) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error).context("a record could not be sent");
            }
            message = unsent;
            self.kafka.poll(Duration::from_millis(10));
        }
        Ok(())
    }
}

/// What the broker said about each record.
#[derive(Default)]
struct Deliveries {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    by_partition: BTreeMap<i32, u64>,
    /// The first refusal.
    refused: Option<KafkaError>,
}

impl Deliveries {
    /// Confirmed records by partition, if all of `records` were confirmed.
    fn confirmed(&self, partitions: i32, records: u64) -> anyhow::Result<Vec<u64>> {
        let seen = self.seen.lock().map_err(|_| anyhow::anyhow!("a delivery report was cut short"))?;
        let confirmed: u64 = seen.by_partition.values().sum();
        if confirmed < records {
            let why = seen.refused.as_ref().map_or_else(String::new, |error| format!(": {error}"));
            bail!("the broker took {confirmed} of {records} records{why}");
        }
        Ok((0..partitions).map(|partition| seen.by_partition.get(&partition).copied().unwrap_or_default()).collect())
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        use rdkafka::Message as _;
        let Ok(mut seen) = self.seen.lock() else { return };
        match result {
            Ok(message) => *seen.by_partition.entry(message.partition()).or_default() += 1,
            Err((error, _)) => {
                seen.refused.get_or_insert_with(|| error.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    use rdkafka::message::{Headers as _, Message as _};
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::{Offset, TopicPartitionList};
    use serde_json::Value;

    use super::*;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        traffic: TrafficArgs,
    }

    /// A broker with a topic of three partitions, and a folder of three photos.
    struct Place {
        broker: MockCluster<'static, DefaultProducerContext>,
        folder: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            let broker = MockCluster::new(1).unwrap();
            broker.create_topic("photos", 3, 1).unwrap();
            let folder = tempfile::tempdir().unwrap();
            for name in ["a.jpg", "b.jpg", "作业 1.jpg"] {
                std::fs::write(folder.path().join(name), "a photo").unwrap();
            }
            Self { broker, folder }
        }

        fn run(&self, topic: &str, more: &str) -> anyhow::Result<()> {
            let photos = self.folder.path().to_str().unwrap();
            let servers = self.broker.bootstrap_servers();
            let fixed = ["traffic", "--bootstrap-servers", &servers, "--topic", topic, "--photos", photos];
            let more = more.split_whitespace();
            let line = CommandLine::try_parse_from(fixed.into_iter().chain(["--bucket", "store"]).chain(more))?;
            run(&line.traffic)
        }

        /// That every partition's first offset and the one behind its last are these.
        fn assert_held(&self, expected: (i64, i64)) {
            let producer = Producer::connect(&self.broker.bootstrap_servers(), "photos").unwrap();
            for partition in 0..3 {
                let held = producer.kafka.client().fetch_watermarks("photos", partition, ANSWER_LIMIT).unwrap();
                assert_eq!(held, expected, "partition {partition}");
            }
        }

        /// Key, value and expected failure of every record.
        fn read(&self, records: usize) -> Vec<(Option<String>, String, Option<String>)> {
            let consumer: BaseConsumer = ClientConfig::new()
                .set("bootstrap.servers", self.broker.bootstrap_servers())
                .set("group.id", "reader")
                .create()
                .unwrap();
            let mut everything = TopicPartitionList::new();
            for partition in 0..3 {
                everything.add_partition_offset("photos", partition, Offset::Beginning).unwrap();
            }
            consumer.assign(&everything).unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let read = || {
                // Returns early, with nothing, when something else happened.
                let mut polls = (0..300).filter_map(|_| consumer.poll(Duration::from_millis(100)));
                let message = polls.next().expect("a record within 30 s").unwrap();
                let header = message.headers().map(|headers| text(headers.get(0).value.unwrap()));
                (message.key().map(text), text(message.payload().unwrap()), header)
            };
            (0..records).map(|_| read()).collect()
        }
    }

    #[test]
    fn what_is_sent_is_what_was_planned_and_said() {
        let place = Place::new();
        let summary = place.folder.path().join("summary.json");
        let faults = "--bad ObjectMissing=0.2 --key photo";
        place
            .run(
                "photos",
                &format!("--shape burst --records 300 --seconds 0.2 {faults} --summary {}", summary.display()),
            )
            .unwrap();

        let records = place.read(300);
        let bad = records.iter().filter(|(_, value, _)| value.starts_with("oss://store/missing/")).count();
        assert!((30..=90).contains(&bad), "a fifth of 300 is 60, this is {bad}");
        for (key, value, expected) in &records {
            let missing = value.starts_with("oss://store/missing/");
            assert_eq!(expected.as_deref(), missing.then_some("ObjectMissing"), "{value}");
            assert!(value.ends_with(&format!("/{}", key.as_deref().unwrap())), "{key:?} {value}");
        }
        let summary: Value = serde_json::from_slice(&std::fs::read(summary).unwrap()).unwrap();
        assert_eq!((&summary["records"], &summary["shape"]), (&300.into(), &"burst".into()));
        assert_eq!(summary["bad"]["ObjectMissing"], bad);
        let by_partition = summary["byPartition"].as_array().unwrap();
        assert_eq!(by_partition.iter().map(|count| count.as_u64().unwrap()).sum::<u64>(), 300);
        assert!(summary["seconds"].as_f64().unwrap() >= 0.15, "the last of 300 comes near the end of 0.2 s");
    }

    #[test]
    fn more_than_the_embedded_broker_keeps_is_refused_before_the_first_record() {
        let place = Place::new();
        let error = place.run("photos", "--shape steady --records 400000 --seconds 1").unwrap_err().to_string();
        assert!(error.contains("the embedded broker keeps 100000 records or 5242880 bytes"), "{error}");
        place.assert_held((0, 0));
    }

    #[test]
    fn earlier_runs_count_against_the_room_that_is_left() {
        let place = Place::new();
        // About 99 bytes each: 52,800 fill a partition.
        place.run("photos", "--shape steady --records 150000 --seconds 0.1").unwrap();
        let more = place.run("photos", "--shape steady --records 10000 --seconds 0.1");
        assert!(more.unwrap_err().to_string().contains("would hold 53334 records"));
        place.assert_held((0, 50_000));
    }

    #[test]
    fn what_cannot_work_is_said_in_one_sentence() {
        let place = Place::new();
        for (topic, more, expected) in [
            ("photo", "--shape steady --rate 1 --seconds 1", "TopicMissing: topic \"photo\" does not exist at"),
            ("photos", "--shape steady --rate 1", "give two of --rate, --seconds (or --compress) and --records"),
            (
                "photos",
                "--shape steady --rate 1 --seconds 1 --bad NotJson=0.6 --bad ObjectMissing=0.6",
                "the shares of --bad sum to more than 1",
            ),
        ] {
            let error = place.run(topic, more).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
