//! Topics from outside: send records, read everything back, see ends and commits.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers as _, OwnedMessage};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use imagejob_protocol::headers;

use crate::account::{Kind, Outcome};

/// Limit of one answer from a broker.
const ANSWER: Duration = Duration::from_secs(10);
/// Limit of reading a topic to its end, or of getting all records accepted.
const TRANSFER: Duration = Duration::from_mins(1);

/// Kafka's own topic of commits.
const COMMITS: &str = "__consumer_offsets";
/// Pause before a record is sent again for which the producer's queue had no room.
const QUEUE_FULL: Duration = Duration::from_millis(10);
/// Pause before something is asked again that is moving to another broker.
const MOVING: Duration = Duration::from_millis(100);

/// A view of one broker's topics.
pub struct Topics {
    bootstrap: String,
    consumer: BaseConsumer,
}

impl Topics {
    /// Connects; joins no group.
    pub fn new(bootstrap: &str) -> anyhow::Result<Self> {
        Ok(Self { bootstrap: bootstrap.to_owned(), consumer: consumer(bootstrap, "imagejob-e2e")? })
    }

    /// Sends records to the topic's partitions in turn and waits for all receipts.
    pub fn produce<V: AsRef<[u8]>>(&self, topic: &str, values: impl IntoIterator<Item = V>) -> anyhow::Result<()> {
        Sender::new(&self.bootstrap, topic, self.partitions(topic)?)?.send(values)
    }

    /// Partitions of a topic.
    pub fn partitions(&self, topic: &str) -> anyhow::Result<i32> {
        let metadata = self.consumer.fetch_metadata(Some(topic), ANSWER)?;
        let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
        ensure!(partitions > 0, "there is no topic {topic}");
        Ok(partitions as i32)
    }

    /// The broker that leads a partition; none while there is no leader.
    pub fn leader(&self, topic: &str, partition: i32) -> anyhow::Result<Option<i32>> {
        let metadata = self.consumer.fetch_metadata(Some(topic), ANSWER)?;
        let found = metadata.topics().first().and_then(|topic| topic.partitions().iter().find(|p| p.id() == partition));
        Ok(found.map(MetadataPartition::leader).filter(|leader| *leader >= 0))
    }

    /// Replicas that are in sync, of the partition that has the fewest; of all topics.
    pub fn in_sync(&self) -> anyhow::Result<usize> {
        let metadata = self.consumer.fetch_metadata(None, ANSWER)?;
        let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
        partitions.map(|partition| partition.isr().len()).min().context("there are no topics")
    }

    /// The broker that coordinates a group, the leader of the partition that keeps its commits.
    pub fn coordinator(&self, group: &str) -> anyhow::Result<Option<i32>> {
        self.leader(COMMITS, partition_of_group(group, self.partitions(COMMITS)?))
    }

    /// End offset of each partition.
    pub fn ends(&self, topic: &str) -> anyhow::Result<BTreeMap<i32, i64>> {
        (0..self.partitions(topic)?)
            .map(|partition| {
                Ok((partition, once_settled(|| self.consumer.fetch_watermarks(topic, partition, ANSWER))?.1))
            })
            .collect()
    }

    /// Records in a topic that nothing was ever deleted from.
    pub fn count(&self, topic: &str) -> anyhow::Result<usize> {
        Ok(self.ends(topic)?.values().sum::<i64>() as usize)
    }

    /// Every record of a topic up to its present ends.
    pub fn read(&self, topic: &str) -> anyhow::Result<Vec<OwnedMessage>> {
        let mut records = Vec::new();
        self.each(topic, |record| {
            records.push(record);
            Ok(())
        })?;
        Ok(records)
    }

    /// Hands out every record of a topic up to its present ends, one by one: a million of them need not
    /// fit into memory.
    pub fn each(&self, topic: &str, mut take: impl FnMut(OwnedMessage) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let ends = self.ends(topic)?;
        let expected: usize = ends.values().sum::<i64>() as usize;
        let mut assignment = TopicPartitionList::new();
        for partition in ends.keys() {
            assignment.add_partition_offset(topic, *partition, Offset::Beginning)?;
        }
        let consumer = consumer(&self.bootstrap, "imagejob-e2e")?;
        consumer.assign(&assignment)?;
        let (start, mut count) = (crate::wait::now(), 0);
        while count < expected {
            ensure!(start.elapsed() < TRANSFER, "read {count} of {expected} records of {topic}");
            if let Some(message) = consumer.poll(Duration::from_millis(100)) {
                let message = message?;
                if message.offset() < ends[&message.partition()] {
                    count += 1;
                    take(message.detach())?;
                }
            }
        }
        Ok(())
    }

