//! Partitions that come and go, and what the broker says about them.

use std::collections::BTreeSet;
use std::time::Duration;

use imagejob_ledger::encode;
use imagejob_protocol::reasons::ProblemReason;

use super::Desk;
use crate::dispatcher::commit::{Batch, Entry};
use crate::dispatcher::facts;
use crate::dispatcher::held::{Asking, Held, Stage};
use crate::dispatcher::moment::Moment;
use crate::dispatcher::position::Start;
use crate::dispatcher::record::{Partition, RecordId};
use crate::dispatcher::workers::WorkerKey;

/// How long workers are waited for before records that they may be working on are lent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settling {
    /// For answers to a query.
    answers: Duration,
    /// For the other workers to re-dial, once the first did.
    redial: Duration,
    /// Uptime after which no worker is left from before the start: work goes on without a
    /// dispatcher, but its workers re-dial all the time.
    fresh: Duration,
}

pub(super) const SETTLING: Settling =
    Settling { answers: Duration::from_millis(500), redial: Duration::from_secs(1), fresh: Duration::from_secs(10) };

impl Settling {
    pub(super) fn wait_after_first_hello(self, hello: Duration) -> Duration {
        if hello < self.fresh { self.redial } else { Duration::ZERO }
    }
}

impl Desk {
    /// A partition was assigned and its position chosen. Workers are asked about it first, or its first
    /// position is stored first, if it was never read before.
    pub fn hold(&mut self, now: Moment, partition: Partition, start: Start) {
        self.note_start(now.uptime, partition, &start);
        let stage = match (start.first_ever, self.first_hello) {
            (true, _) => Stage::Unwritten,
            (false, None) => Stage::Asking(Asking { unanswered: BTreeSet::new(), not_before: now.uptime, until: None }),
            (false, Some(hello)) => {
                let not_before = hello + SETTLING.wait_after_first_hello(hello);
                Stage::Asking(Asking {
                    unanswered: self.ask_all(partition),
                    not_before,
                    until: Some(not_before.max(now.uptime + SETTLING.answers)),
                })
            }
        };
        let held = Held::new(start.window, start.end, now.unix_ms, stage);
        self.partitions.insert(partition, held);
        self.apply_facts(now, partition);
        self.open_answered(now.uptime);
        self.make_ready(partition);
        self.changed = true;
    }

