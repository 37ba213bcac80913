//! Which letters were replayed: a ledger per partition of the dead-letter topic, committed for a group of its own.

use std::collections::BTreeMap;

use anyhow::Context as _;
use imagejob_ledger::{Finish, Log, Window, encode, restore};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::letter::At;
use crate::dev::broker::ANSWER_LIMIT;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    topic: String,
    windows: BTreeMap<i32, Window>,
}

impl Progress {
    /// Reads what is committed for the group of `reader`.
    pub(super) fn read(reader: &BaseConsumer, topic: &str, logs: &BTreeMap<i32, Log>) -> anyhow::Result<Self> {
        if logs.is_empty() {
            return Ok(Self { topic: topic.to_owned(), windows: BTreeMap::new() });
        }
        let mut asked = TopicPartitionList::new();
        for &partition in logs.keys() {
            asked.add_partition(topic, partition);
        }
        let committed = reader.committed_offsets(asked, ANSWER_LIMIT).context("what was replayed is not known")?;
        let window = |(&partition, &log): (&i32, &Log)| {
            let found = committed.find_partition(topic, partition);
            let window = match found.as_ref().map(|found| (found.offset(), found.metadata())) {
                Some((Offset::Offset(offset), metadata)) => restore(metadata, offset, log).window,
                _ => Window::new(log.start),
            };
            (partition, window)
        };
        Ok(Self { topic: topic.to_owned(), windows: logs.iter().map(window).collect() })
    }

    /// Whether a letter was replayed.
    pub(super) fn has(&self, at: At) -> bool {
        self.windows.get(&at.partition).is_some_and(|window| window.is_finished(at.offset))
    }

    /// The first letter of each partition that was not replayed.
    pub(super) fn positions(&self) -> BTreeMap<i32, i64> {
        self.windows.iter().map(|(&partition, window)| (partition, window.base())).collect()
    }

    /// Notes that a letter is replayed. False if it was before.
    pub(super) fn note(&mut self, at: At) -> bool {
        self.windows.get_mut(&at.partition).is_some_and(|window| window.finish(at.offset) != Finish::Repeated)
    }

    /// What to commit.
    pub(super) fn offsets(&self) -> anyhow::Result<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(self.windows.len());
        for (&partition, window) in &self.windows {
            let metadata = encode(window, None).with_context(|| {
                format!(
                    "the replayed letters of {}[{partition}] lie too far apart to be noted; replay the first ones, from {} on",
                    self.topic,
                    window.base()
                )
            })?;
            let mut element = list.add_partition(&self.topic, partition);
            element.set_offset(Offset::Offset(window.base()))?;
            element.set_metadata(metadata);
        }
        Ok(list)
    }
}
