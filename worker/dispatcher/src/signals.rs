//! How librdkafka's threads wake the core: they note what happened and ring.

use std::sync::{Mutex, MutexGuard, PoisonError};

use imagejob_leasing::dispatcher::Partition;
use tokio::sync::Notify;

/// What happened to the consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GroupEvent {
    /// Partitions (topic, number) are ours once assigned.
    Assigned(Vec<(String, i32)>),
    /// Partitions are to be given up.
    Revoked {
        /// Topic and number of each.
        partitions: Vec<(String, i32)>,
        /// They belong to others already: nothing may be committed for them.
        lost: bool,
    },
    /// Something is wrong with the connection, the group or a topic.
    Error(ConsumerError),
}

/// Errors of the consumer, as far as they are told apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConsumerError {
    /// No broker can be reached.
    #[error("{0}")]
    Unreachable(String),
    /// A connection could not be made or broke; others may do.
    #[error("{0}")]
    Broken(String),
    /// The broker refused the group or a topic.
    #[error("{0}")]
    NotAuthorized(String),
    /// The consumer is beyond repair.
    #[error("{0}")]
    Fatal(String),
    /// librdkafka goes on by itself.
    #[error("{0}")]
    Other(String),
}

/// Notes of librdkafka's threads. Bounded by the number of partitions, because a queue rings only when it
/// was empty.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    readable: Mutex<Vec<Partition>>,
    bell: Notify,
}

impl Signals {
    /// A partition's queue is not empty any more.
    pub(crate) fn readable(&self, partition: Partition) {
        self.notes().push(partition);
        self.ring();
    }

    /// The consumer's own queue is not empty any more.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Waits for a ring.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Partitions whose queues filled since the last call.
    pub(crate) fn take_readable(&self) -> Vec<Partition> {
        std::mem::take(&mut *self.notes())
    }

    /// The notes are whole whenever the lock is free, so a thread that panicked with it changes nothing.
    fn notes(&self) -> MutexGuard<'_, Vec<Partition>> {
        self.readable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
