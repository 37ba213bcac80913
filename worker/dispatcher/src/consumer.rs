//! The member of the consumer group: a thin shell around librdkafka.
//!
//! The rebalance callback only takes notes; the core acts on them after `poll` has returned, so that
//! it can wait for outcomes and commit before it gives partitions up. Records are read through one
//! queue per partition and only when somebody has credit; nothing is ever paused.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use imagejob_kafka::{Access, refusal};
use imagejob_leasing::dispatcher::{Entry, Partition, Record, RecordId, Topics};
use imagejob_protocol::settings::GroupProtocol;
use imagejob_protocol::wire;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tracing::{debug, info, warn};

use crate::signals::{ConsumerError, GroupEvent, Signals};

/// A member that is silent this long is dead to the group; the least that brokers allow as they are delivered.
pub(crate) const SESSION: Duration = Duration::from_secs(6);
/// Memory for records that librdkafka reads ahead, over all partitions, KiB.
const READ_AHEAD_KIB: u32 = 16_384;

/// The consumer as other threads see it.
pub(crate) type Handle = Arc<BaseConsumer<Context>>;

/// Takes notes of what librdkafka calls back.
pub(crate) struct Context {
    events: Mutex<Vec<GroupEvent>>,
    /// The core does not act on notes any more: rebalances are agreed to at once.
    leaving: AtomicBool,
}

impl Context {
    fn note(&self, event: GroupEvent) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // The errors that `poll` returns are codes; why a connection failed is said here alone.
        if facility == "FAIL" {
            self.note(GroupEvent::Error(ConsumerError::Broken(message.to_owned())));
        }
        match level {
            RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info => debug!(facility, "{message}"),
            RDKafkaLogLevel::Notice => info!(facility, "{message}"),
            _ => warn!(facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.note(GroupEvent::Error(classify(&error, reason)));
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let assigned = code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.leaving.load(Ordering::Acquire) {
            let agreed = if assigned { Ok(()) } else { consumer.incremental_unassign(partitions) };
            if let Err(error) = agreed {
                debug!(%error, "leaving the group");
            }
            return;
        }
        let elements = partitions.elements();
        let partitions = elements.iter().map(|e| (e.topic().to_owned(), e.partition())).collect();
        self.note(if assigned {
            GroupEvent::Assigned(partitions)
        } else {
            GroupEvent::Revoked { partitions, lost: consumer.assignment_lost() }
        });
    }
}

/// A member of the group, with the partitions that it reads.
pub(crate) struct Group {
    handle: Handle,
    queues: HashMap<Partition, PartitionQueue<Context>>,
    signals: Arc<Signals>,
    topics: Topics,
}

/// Settings of every client that talks to the job's brokers.
pub(crate) fn client_config(access: &Access) -> ClientConfig {
    let mut config = access.config("imagejob-dispatcher");
    config
        // How long a commit waits for an answer.
        .set("socket.timeout.ms", "10000")
        .set("reconnect.backoff.max.ms", "2000");
    config
}

/// `partitions`: how many the topics have in all, which bounds the memory of each queue.
fn consumer_config(access: &Access, group: &str, protocol: GroupProtocol, partitions: u32) -> ClientConfig {
    let queue_kib = (READ_AHEAD_KIB / partitions.max(1)).clamp(256, 1_024);
    let mut config = client_config(access);
    match protocol {
        GroupProtocol::Classic => config
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", SESSION.as_millis().to_string())
            // The newcomer learns of the second half of a rebalance at its next heartbeat, so this is
            // what partitions that move wait for.
            .set("heartbeat.interval.ms", "500"),
        // Assignor, session and heartbeat are the broker's.
        GroupProtocol::Consumer => config.set("group.protocol", "consumer"),
    };
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("queued.max.messages.kbytes", queue_kib.to_string())
        .set("queued.min.messages", "1000")
        // Small queues fill often; the default of a second would leave them empty meanwhile.
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.error.backoff.ms", "100")
        .set("topic.metadata.refresh.interval.ms", "10000");
    config
}

/// A client outside the group, for questions before it is joined, also about the group.
pub(crate) fn outsider(access: &Access, group: &str) -> KafkaResult<Handle> {
    let context = Context { events: Mutex::new(Vec::new()), leaving: AtomicBool::new(true) };
    let mut config = client_config(access);
    config.set("group.id", group).set("enable.auto.commit", "false");
    Ok(Arc::new(config.create_with_context(context)?))
}

impl Group {
    /// Joins the group. Partitions come later, as [`GroupEvent::Assigned`].
    pub(crate) fn join(
        access: &Access,
        group: &str,
        protocol: GroupProtocol,
        topics: &Topics,
        partitions: u32,
        signals: Arc<Signals>,
    ) -> KafkaResult<Self> {
        let context = Context { events: Mutex::new(Vec::new()), leaving: AtomicBool::new(false) };
        let config = consumer_config(access, group, protocol, partitions);
        let mut consumer: BaseConsumer<Context> = config.create_with_context(context)?;
        let bell = Arc::clone(&signals);
        consumer.set_nonempty_callback(move || bell.ring());
        consumer.subscribe(&topics.names().collect::<Vec<_>>())?;
        signals.ring();
        let handle = Arc::new(consumer);
        Ok(Self { handle, queues: HashMap::new(), signals, topics: topics.clone() })
    }

    /// For calls that block, on threads that may.
    pub(crate) fn handle(&self) -> Handle {
        Arc::clone(&self.handle)
    }