    /// Committed offset of each partition that has one.
    pub fn committed(&self, group: &str, topic: &str) -> anyhow::Result<BTreeMap<i32, i64>> {
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition_range(topic, 0, self.partitions(topic)? - 1);
        let consumer = consumer(&self.bootstrap, group)?;
        let committed = once_settled(|| consumer.committed_offsets(wanted.clone(), ANSWER))?;
        let offset = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
            Some((element.partition(), element.offset().to_raw().filter(|offset| *offset >= 0)?))
        };
        Ok(committed.elements().iter().filter_map(offset).collect())
    }
}

/// Asks again while a partition's leader or a group's coordinator is about to be another broker, or has not yet
/// caught up with what it takes over.
fn once_settled<T>(ask: impl Fn() -> Result<T, KafkaError>) -> Result<T, KafkaError> {
    use RDKafkaErrorCode as Code;
    let asked = crate::wait::now();
    loop {
        match ask() {
            Err(KafkaError::MetadataFetch(
                Code::NotCoordinator
                | Code::CoordinatorNotAvailable
                | Code::CoordinatorLoadInProgress
                | Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::OffsetNotAvailable,
            )) if asked.elapsed() < TRANSFER => std::thread::sleep(MOVING),
            answer => return answer,
        }
    }
}

/// Kafka takes Java's hash of the group's name.
fn partition_of_group(group: &str, partitions: i32) -> i32 {
    let hash = group.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    (hash & i32::MAX) % partitions
}

/// A connected producer of one topic.
pub struct Sender {
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: String,
    partitions: i32,
}

impl Sender {
    /// Connects.
    pub fn new(bootstrap: &str, topic: &str, partitions: i32) -> anyhow::Result<Self> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("enable.idempotence", "true")
            .set("linger.ms", "1")
            .create()?;
        Ok(Self { producer, topic: topic.to_owned(), partitions })
    }

    /// Sends records to the partitions in turn and waits for all receipts.
    pub fn send<V: AsRef<[u8]>>(&self, values: impl IntoIterator<Item = V>) -> anyhow::Result<()> {
        for (value, partition) in values.into_iter().zip((0..self.partitions).cycle()) {
            let mut record = BaseRecord::<(), [u8]>::to(&self.topic).partition(partition).payload(value.as_ref());
            while let Err((error, rejected)) = self.producer.send(record) {
                let full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
                ensure!(full, "cannot send to {}: {error}", self.topic);
                std::thread::sleep(QUEUE_FULL);
                record = rejected;
            }
        }
        self.producer.flush(TRANSFER)?;
        let refused = self.producer.in_flight_count();
        ensure!(refused == 0, "{refused} records were not accepted by {}", self.topic);
        Ok(())
    }
}

fn consumer(bootstrap: &str, group: &str) -> anyhow::Result<BaseConsumer> {
    Ok(ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .create()?)
}

/// Text of a header.
pub fn header(message: &OwnedMessage, name: &str) -> Option<String> {
    let found = message.headers()?.iter().find(|header| header.key == name)?;
    Some(String::from_utf8_lossy(found.value?).into_owned())
}

/// What a result says about its source record.
pub fn result(message: &OwnedMessage) -> anyhow::Result<Outcome> {
    let kind = Kind::Result {
        index: number(message, "ce_sourceindex")?,
        count: number(message, "ce_sourcecount")?,
        id: required(message, "ce_id")?,
    };
    Ok(Outcome { position: (number(message, "ce_sourcepartition")?, number(message, "ce_sourceoffset")?), kind })
}

/// What a failure event says about its source record.
pub fn failure(message: &OwnedMessage) -> anyhow::Result<Outcome> {
    let body: imagejob_protocol::events::FailureBody =
        serde_json::from_slice(message.payload().context("a failure event has a body")?)?;
    let position = (number(message, "ce_sourcepartition")?, number(message, "ce_sourceoffset")?);
    Ok(Outcome { position, kind: Kind::Failure { reason: body.reason } })
}

/// What a dead letter says about its source record.
pub fn dead_letter(message: &OwnedMessage) -> anyhow::Result<Outcome> {
    let position = (number(message, headers::PARTITION)?, number(message, headers::OFFSET)?);
    Ok(Outcome { position, kind: Kind::DeadLetter { reason: required(message, headers::REASON)? } })
}

fn required(message: &OwnedMessage, name: &str) -> anyhow::Result<String> {
    let at = || format!("{} {}/{} has no header {name}", message.topic(), message.partition(), message.offset());
    header(message, name).with_context(at)
}

fn number<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    message: &OwnedMessage,
    name: &str,
) -> anyhow::Result<T> {
    let text = required(message, name)?;
    text.parse().with_context(|| format!("header {name}: {text:?} is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_partition_is_the_one_that_java_computes() {
        // "Aa".hashCode() is 2112, as everybody knows who has met "BB"; "polygenelubricants" has the smallest hash there is.
        assert_eq!(partition_of_group("Aa", 50), 2112 % 50);
        assert_eq!(partition_of_group("BB", 50), 2112 % 50);
        assert_eq!(partition_of_group("polygenelubricants", 50), 0);
    }
}
