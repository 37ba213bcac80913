//! Questions to the broker that block: asked on threads that may, never by the core.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use imagejob_kafka::refusal;
use imagejob_leasing::dispatcher::{Committed, Fresh, Look, Partition, Past, Start, Topics, choose};
use imagejob_ledger::Log;
use imagejob_protocol::settings::StartFrom;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// ... about the group before it is joined, which every broker is asked: one that is down must not keep us from
/// joining.
const LOOKING: Duration = Duration::from_secs(1);

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokerError {
    #[error("no broker answered: {0}")]
    Silent(KafkaError),
    #[error("the broker refused access: {0}")]
    Refused(KafkaError),
    #[error("the answer for {topic}[{partition}] is an error: {source}")]
    Partition { topic: String, partition: i32, source: KafkaError },
}

impl From<KafkaError> for BrokerError {
    fn from(error: KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(code) if refusal(code) => Self::Refused(error),
            _ => Self::Silent(error),
        }
    }
}

/// How many partitions each topic has; 0 for one that does not exist.
pub(crate) fn partition_counts<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: &Topics,
) -> Result<Vec<i32>, BrokerError> {
    let count = |topic: &str| {
        let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        match found.and_then(MetadataTopic::error).map(RDKafkaErrorCode::from) {
            Some(code) if refusal(code) => Err(BrokerError::Refused(KafkaError::MetadataFetch(code))),
            _ => Ok(found.map_or(0, |found| found.partitions().len() as i32)),
        }
    };
    topics.names().map(count).collect()
}

/// How the group looks to one that is not in it and would be one of so many `dispatchers`.
pub(crate) fn look<C: ConsumerContext>(
    outsider: &BaseConsumer<C>,
    group: &str,
    topics: &Topics,
    partitions: &[Partition],
    dispatchers: usize,
) -> Result<Look, BrokerError> {
    let groups = outsider.fetch_group_list(Some(group), LOOKING)?;
    let members = groups.groups().iter().find(|found| found.name() == group).map_or(0, |found| found.members().len());
    if members < dispatchers {
        return Ok(Look::Room);
    }
    let answers = outsider.committed_offsets(list(topics, partitions, Offset::Invalid)?, LOOKING)?;
    let committed = answers.elements().iter().map(self::committed).collect::<Result<_, _>>()?;
    Ok(Look::Full { committed })
}

/// Where reading begins on each of these partitions.
pub(crate) fn starts<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: &Topics,
    partitions: &[Partition],
    start_from: StartFrom,
) -> Result<Vec<(Partition, Start)>, BrokerError> {
    let list = list(topics, partitions, Offset::Invalid)?;
    let committed = consumer.committed_offsets(list, TIMEOUT)?;
    let begins = offsets(consumer, topics, partitions, Offset::Beginning)?;
    let ends = offsets(consumer, topics, partitions, Offset::End)?;
    let created = match start_from {
        StartFrom::Earliest => begins.clone(),
        StartFrom::Created { at_ms } => offsets(consumer, topics, partitions, Offset::Offset(at_ms))?,
    };
    let mut starts = Vec::with_capacity(partitions.len());
    for (index, &partition) in partitions.iter().enumerate() {
        let log = Log { start: begins[index], end: ends[index], topic: None };
        let fresh = match start_from {
            StartFrom::Earliest => Fresh::LogStart,
            // Nothing is as young: all that comes from now on is younger than the job.
            StartFrom::Created { .. } if created[index] < 0 => Fresh::Offset(log.end),
            StartFrom::Created { .. } => Fresh::Offset(created[index]),
        };
        let element = committed.find_partition(topics.name(partition), partition.number);
        let committed = element.map(|element| self::committed(&element)).transpose()?.flatten();
        starts.push((partition, choose(committed, fresh, log)));
    }
    Ok(starts)
}

/// One past the last record of each partition.
pub(crate) fn end_offsets<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: &Topics,
    partitions: &[Partition],
) -> Result<Vec<(Partition, i64)>, BrokerError> {
    let ends = offsets(consumer, topics, partitions, Offset::End)?;
    Ok(partitions.iter().copied().zip(ends).collect())
}

/// Where each partition ended at these earlier times (Unix ms, ascending).
pub(crate) fn history<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: &Topics,
    partitions: &[Partition],
    times: &[i64],
) -> Result<Vec<(Partition, Past)>, BrokerError> {
    let mut histories: Vec<_> = partitions.iter().map(|&partition| (partition, Vec::new())).collect();
    for &at_ms in times {
        let offsets = offsets(consumer, topics, partitions, Offset::Offset(at_ms))?;
        for ((_, history), offset) in histories.iter_mut().zip(offsets) {
            // -1: no record is younger, so the partition ended then where it ends now, which the
            // caller knows better.
            if offset >= 0 {
                history.push((at_ms, offset));
            }
        }
    }
    Ok(histories)
}

/// One offset per partition, in their order: the first with a timestamp at or after the one asked for
/// (-1 for none), or the log's beginning or end. One request per leader, however many partitions.
fn offsets<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: &Topics,
    partitions: &[Partition],
    ask: Offset,
) -> Result<Vec<i64>, BrokerError> {
    let answers = consumer.offsets_for_times(list(topics, partitions, ask)?, TIMEOUT)?;
    let offset = |partition: &Partition| {
        let (topic, number) = (topics.name(*partition), partition.number);
        match answers.find_partition(topic, number) {
            Some(element) => {
                checked(&element)?;
                Ok(element.offset().to_raw().unwrap_or(-1))
            }
            None => Err(BrokerError::Partition {
                topic: topic.to_owned(),
                partition: number,
                source: KafkaError::OffsetFetch(RDKafkaErrorCode::UnknownPartition),
            }),
        }
    };
    partitions.iter().map(offset).collect()
}

fn committed(element: &TopicPartitionListElem<'_>) -> Result<Option<Committed>, BrokerError> {
    checked(element)?;
    let Offset::Offset(offset) = element.offset() else { return Ok(None) };
    // The client panics on metadata that is not UTF-8; whoever wrote that, it is no ledger of ours.
    let metadata = catch_unwind(AssertUnwindSafe(|| element.metadata().to_owned()));
    let metadata = metadata.unwrap_or_else(|_| "not UTF-8".to_owned());
    Ok(Some(Committed { offset, metadata }))
}

fn checked(element: &TopicPartitionListElem<'_>) -> Result<(), BrokerError> {
    element.error().map_err(|source| BrokerError::Partition {
        topic: element.topic().to_owned(),
        partition: element.partition(),
        source,
    })
}

fn list(topics: &Topics, partitions: &[Partition], offset: Offset) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition_offset(topics.name(*partition), partition.number, offset)?;
    }
    Ok(list)
}
