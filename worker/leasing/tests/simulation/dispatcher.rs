//! A dispatcher process: the production desk and membership, and what librdkafka does for them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use imagejob_leasing::dispatcher::{DeadLetter, Desk, Limits, Membership, Moment, Partition, Topics};
use imagejob_protocol::settings::Retry;
use imagejob_protocol::wire;

use crate::broker::MemberId;

/// The one source topic.
pub(crate) const TOPIC: &str = "photos";
/// A worker says `Fail` so often before a record is given up.
pub(crate) const MAX_ATTEMPTS: u32 = 3;
/// The time of day at which a schedule begins, Unix ms.
pub(crate) const MIDNIGHT: i64 = 1_700_000_000_000;

/// A rebalance as librdkafka tells it: one at a time, the next when the last is agreed to.
#[derive(Debug, Clone)]
pub(crate) enum Rebalance {
    Assigned(Vec<Partition>),
    Revoked(Vec<Partition>, bool),
}

/// The queue of one partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Queue {
    pub(crate) position: i64,
    /// It was found empty, so it rings when something comes.
    pub(crate) empty: bool,
}

/// A dispatcher process.
pub(crate) struct Dispatcher {
    pub(crate) name: String,
    /// Where workers dial it; outlives the process.
    pub(crate) address: usize,
    pub(crate) desk: Desk,
    pub(crate) membership: Membership,
    started: u64,
    pub(crate) queues: BTreeMap<Partition, Queue>,
    /// Dead letters on their way.
    pub(crate) letters: Vec<DeadLetter>,
    /// Partitions that it was told are its own, read yet or not.
    pub(crate) owned: BTreeSet<Partition>,
    pub(crate) rebalances: VecDeque<Rebalance>,
    /// One of them was told and is not agreed to.
    pub(crate) rebalancing: bool,
    /// When it gives up waiting for outcomes and leaves the group.
    pub(crate) leaving: Option<u64>,
    /// Its last commit is under way.
    pub(crate) left: bool,
    /// The group tells it nothing before this, so that what it tells keeps its order.
    pub(crate) told_at: u64,
    /// When it last looked whether something is to be told.
    pub(crate) reported: u64,
    /// What it was called when it joined last.
    pub(crate) member: Option<MemberId>,
    /// The group has forgotten it.
    pub(crate) expired: bool,
    /// Records that it has given up for good.
    pub(crate) given_up: u64,
    /// How far its time of day is ahead, ms.
    pub(crate) clock_ahead: i64,
}

impl Dispatcher {
    pub(crate) fn new(name: String, address: usize, now: u64, peers: usize, retry: Retry) -> Self {
        let limits = Limits { pen_records: 20, record_bytes: 30 * 128 };
        let desk = Desk::new(name.clone(), Topics::new(&[TOPIC.to_owned()]), retry, limits, peers as u32);
        Self {
            name,
            address,
            desk,
            membership: Membership::default(),
            started: now,
            queues: BTreeMap::new(),
            letters: Vec::new(),
            owned: BTreeSet::new(),
            rebalances: VecDeque::new(),
            rebalancing: false,
            leaving: None,
            left: false,
            told_at: 0,
            reported: 0,
            member: None,
            expired: false,
            given_up: 0,
            clock_ahead: 0,
        }
    }

    /// The time as this process sees it.
    pub(crate) fn moment(&self, now: u64) -> Moment {
        Moment { uptime: Duration::from_millis(now - self.started), unix_ms: MIDNIGHT + self.clock_ahead + now as i64 }
    }
}

/// The partition of this number.
pub(crate) fn partition(number: usize) -> Partition {
    Partition { topic: 0, number: number as i32 }
}

/// Where a record of the one topic lies.
pub(crate) fn place(position: &wire::Position) -> (usize, i64) {
    (position.partition as usize, position.offset)
}
