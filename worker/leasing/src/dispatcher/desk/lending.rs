//! Reading and lending: who gets what next.
//!
//! Records that were read before go first, then new ones, one from each partition in turn.

use std::time::Duration;

use imagejob_ledger::Attempts;
use imagejob_protocol::wire;

use super::Desk;
use crate::dispatcher::held::Stage;
use crate::dispatcher::leases::INTERVAL;
use crate::dispatcher::moment::Moment;
use crate::dispatcher::pen::Company;
use crate::dispatcher::rate::Share;
use crate::dispatcher::record::{Partition, Record, RecordId};
use crate::dispatcher::retry::{company, expired};
use crate::dispatcher::workers::WorkerKey;

impl Desk {
    /// A partition's queue has something to read.
    pub fn readable(&mut self, partition: Partition) {
        self.make_ready(partition);
        self.rung.push(partition);
        self.changed = true;
    }

    /// Lends as much as credit and bounds allow. `read` takes the next record from a partition's
    /// queue; `None` when that is empty, which [`readable`](Self::readable) undoes.
    pub fn lend(&mut self, now: Moment, mut read: impl FnMut(Partition) -> Option<Record>) {
        self.rate.refill(now.uptime, self.share());
        if !self.suspended {
            self.lend_read_before(now);
        }
        while !self.suspended && !self.ready.is_empty() && self.may_read() {
            let Some(partition) = self.ready.pop_front() else { break };
            if self.lend_next(now, partition, &mut read) {
                self.ready.push_back(partition);
            } else if let Some(held) = self.partitions.get_mut(&partition) {
                held.queued = false;
            }
        }
        self.look_into_queues(read);
    }

    /// Takes the first record out of queues that filled and that nobody had credit for. A queue rings only
    /// when it was empty, and the first thing in a new one is no record: were it left there, the first record
    /// after a rest would not ring.
    fn look_into_queues(&mut self, mut read: impl FnMut(Partition) -> Option<Record>) {
        for partition in self.rung.drain(..) {
            if let Some(held) = self.partitions.get_mut(&partition)
                && held.queued
                && held.stash.is_none()
            {
                held.stash = read(partition);
            }
        }
    }

    /// The part of the partitions that are held here, of those that the broker says there are.
    fn share(&self) -> Share {
        let all = self.partition_counts.iter().map(|&count| u64::try_from(count).unwrap_or(0)).sum();
        Share::new(self.partitions.len(), all)
    }

    /// Whether a new record may be read: somebody has credit for it, there is room to keep it, and the rate
    /// limit lets it through.
    fn may_read(&mut self) -> bool {
        let bytes = self.loans.bytes() + self.pen.bytes() + self.giving_up_bytes;
        self.workers.next().is_some()
            && !self.pen.is_full()
            && self.giving_up.len() < self.limits.pen_records
            && bytes < self.limits.record_bytes
            && self.rate.admits()
    }

    /// Lends records that are due for another attempt.
    fn lend_read_before(&mut self, now: Moment) {
        while let Some(worker) = self.workers.next()
            && self.pen.has_due(now.uptime, Company::Any)
            && self.rate.admits()
            && let Some(record) = self.pen.take_due(now.uptime, Company::Any)
        {
            if let Some(record) = self.still_wanted(now, record) {
                self.lend_to(now, worker, record, Company::Any);
            }
        }
        while self.pen.has_due(now.uptime, Company::Alone) {
            let Some(worker) = self.workers.next_alone() else { return };
            if !self.rate.admits() {
                return;
            }
            if let Some(record) = self.pen.take_due(now.uptime, Company::Alone)
                && let Some(record) = self.still_wanted(now, record)
            {
                self.lend_to(now, worker, record, Company::Alone);
            }
        }
        self.workers.stop_preparing();
    }

    /// Reads one record of a partition and lends it. False when there is nothing more to read there
    /// for now.
    fn lend_next(
        &mut self,
        now: Moment,
        partition: Partition,
        read: &mut impl FnMut(Partition) -> Option<Record>,
    ) -> bool {
        let Some(held) = self.partitions.get_mut(&partition) else { return false };
        if held.stage != Stage::Open {
            return false;
        }
        if held.stash.is_none() && !held.window.admits(held.position) {
            held.full = true;
            return false;
        }
        let Some(record) = held.stash.take().or_else(|| read(partition)) else { return false };
        let offset = record.id.offset;
        if offset < held.position {
            return true;
        }
        // Offsets are skipped only where the log has no record: compaction, transaction markers.
        if held.window.mark_gap(held.position..offset) > 0 {
            held.dirty = true;
        }
        held.position = offset;
        if !held.window.admits(offset) {
            held.stash = Some(record);
            held.full = true;
            return false;
        }
        held.position = offset + 1;
        held.full = false;
        if held.window.is_finished(offset) {
            return true;
        }
        let attempts = held.window.attempts(offset);
        if let Some(record) = self.loans.attach(record)
            && let Some(record) = self.still_wanted(now, record)
        {
            self.place(now, record, attempts);
        }
        true
    }

    /// The record, unless it became too old while it waited: then it is given up.
    fn still_wanted(&mut self, now: Moment, record: Record) -> Option<Record> {
        let Some(cause) = expired(record.timestamp_ms, now.unix_ms, &self.retry) else { return Some(record) };
        self.give_up(record, cause);
        None
    }

    /// Lends a record that was just read, or keeps it for a worker of its own.
    fn place(&mut self, now: Moment, record: Record, attempts: Attempts) {
        match (company(attempts), self.workers.next()) {
            (Company::Any, Some(worker)) => self.lend_to(now, worker, record, Company::Any),
            (company, _) => self.pen.put(record, now.uptime, company),
        }
    }

    fn lend_to(&mut self, now: Moment, worker: WorkerKey, record: Record, company: Company) {
        let attempts = self.attempts(record.id);
        let lease = self.lease(&record, attempts, company);
        self.workers.send_lease(worker, lease, record.bytes());
        let stream = match company {
            Company::Any => self.workers.start(worker),
            Company::Alone => self.workers.start_alone(worker),
        };
        let first = attempts == Attempts::default();
        let wait = first.then(|| since(record.timestamp_ms, now.unix_ms));
        self.count_on_loan(record.id.partition, 1);
        self.loans.lend(now.uptime, worker, stream, wait, record);
        self.rate.take();
        self.tally.leased += 1;
        self.changed = true;
    }

    fn lease(&self, record: &Record, attempts: Attempts, company: Company) -> wire::Lease {
        wire::Lease {
            position: Some(self.topics.position(record.id)),
            attempt: attempts.failures + 1,
            losses: attempts.losses,
            alone: company == Company::Alone,
            interval_ms: INTERVAL.as_millis() as u32,
            timestamp_ms: record.timestamp_ms,
            key: record.key.clone(),
            value: record.value.clone(),
            headers: record.headers.clone(),
        }
    }

    pub(super) fn count_on_loan(&mut self, partition: Partition, change: i64) {
        if let Some(held) = self.partitions.get_mut(&partition) {
            held.on_loan = held.on_loan.saturating_add_signed(change);
        }
    }

    pub(super) fn attempts(&self, id: RecordId) -> Attempts {
        let held = self.partitions.get(&id.partition);
        held.map(|held| held.window.attempts(id.offset)).unwrap_or_default()
    }
}

/// Time from a Unix time in milliseconds until another; zero where a clock says otherwise.
fn since(earlier_ms: i64, now_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(now_ms - earlier_ms).unwrap_or(0))
}
