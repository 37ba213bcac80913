//! The dispatcher's state machine: which records are read, lent, retried, given up, finished.
//!
//! It does no I/O, reads no clock and draws no random number. Whoever drives it hands in what
//! happened and when, reads records for it, and carries out what it has to say: frames for workers,
//! dead letters, commits, reports.
//!
//! It refuses to finish an offset for any other reason than a worker's `Done`, the receipts of a dead
//! letter, or the log itself (no record there, or none any more).

mod holding;
mod lending;
mod outcomes;
mod posting;
mod reporting;
mod streams;
#[cfg(test)]
mod tests;

pub use self::posting::{Room, Streams};
pub use self::reporting::Snapshot;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use imagejob_ledger::Attempts;
use imagejob_protocol::settings::Retry;
use imagejob_protocol::wire;

use crate::dispatcher::facts::Facts;
use crate::dispatcher::held::{Held, Stage};
use crate::dispatcher::latency::{Recent, Sample};
use crate::dispatcher::leases::Loans;
use crate::dispatcher::moment::Moment;
use crate::dispatcher::pen::Pen;
use crate::dispatcher::problems::Problems;
use crate::dispatcher::rate::Rate;
use crate::dispatcher::record::{Partition, Record, RecordId, Topics};
use crate::dispatcher::retry::Cause;
use crate::dispatcher::tally::Tally;
use crate::dispatcher::workers::{SessionId, WorkerKey, Workers};

/// Bounds on what is read and not finished.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Records in the retry pen; reading stops there.
    pub pen_records: usize,
    /// Memory of all records read and not finished, bytes; reading stops there. A record on loan is
    /// kept because it may have to be lent again.
    pub record_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pen_records: 10_000, record_bytes: 64 << 20 }
    }
}

/// A record to be dead-lettered; [`Desk::buried`] finishes it.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// As it was read.
    pub record: Record,
    /// Why it is given up.
    pub cause: Cause,
    /// Failures and losses.
    pub attempts: Attempts,
}

/// What workers were last told of what waits.
#[derive(Debug, Default)]
struct Told {
    /// Records.
    waiting: u64,
    /// Records lent until then.
    leased: u64,
    /// Uptime.
    at: Duration,
}

/// Everything mutable of a dispatcher.
#[derive(Debug)]
pub struct Desk {
    id: String,
    topics: Topics,
    retry: Retry,
    limits: Limits,
    peers_expected: u32,
    /// Nothing is lent.
    suspended: bool,
    /// The share of the job's rate limit.
    rate: Rate,
    /// Partitions of each topic as the broker says; 0 = unknown.
    partition_counts: Vec<i32>,
    partitions: BTreeMap<Partition, Held>,
    /// Partitions that may have something to read, in turn.
    ready: VecDeque<Partition>,
    /// Partitions whose queues filled since they were last looked into.
    rung: Vec<Partition>,
    workers: Workers,
    /// Streams of workers that have another one already: most likely dialled once too often and soon
    /// closed, so they replace it only when something else comes over them.
    callers: HashMap<SessionId, wire::Hello>,
    /// Streams to be welcomed.
    greetings: Vec<SessionId>,
    /// Uptime of the first `Hello`.
    first_hello: Option<Duration>,
    loans: Loans,
    pen: Pen,
    /// Records whose dead letter is under way, with their bytes, and the sum of these.
    giving_up: HashMap<RecordId, usize>,
    giving_up_bytes: usize,
    dead_letters: Vec<DeadLetter>,
    /// Records whose attempts are used up and that are tried on and on.
    blocked: BTreeMap<RecordId, Cause>,
    facts: Facts,
    tally: Tally,
    recent: Recent,
    /// Not handed out yet; see [`take_samples`](Self::take_samples).
    samples: Vec<Sample>,
    /// What is wrong now; those that a driver sees are noted here too.
    pub problems: Problems,
    /// What workers were last told of what waits.
    told: Told,
    /// Something in the report changed.
    changed: bool,
    sequence: u64,
    last_scan: Duration,
}

impl Desk {
    /// A desk that holds nothing yet.
    pub fn new(id: String, topics: Topics, retry: Retry, limits: Limits, peers_expected: u32) -> Self {
        Self {
            id,
            partition_counts: vec![0; topics.names().count()],
            topics,
            retry,
            limits,
            peers_expected,
            suspended: false,
            rate: Rate::default(),
            partitions: BTreeMap::new(),
            ready: VecDeque::new(),
            rung: Vec::new(),
            workers: Workers::default(),
            callers: HashMap::new(),
            greetings: Vec::new(),
            first_hello: None,
            loans: Loans::default(),
            pen: Pen::new(limits.pen_records),
            giving_up: HashMap::new(),
            giving_up_bytes: 0,
            blocked: BTreeMap::new(),
            dead_letters: Vec::new(),
            facts: Facts::default(),
            tally: Tally::default(),
            recent: Recent::default(),
            samples: Vec::new(),
            problems: Problems::default(),
            told: Told::default(),
            changed: true,
            sequence: 0,
            last_scan: Duration::ZERO,
        }
    }

    /// Lets time pass: overdue loans, workers that stay away, questions without an answer.
    pub fn tick(&mut self, now: Moment) {
        for worker in self.workers.vanished(now.uptime) {
            self.worker_vanished(now, worker);
        }
        // Loans last seconds, so looking at all of them twice a second is soon enough.
        if now.uptime >= self.last_scan + Duration::from_millis(500) {
            self.last_scan = now.uptime;
            for id in self.loans.overdue(now.uptime) {
                self.lost(now, id);
            }
            self.ask_about_announced();
            self.facts.expire(now.uptime);
        }
        self.open_answered(now.uptime);
    }

    /// Dead letters to be written. Each is reported back through [`buried`](Self::buried).
    pub fn take_dead_letters(&mut self) -> Vec<DeadLetter> {
        std::mem::take(&mut self.dead_letters)
    }

    /// Records whose `Done` arrived since the last call, for histograms.
    pub fn take_samples(&mut self) -> Vec<Sample> {
        std::mem::take(&mut self.samples)
    }

    /// Records on loan.
    pub fn on_loan(&self) -> usize {
        self.loans.len()
    }

    fn worker_vanished(&mut self, now: Moment, worker: WorkerKey) {
        for id in self.loans.of_worker(worker) {
            self.lost(now, id);
        }
        self.workers.forget(worker);
        self.changed = true;
    }

    /// Puts a partition in the queue of those to read from.
    fn make_ready(&mut self, partition: Partition) {
        if let Some(held) = self.partitions.get_mut(&partition)
            && held.stage == Stage::Open
            && !std::mem::replace(&mut held.queued, true)
        {
            self.ready.push_back(partition);
            self.rung.push(partition);
        }
    }
}
