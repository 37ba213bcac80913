//! How the source partitions stand, asked from the broker: what is in question, and at the end of a
//! run what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context as _;
use imagejob_api::ValidatedJob;
use imagejob_api::validate::StartFrom;
use imagejob_kafka::Access;
use imagejob_ledger::{Log, restore};
use imagejob_operator::plan::worker_settings;
use imagejob_operator::secrets::SecretPaths;
use imagejob_protocol::settings::WorkerSettings;
use imagejob_protocol::wire::Header;
use imagejob_worker::formats::{Message as Record, Places, parse};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::audit::{Balance, Partition, Scope};
use super::books::Books;
use super::broker::{ANSWER_LIMIT, asker, partitions};
use super::summary::{Missing, Offsets};

/// The coordinator is asked for this often, with a pause between: ten seconds in all.
const COORDINATOR_ATTEMPTS: u32 = 40;
const COORDINATOR_PAUSE: Duration = Duration::from_millis(250);

/// What is needed to read a job's topics from outside.
pub(crate) struct Kafka {
    /// Where the brokers are, and as whom they are talked to.
    pub(crate) access: Access,
    group: String,
    topics: Vec<String>,
    /// Topics with one record per outcome.
    pub(crate) outcome_topics: Vec<String>,
    earliest: bool,
    worker: WorkerSettings,
}

impl Kafka {
    /// The topics of a job.
    pub(crate) fn of(job: &ValidatedJob, paths: &SecretPaths) -> anyhow::Result<Self> {
        let worker = worker_settings(job, paths);
        Ok(Self {
            access: Access::read(&worker.kafka)?,
            group: job.source.consumer_group.clone(),
            topics: job.source.topics.clone(),
            outcome_topics: job
                .results
                .outcome_topics()
                .map(str::to_owned)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            earliest: job.source.start_from == StartFrom::Earliest,
            worker,
        })
    }

    /// Where each source partition stands: in question is what its group has not finished.
    pub(crate) fn scopes(&self) -> anyhow::Result<Vec<Scope>> {
        let asker = asker(&self.access, &self.group)?;
        let mut scopes = Vec::new();
        for topic in &self.topics {
            let mut wanted = TopicPartitionList::new();
            for partition in partitions(&asker, topic)? {
                wanted.add_partition(topic, partition);
            }
            let committed = committed(&asker, &wanted)?;
            for element in committed.elements() {
                let (log_start, end) = asker.fetch_watermarks(topic, element.partition(), ANSWER_LIMIT)?;
                let (start, finished) = match element.offset() {
                    Offset::Offset(committed) => {
                        let window =
                            restore(element.metadata(), committed, Log { start: log_start, end, topic: None }).window;
                        (window.base(), window.runs().flatten().collect())
                    }
                    _ => (if self.earliest { log_start } else { end }, BTreeSet::new()),
                };
                scopes.push(Scope { partition: (topic.clone(), element.partition()), log_start, start, end, finished });
            }
        }
        Ok(scopes)
    }

    /// Compares what should be in the books with what is. `before` is how the partitions stood when
    /// the run began.
    pub(crate) fn balance(&self, books: &Books, before: Vec<Scope>) -> anyhow::Result<(Balance, Missing)> {
        let now: BTreeMap<Partition, Scope> =
            self.scopes()?.into_iter().map(|scope| (scope.partition.clone(), scope)).collect();
        let end = |scope: &Scope| now.get(&scope.partition).map_or(scope.end, |now| now.end);
        let run: Vec<Scope> = before.into_iter().map(|scope| Scope { end: end(&scope), ..scope }).collect();
        let balance = books.read(|audit| audit.balance(&run));
        let skipped = self.skipped(&balance, &now)?;
        let known = Offsets {
            skipped: &|partition, offset| skipped.contains(&(partition.clone(), offset)),
            expired: &|partition, offset| now.get(partition).is_some_and(|scope| offset < scope.log_start),
            finished: &|partition, offset| now.get(partition).is_some_and(|scope| scope.is_finished(offset)),
        };
        let missing = Missing::sort(&balance, &known);
        Ok((balance, missing))
    }

    /// Which of the finished records without outcome ask for nothing, by what they say themselves.
    fn skipped(
        &self,
        balance: &Balance,
        now: &BTreeMap<Partition, Scope>,
    ) -> anyhow::Result<BTreeSet<(Partition, i64)>> {
        let asker = asker(&self.access, "imagejob-dev-books")?;
        let mut skipped = BTreeSet::new();
        for ((topic, partition), offsets) in &balance.missing {
            let Some(scope) = now.get(&(topic.clone(), *partition)) else { continue };
            let in_log = |offset: &i64| *offset >= scope.log_start && scope.is_finished(*offset);
            let wanted: BTreeSet<i64> = offsets.iter().copied().filter(in_log).collect();
            let Some((first, last)) = wanted.first().zip(wanted.last()) else { continue };
            let mut from = TopicPartitionList::new();
            from.add_partition_offset(topic, *partition, Offset::Offset(*first))?;
            asker.assign(&from)?;
            while let Some(message) = asker.poll(ANSWER_LIMIT) {
                let message = message?;
                if wanted.contains(&message.offset()) && self.asks_for_nothing(&message) {
                    skipped.insert(((topic.clone(), *partition), message.offset()));
                }
                if message.offset() >= *last {
                    break;
                }
            }
        }
        Ok(skipped)
    }

    fn asks_for_nothing(&self, message: &BorrowedMessage<'_>) -> bool {
        let header = |header: rdkafka::message::Header<'_, &[u8]>| Header {
            name: header.key.to_owned(),
            value: header.value.map(|value| value.to_vec().into()),
        };
        let headers: Vec<_> = message.headers().map(|headers| headers.iter().map(header).collect()).unwrap_or_default();
        let record = Record { headers: &headers, value: message.payload().unwrap_or_default() };
        parse(&self.worker.format, Places::of(&self.worker), record).is_ok_and(|asked| asked.photos.is_empty())
    }
}

/// A broker that just started names a coordinator for the group only after a while.
fn committed(asker: &BaseConsumer, wanted: &TopicPartitionList) -> anyhow::Result<TopicPartitionList> {
    use RDKafkaErrorCode::{CoordinatorLoadInProgress, CoordinatorNotAvailable, NotCoordinator};
    let mut attempts = 1;
    loop {
        match asker.committed_offsets(wanted.clone(), ANSWER_LIMIT) {
            Err(error)
                if attempts < COORDINATOR_ATTEMPTS
                    && matches!(
                        error.rdkafka_error_code(),
                        Some(NotCoordinator | CoordinatorNotAvailable | CoordinatorLoadInProgress)
                    ) =>
            {
                attempts += 1;
                std::thread::sleep(COORDINATOR_PAUSE);
            }
            answer => return answer.context("the group's committed offsets could not be read"),
        }
    }
}
