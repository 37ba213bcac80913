//! The dead-letter topic of a job, read from the first letter that was not replayed to its present end.

use std::collections::BTreeMap;

use anyhow::Context as _;
use imagejob_kafka::Access;
use imagejob_ledger::Log;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::Selection;
use super::letter::Letter;
use super::progress::Progress;
use crate::dev::broker::{ANSWER_LIMIT, partitions};
use crate::kafka::{Job, Reached, read_ranges};

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
        let Reached { chosen, settings, access } = job.reach()?;
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
        let ranges = self.progress.positions().into_iter().map(|(partition, base)| {
            let log = self.logs[&partition];
            (partition, (if all { log.start } else { base }, log.end))
        });
        read_ranges(&self.reader, &self.topic, &ranges.collect(), |message| {
            let letter = Letter::of(message);
            let wanted = (all || !self.progress.has(letter.at)) && selection.takes(&letter);
            if wanted { each(letter) } else { Ok(()) }
        })
    }
}
