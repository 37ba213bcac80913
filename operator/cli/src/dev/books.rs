//! Reads the result and dead-letter topics back into the [`Audit`]. A reader of its own: it trusts
//! no report.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use imagejob_protocol::headers;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use super::audit::{Audit, Partition};
use super::broker::{ANSWER_LIMIT, asker, partitions};
use super::stand::Kafka;

/// The audit, shared with the thread that fills it.
#[derive(Clone, Default)]
pub(crate) struct Books(Arc<Mutex<Audit>>);

impl Books {
    /// Looks at the books.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Audit) -> T) -> T {
        look(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the outcome topics from their present ends on a thread of its own, until `stop` and
    /// then to the ends that they have by then.
    pub(crate) fn keep(
        &self,
        kafka: &Kafka,
        stop: CancellationToken,
    ) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
        let reader = asker(&kafka.access, "imagejob-dev-books")?;
        let topics = kafka.outcome_topics.clone();
        let mut next = ends(&reader, &topics)?;
        let mut from = TopicPartitionList::new();
        for ((topic, partition), offset) in &next {
            from.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
        }
        reader.assign(&from)?;
        let books = self.clone();
        Ok(std::thread::spawn(move || {
            while !stop.is_cancelled() {
                if let Some(message) = reader.poll(Duration::from_millis(100)) {
                    books.enter(&message?, &mut next);
                }
            }
            for (partition, end) in ends(&reader, &topics)? {
                while next.get(&partition).is_some_and(|next| *next < end) {
                    let message = reader.poll(ANSWER_LIMIT).context("the result topics stop short of their ends")?;
                    books.enter(&message?, &mut next);
                }
            }
            Ok(())
        }))
    }

    fn enter(&self, message: &BorrowedMessage<'_>, next: &mut BTreeMap<Partition, i64>) {
        next.insert((message.topic().to_owned(), message.partition()), message.offset() + 1);
        let header = |name: &str| header(message, name);
        let mut audit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((partition, offset)) = coordinates(&header, headers::TOPIC, headers::PARTITION, headers::OFFSET) {
            audit.dead_letter(partition, offset, header(headers::REASON).unwrap_or_default());
        } else if let Some((partition, offset)) =
            coordinates(&header, "ce_sourcetopic", "ce_sourcepartition", "ce_sourceoffset")
        {
            let number = |name: &str| header(name).and_then(|text| text.parse().ok());
            let (index, objects) = (number("ce_sourceindex").unwrap_or(0), number("ce_sourcecount").unwrap_or(1));
            audit.result(partition, offset, index, objects, verdicts(message.payload().unwrap_or_default()));
        }
    }
}

fn header(message: &BorrowedMessage<'_>, name: &str) -> Option<String> {
    let found = message.headers()?.iter().find(|header| header.key == name)?;
    Some(String::from_utf8_lossy(found.value?).into_owned())
}

fn coordinates(
    header: &impl Fn(&str) -> Option<String>,
    topic: &str,
    partition: &str,
    offset: &str,
) -> Option<(Partition, i64)> {
    Some(((header(topic)?, header(partition)?.parse().ok()?), header(offset)?.parse().ok()?))
}

/// `step: Verdict` of each step that gives one.
fn verdicts(body: &[u8]) -> Vec<String> {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let steps = body["steps"].as_object().into_iter().flatten();
    steps.filter_map(|(name, step)| Some(format!("{name}: {}", step["verdict"].as_str()?))).collect()
}

fn ends(asker: &BaseConsumer, topics: &[String]) -> anyhow::Result<BTreeMap<Partition, i64>> {
    let mut ends = BTreeMap::new();
    for topic in topics {
        for partition in partitions(asker, topic)? {
            let (_, end) = asker.fetch_watermarks(topic, partition, ANSWER_LIMIT)?;
            ends.insert((topic.clone(), partition), end);
        }
    }
    Ok(ends)
}
