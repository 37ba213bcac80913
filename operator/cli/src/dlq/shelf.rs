//! The dead-letter topic of a job, read from the first letter that was not replayed to its present end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use imagejob_kafka::Access;
use imagejob_ledger::Log;
use imagejob_operator::plan::worker_settings;
use imagejob_operator::secrets::SecretPaths;
use imagejob_operator::{Clock as _, SystemClock};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::letter::Letter;
use super::progress::Progress;
use super::{Job, Selection};
use crate::dev::broker::{ANSWER_LIMIT, partitions};
use crate::dev::job::{Brokers, Chosen, documents};

/// A broker that gives nothing for so long is taken for gone.
const SILENCE: Duration = Duration::from_secs(30);

/// See the module.
pub(super) struct Shelf {
    pub(super) access: Access,
    pub(super) topic: String,
    /// For which the progress is committed.
    pub(super) group: String,
    pub(super) reader: BaseConsumer,
    pub(super) progress: Progress,
    logs: BTreeMap<i32, Log>,
}

impl Shelf {
    /// Finds the topic that the job names.
    pub(super) fn open(job: &Job) -> anyhow::Result<Self> {
        let documents = documents(std::slice::from_ref(&job.file))?;
        let brokers = job.bootstrap_servers.as_deref().map_or(Brokers::AsWritten, Brokers::At);
        let chosen = Chosen::of(&documents, job.job.as_deref(), brokers, None, SystemClock.now())?;
        let folder = job.secrets.as_deref().map(std::path::absolute).transpose()?;
        let settings = worker_settings(&chosen.valid, &folder.map_or(SecretPaths::Mounted, SecretPaths::In));
        let access = Access::read(&settings.kafka)
            .context("say with --secrets DIR where the Secrets lie, as DIR/<name>/<key>")?;
        let group = format!("{}.replay", settings.consumer_group);
        let topic = chosen.valid.results.dead_letter_topic.clone();
        let reader: BaseConsumer = access
            .config("imagejob-dlq")
            .set("group.id", &group)
            .set("enable.auto.commit", "false")
            // Nothing here is written in transactions but the note of what was replayed; and of that the last whole
            // one is wanted, not to wait for a minute until the broker gives up a replay that was killed.
            .set("isolation.level", "read_uncommitted")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("log_level", "2")
            .create()?;
        let mut logs = BTreeMap::new();
        for partition in partitions(&reader, &topic)
            .with_context(|| format!("no broker answers at {}; check --bootstrap-servers", access.servers()))?
        {
            let (start, end) = reader.fetch_watermarks(&topic, partition, ANSWER_LIMIT)?;
            logs.insert(partition, Log { start, end, topic: None });
        }
        let progress = Progress::read(&reader, &topic, &logs)?;
        Ok(Self { access, topic, group, reader, progress, logs })
    }

    /// The topic does not exist: brokers that create topics do so with the first letter.
    pub(super) fn is_missing(&self) -> bool {
        self.logs.is_empty()
    }

    /// Reads anew what was replayed.
    pub(super) fn look_again(&mut self) -> anyhow::Result<()> {
        self.progress = Progress::read(&self.reader, &self.topic, &self.logs)?;
        Ok(())
    }

    /// Hands over the letters of the selection that were not replayed, partition by partition in order; with
    /// `all`, those that were as well.
    pub(super) fn read(
        &self,
        selection: &Selection,
        all: bool,
        mut each: impl FnMut(Letter) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut from = TopicPartitionList::new();
        let mut open = BTreeSet::new();
        for (partition, base) in self.progress.positions() {
            let log = self.logs[&partition];
            let position = if all { log.start } else { base };
            if position < log.end {
                from.add_partition_offset(&self.topic, partition, Offset::Offset(position))?;
                open.insert(partition);
            }
        }
        self.reader.assign(&from)?;
        #[allow(clippy::disallowed_methods, reason = "this is a shell around the broker")]
        let mut heard = Instant::now();
        while !open.is_empty() {
            match self.reader.poll(Duration::from_millis(100)) {
                None => {
                    let silent = heard.elapsed();
                    ensure!(silent < SILENCE, "{} gave nothing for {} s", self.access.servers(), silent.as_secs());
                    continue;
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
                Some(message) => {
                    let letter = Letter::of(&message?);
                    let replayed = self.progress.has(letter.at);
                    if letter.at.offset < self.logs[&letter.at.partition].end
                        && (all || !replayed)
                        && selection.takes(&letter)
                    {
                        each(letter)?;
                    }
                }
            }
            #[allow(clippy::disallowed_methods, reason = "this is a shell around the broker")]
            let now = Instant::now();
            heard = now;
        }
        Ok(())
    }
}
