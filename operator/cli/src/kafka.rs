//! A job's Kafka, reached from here, and topics that are read to their present end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use imagejob_kafka::Access;
use imagejob_operator::plan::worker_settings;
use imagejob_operator::secrets::SecretPaths;
use imagejob_operator::{Clock as _, SystemClock};
use imagejob_protocol::settings::WorkerSettings;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::dev::job::{Brokers, Chosen, documents};

/// A broker that gives nothing for so long is taken for gone.
const SILENCE: Duration = Duration::from_secs(30);

/// Whose Kafka.
#[derive(Args)]
#[allow(clippy::struct_field_names, reason = "`--job` is what it is called everywhere")]
pub(crate) struct Job {
    /// YAML file with an ImageJob and, if it refers to one, its ScalePolicy
    #[arg(value_name = "JOB.YAML")]
    pub(crate) file: PathBuf,
    /// The job, if the file holds several
    #[arg(long, value_name = "NAME")]
    pub(crate) job: Option<String>,
    /// Where its Kafka is from here; replaces spec.source.kafka.bootstrapServers
    #[arg(long, value_name = "HOST:PORT,...")]
    pub(crate) bootstrap_servers: Option<String>,
    /// Folder with a folder per Secret of spec.source.kafka, and in it a file per key
    #[arg(long, value_name = "DIR")]
    pub(crate) secrets: Option<PathBuf>,
}

/// A job with the way to its brokers.
pub(crate) struct Reached {
    pub(crate) chosen: Chosen,
    pub(crate) settings: WorkerSettings,
    pub(crate) access: Access,
}

impl Job {
    /// Reads the job and what its Secrets hold; asks no broker.
    pub(crate) fn reach(&self) -> anyhow::Result<Reached> {
        let documents = documents(std::slice::from_ref(&self.file))?;
        let brokers = self.bootstrap_servers.as_deref().map_or(Brokers::AsWritten, Brokers::At);
        let chosen = Chosen::of(&documents, self.job.as_deref(), brokers, None, SystemClock.now())?;
        let folder = self.secrets.as_deref().map(std::path::absolute).transpose()?;
        let settings = worker_settings(&chosen.valid, &folder.map_or(SecretPaths::Mounted, SecretPaths::In));
        let access = Access::read(&settings.kafka)
            .context("say with --secrets DIR where the Secrets lie, as DIR/<name>/<key>")?;
        Ok(Reached { chosen, settings, access })
    }
}

/// Offsets of a partition: the first that is read, and the first that is not.
pub(crate) type Range = (i64, i64);

/// Hands over the records of each partition's range, those of a partition in order. `reader` must have
/// `enable.partition.eof`.
pub(crate) fn read_ranges(
    reader: &BaseConsumer,
    topic: &str,
    ranges: &BTreeMap<i32, Range>,
    mut each: impl FnMut(&BorrowedMessage<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut open: BTreeMap<i32, i64> = BTreeMap::new();
    let mut from = TopicPartitionList::new();
    for (&partition, &(first, end)) in ranges.iter().filter(|(_, (first, end))| first < end) {
        from.add_partition_offset(topic, partition, Offset::Offset(first))?;
        open.insert(partition, end);
    }
    reader.assign(&from)?;
    let mut heard = now();
    while !open.is_empty() {
        match reader.poll(Duration::from_millis(100)) {
            None => {
                let silent = heard.elapsed();
                ensure!(silent < SILENCE, "the brokers of {topic} gave nothing for {} s", silent.as_secs());
                continue;
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
            Some(message) => {
                let message = message?;
                let end = open.get(&message.partition()).copied().unwrap_or_default();
                if message.offset() < end {
                    each(&message)?;
                }
                if message.offset() + 1 >= end {
                    open.remove(&message.partition());
                }
            }
        }
        heard = now();
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "this is a shell around the broker")]
fn now() -> Instant {
    Instant::now()
}