    /// Serves librdkafka's callbacks and returns what happened. Does not block.
    pub(crate) fn poll(&self) -> Vec<GroupEvent> {
        poll(&self.handle)
    }

    /// Starts reading partitions at these offsets, and agrees to the assignment.
    pub(crate) fn assign(&mut self, starts: &[(Partition, i64)]) -> KafkaResult<()> {
        let mut list = TopicPartitionList::with_capacity(starts.len());
        for &(partition, offset) in starts {
            let topic = self.topics.name(partition);
            list.add_partition_offset(topic, partition.number, Offset::Offset(offset))?;
            if let Some(mut queue) = self.handle.split_partition_queue(topic, partition.number) {
                let bell = Arc::clone(&self.signals);
                queue.set_nonempty_callback(move || bell.readable(partition));
                self.queues.insert(partition, queue);
            }
        }
        self.handle.incremental_assign(&list)
    }

    /// Stops reading partitions, and agrees to their revocation.
    pub(crate) fn unassign(&mut self, partitions: &[Partition]) -> KafkaResult<()> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            self.queues.remove(partition);
            list.add_partition(self.topics.name(*partition), partition.number);
        }
        self.handle.incremental_unassign(&list)
    }

    /// The next record of a partition; `None` when its queue is empty. Does not block.
    pub(crate) fn read(&self, partition: Partition) -> Option<Record> {
        match self.queues.get(&partition)?.poll(Duration::ZERO)? {
            Ok(message) => Some(record(partition, &message)),
            Err(error) => {
                let error = classify(&error, &error.to_string());
                self.handle.context().note(GroupEvent::Error(error));
                self.signals.ring();
                None
            }
        }
    }

    /// Gives everything up; a thread that may block then leaves the group with the handle.
    pub(crate) fn into_handle(self) -> Handle {
        Arc::clone(&self.handle)
    }
}

impl Drop for Group {
    /// Whoever lets go of the handle last closes the consumer, which ends only when every rebalance is
    /// agreed to: also one whose note nobody will read any more, as after a panic.
    fn drop(&mut self) {
        self.queues.clear();
        self.handle.context().leaving.store(true, Ordering::Release);
        let agreed = self.handle.assignment().and_then(|all| self.handle.incremental_unassign(&all));
        if let Err(error) = agreed {
            debug!(%error, "leaving the group");
        }
    }
}

/// Serves librdkafka's callbacks and returns what happened, to a member or to an outsider. Does not block.
pub(crate) fn poll(handle: &Handle) -> Vec<GroupEvent> {
    loop {
        match handle.poll(Duration::ZERO) {
            None => break,
            Some(Err(error)) => {
                let error = classify(&error, &error.to_string());
                handle.context().note(GroupEvent::Error(error));
            }
            Some(Ok(record)) => {
                // Every partition has its own queue before it is fetched from. Were this one
                // skipped, the gap in its queue would look like compaction.
                let stray = format!("{}[{}]", record.topic(), record.partition());
                let error = ConsumerError::Fatal(format!("a record of {stray} went astray"));
                handle.context().note(GroupEvent::Error(error));
            }
        }
    }
    let mut events = handle.context().events.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut events)
}

/// Commits and waits for the broker's answer: on a thread that may block. (An asynchronous commit does
/// not tell its end through this client.)
pub(crate) fn commit(handle: &Handle, topics: &Topics, entries: &[Entry]) -> KafkaResult<()> {
    if entries.is_empty() {
        return Ok(());
    }
    handle.commit(&commit_list(topics, entries)?, CommitMode::Sync)
}

/// Leaves the group, so that its partitions go to others at once. Blocks for at most `limit`, which
/// the caller counts in polls of 50 ms.
pub(crate) fn leave(handle: Handle, limit: Duration) {
    if handle.close_queue().is_ok() {
        let polls = limit.as_millis() / 50;
        for _ in 0..polls {
            if handle.closed() {
                break;
            }
            // Nothing is of interest any more but that librdkafka's callbacks are served.
            drop(handle.poll(Duration::from_millis(50)));
        }
    }
    drop(handle);
}

fn commit_list(topics: &Topics, entries: &[Entry]) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(entries.len());
    for Entry { partition, offset, metadata } in entries {
        let mut element = list.add_partition(topics.name(*partition), partition.number);
        element.set_offset(Offset::Offset(*offset))?;
        element.set_metadata(metadata);
    }
    Ok(list)
}

fn record(partition: Partition, message: &impl Message) -> Record {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        let header = |header: rdkafka::message::Header<'_, &[u8]>| wire::Header {
            name: header.key.to_owned(),
            value: header.value.map(Bytes::copy_from_slice),
        };
        headers.iter().map(header).collect()
    });
    Record {
        id: RecordId { partition, offset: message.offset() },
        timestamp_ms: message.timestamp().to_millis().unwrap_or(0),
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice),
        headers,
    }
}

fn classify(error: &KafkaError, reason: &str) -> ConsumerError {
    use RDKafkaErrorCode as Code;
    let reason = reason.to_owned();
    if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
        return ConsumerError::Fatal(reason);
    }
    match error.rdkafka_error_code() {
        Some(Code::AllBrokersDown) => ConsumerError::Unreachable(reason),
        Some(code) if refusal(code) => ConsumerError::NotAuthorized(reason),
        // `auto.offset.reset=error`: the position is gone, retention was faster than the job. A new
        // consumer chooses a new one.
        Some(Code::Fatal | Code::AutoOffsetReset | Code::OffsetOutOfRange) => ConsumerError::Fatal(reason),
        _ => ConsumerError::Other(reason),
    }
}