    /// Partitions are about to be handed over: nothing more of them is lent.
    pub fn close(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            if let Some(held) = self.partitions.get_mut(partition) {
                held.stage = Stage::Closing;
                self.pen.forget(*partition);
            }
        }
    }

    /// Records of these partitions that are on loan.
    pub fn on_loan_of(&self, partitions: &[Partition]) -> u64 {
        let held = partitions.iter().filter_map(|partition| self.partitions.get(partition));
        held.map(|held| held.on_loan).sum()
    }

    /// Partitions are gone. Their loans still fill slots until the workers let go, and what no commit stored
    /// stays with the workers for the next holder.
    pub fn release(&mut self, now: Moment, partitions: &[Partition]) {
        let mut held = partitions.iter().filter_map(|partition| self.partitions.get(partition));
        if held.any(Held::is_ahead) {
            self.workers.keep_what_is_not_durable(now.uptime + facts::KEPT);
        }
        for &partition in partitions {
            self.partitions.remove(&partition);
            self.ready.retain(|&ready| ready != partition);
            self.pen.forget(partition);
            self.blocked.retain(|id, _| id.partition != partition);
            for id in self.loans.of_partition(partition) {
                if let Some(loan) = self.loans.remove(id) {
                    self.workers.linger(loan.worker, loan.stream, id);
                }
            }
        }
        self.changed = true;
    }

    /// All partitions held, in order.
    pub fn held(&self) -> Vec<Partition> {
        self.partitions.keys().copied().collect()
    }

    /// The broker said where a partition ends; it was asked at the uptime `asked`. Returns whether that had moved.
    pub fn saw_end(&mut self, now: Moment, asked: Duration, partition: Partition, end: i64) -> bool {
        let Some(held) = self.partitions.get_mut(&partition) else { return false };
        let arrived = u64::try_from(end - held.end).unwrap_or(0);
        held.arrivals.add(held.end_at_ms, now.unix_ms, arrived);
        held.end_at_ms = now.unix_ms;
        held.end = held.end.max(end);
        held.ends.push(now.unix_ms, held.end);
        if arrived > 0 {
            self.changed = true;
            self.apply_facts(now, partition);
        }
        self.facts.drop_older(partition, asked);
        arrived > 0
    }

    /// Where a partition ended at earlier times (Unix ms, ascending), so that what waited before this
    /// dispatcher started has an age, and the report its arrivals.
    pub fn learn_history(&mut self, partition: Partition, history: &[(i64, i64)]) {
        let Some(held) = self.partitions.get_mut(&partition) else { return };
        held.ends.prepend(history);
        for pair in history.windows(2) {
            let [(from_ms, earlier), (to_ms, later)] = [pair[0], pair[1]];
            let arrived = u64::try_from(later - earlier).unwrap_or(0);
            held.arrivals.add(from_ms, to_ms, arrived);
        }
        self.changed = true;
    }

    /// All partitions that the topics have, as far as the broker has said.
    pub fn partitions_in_all(&self) -> Vec<Partition> {
        let of_topic = |(topic, &count)| (0..count).map(move |number| Partition { topic, number });
        (0..).zip(&self.partition_counts).flat_map(of_topic).collect()
    }

    /// How many partitions the topics have; 0 for one that is missing.
    pub fn saw_partition_counts(&mut self, counts: Vec<i32>) {
        self.changed |= self.partition_counts != counts;
        self.partition_counts = counts;
    }

    /// What changed since the last commit. Where no entry is in it, nothing has to be stored before it
    /// counts as [`committed`](Self::committed). A ledger that does not fit waits: the one that was
    /// committed before stays true.
    pub fn take_commit(&mut self) -> Batch {
        let mut batch = Batch::default();
        let mut all = true;
        for (&partition, held) in self.partitions.iter_mut().filter(|(_, held)| held.dirty) {
            let offset = held.window.base();
            match encode(&held.window, None) {
                Ok(metadata) => {
                    (held.dirty, held.in_commit) = (false, true);
                    batch.entries.push(Entry { partition, offset, metadata });
                }
                Err(_) => all = false,
            }
        }
        if all {
            let received = self
                .workers
                .iter()
                .filter_map(|(_, worker)| worker.session.map(|session| (session, worker.sequences.received)));
            batch.received = received.collect();
        }
        batch
    }

    /// A commit was stored.
    pub fn committed(&mut self, now: Duration, batch: &Batch) {
        for entry in &batch.entries {
            if let Some(held) = self.partitions.get_mut(&entry.partition) {
                held.in_commit = false;
                if held.stage == Stage::Unwritten {
                    held.stage = Stage::Open;
                    self.make_ready(entry.partition);
                }
            }
        }
        for &(session, sequence) in &batch.received {
            let Some(key) = self.workers.by_session(session) else { continue };
            let Some(worker) = self.workers.get_mut(key) else { continue };
            if worker.sequences.committed(now, sequence) {
                self.workers.send_ack(key);
            }
        }
    }

    /// A commit was not stored: its partitions are committed again, by their next holder where they are gone.
    pub fn not_committed(&mut self, now: Duration, batch: &Batch) {
        for entry in &batch.entries {
            match self.partitions.get_mut(&entry.partition) {
                Some(held) => (held.dirty, held.in_commit) = (true, false),
                None => self.workers.keep_what_is_not_durable(now + facts::KEPT),
            }
        }
    }

    /// Opens partitions whose questions are answered.
    pub(super) fn open_answered(&mut self, now: Duration) {
        let mut opened = Vec::new();
        for (&partition, held) in &mut self.partitions {
            if let Stage::Asking(asking) = &held.stage
                && asking.is_over(now)
            {
                held.stage = Stage::Open;
                opened.push(partition);
            }
        }
        for partition in opened {
            self.make_ready(partition);
        }
    }

    fn ask_all(&mut self, partition: Partition) -> BTreeSet<WorkerKey> {
        let asked = self.workers.connected();
        for &worker in &asked {
            self.ask(worker, vec![partition]);
        }
        asked.into_iter().collect()
    }

    fn apply_facts(&mut self, now: Moment, partition: Partition) {
        let Some(held) = self.partitions.get(&partition) else { return };
        for offset in self.facts.take(partition, |offset| held.exists(offset)) {
            self.finish(now, RecordId { partition, offset });
        }
    }

    fn note_start(&mut self, now: Duration, partition: Partition, start: &Start) {
        let name = format!("{}[{}]", self.topics.name(partition), partition.number);
        if start.expired > 0 {
            self.tally.expired_by_retention += start.expired;
            let message = format!(
                "{name}: the broker deleted {} records before they were read; reading goes on at \
                 {}. Lengthen the topic's retention or allow more workers",
                start.expired,
                start.window.base(),
            );
            self.problems.happened(now, ProblemReason::DataExpired, message);
        }
        if let Some(void) = start.void {
            let message = format!(
                "{name}: {void}; reading goes on at {}, what was finished beyond it is done again",
                start.window.base(),
            );
            self.problems.happened(now, ProblemReason::LedgerVoid, message);
        }
    }
}
