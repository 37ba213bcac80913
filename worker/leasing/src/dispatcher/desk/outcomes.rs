//! How loans end.

use std::time::Duration;

use imagejob_ledger::Finish;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::OnExhausted;
use imagejob_protocol::wire::{self, FailureClass, from_dispatcher::Message};

use super::{DeadLetter, Desk};
use crate::dispatcher::facts;
use crate::dispatcher::held::Stage;
use crate::dispatcher::latency::Sample;
use crate::dispatcher::leases::Loan;
use crate::dispatcher::moment::Moment;
use crate::dispatcher::record::{Record, RecordId};
use crate::dispatcher::retry::{Cause, Next, after_failure, after_loss, company};
use crate::dispatcher::workers::WorkerKey;

/// What became of a report that an offset is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finished {
    /// It is in the ledger now.
    Now,
    /// It was in the ledger before.
    Before,
    /// Its partition is not held here, or does not reach that far: kept for later.
    Elsewhere,
}

impl Desk {
    pub(super) fn outcomes(&mut self, now: Moment, worker: WorkerKey, outcomes: wire::Outcomes) {
        let mut elsewhere = false;
        for done in outcomes.done {
            elsewhere |= self.done(now, worker, &done) == Some(Finished::Elsewhere);
        }
        for fail in outcomes.failed {
            self.failed(now, worker, fail);
        }
        for position in outcomes.returned {
            if let Some(id) = self.topics.record(&position) {
                self.returned(now, worker, id);
            }
        }
        if let Some(worker) = self.workers.get_mut(worker) {
            let sequences = &mut worker.sequences;
            sequences.received = sequences.received.max(outcomes.sequence);
            if elsewhere {
                sequences.keep(outcomes.sequence, now.uptime + facts::KEPT);
            }
        }
        self.changed = true;
    }

    /// `None` for a record of no topic of this job.
    fn done(&mut self, now: Moment, worker: WorkerKey, done: &wire::Done) -> Option<Finished> {
        let id = self.topics.record(done.position.as_ref()?)?;
        let loan = self.settle(worker, id);
        let finished = self.finish(now, id);
        match finished {
            Finished::Now if done.skipped => self.tally.skipped += 1,
            Finished::Now => self.tally.done += 1,
            Finished::Before => self.tally.duplicates += 1,
            Finished::Elsewhere => {}
        }
        if let Some(Loan { since, wait, stream: Some(_), .. }) = loan {
            let service = now.uptime.saturating_sub(since);
            self.tally.slot_time += service;
            self.observe(now.uptime, Sample { service, wait, timings: done.timings });
        }
        Some(finished)
    }

    fn failed(&mut self, now: Moment, worker: WorkerKey, fail: wire::Fail) {
        let class = fail.class();
        let Some(id) = fail.position.as_ref().and_then(|position| self.topics.record(position)) else {
            return;
        };
        self.tally.failed += 1;
        let word = FailureReason::parse(&fail.reason).map_or("Other", FailureReason::as_str);
        *self.tally.failures_by_reason.entry(word).or_default() += 1;
        // Only the worker that has the loan has a say; of an ended loan the record is with another.
        let Some(loan) = self.settle(worker, id) else { return };
        let Some(held) = self.partitions.get_mut(&id.partition) else { return };
        let attempts = held.window.note_failure(id.offset);
        held.dirty = true;
        let class = match class {
            FailureClass::Permanent => FailureClass::Permanent,
            _ => FailureClass::Transient,
        };
        let cause = Cause { class, reason: fail.reason, message: fail.message };
        self.dispose(now, loan.record, after_failure(attempts, cause, &self.retry));
    }

    /// Handed back unstarted: counts as nothing.
    pub(super) fn returned(&mut self, now: Moment, worker: WorkerKey, id: RecordId) {
        if let Some(loan) = self.settle(worker, id) {
            self.dispose(now, loan.record, Next::Again { after: Duration::ZERO });
        }
    }

    /// The worker vanished with the record, or hangs: its deadline passed. Work that was announced and
    /// not read here yet is no loss: its worker may well extend it with the dispatcher that lent it.
    pub(super) fn lost(&mut self, now: Moment, id: RecordId) {
        let Some(loan) = self.withdraw(id) else { return };
        if loan.record.is_none() {
            return;
        }
        self.tally.lost += 1;
        self.changed = true;
        let Some(held) = self.partitions.get_mut(&id.partition) else { return };
        let attempts = held.window.note_loss(id.offset);
        held.dirty = true;
        self.dispose(now, loan.record, after_loss(attempts, &self.retry));
    }

    /// What is written of a record that is given up is durable.
    pub fn buried(&mut self, now: Moment, id: RecordId, reason: &str) {
        if let Some(bytes) = self.giving_up.remove(&id) {
            self.giving_up_bytes -= bytes;
            if let Some(held) = self.partitions.get_mut(&id.partition) {
                held.giving_up = held.giving_up.saturating_sub(1);
            }
        }
        if self.retry.on_exhausted == OnExhausted::Skip {
            self.tally.skipped += 1;
        } else {
            *self.tally.dead_letters_by_reason.entry(reason.to_owned()).or_default() += 1;
        }
        self.finish(now, id);
        self.changed = true;
    }

    /// Marks an offset as finished, whoever said so, and takes the record from whoever has it.
    pub(super) fn finish(&mut self, now: Moment, id: RecordId) -> Finished {
        let Some(held) = self.partitions.get_mut(&id.partition) else {
            self.facts.remember(now.uptime, id);
            return Finished::Elsewhere;
        };
        if held.window.is_finished(id.offset) {
            return Finished::Before;
        }
        if !held.exists(id.offset) || !held.window.admits(id.offset) {
            self.facts.remember(now.uptime, id);
            return Finished::Elsewhere;
        }
        let moved = held.window.finish(id.offset) == Finish::Advanced;
        held.dirty = true;
        if moved && held.full {
            self.make_ready(id.partition);
        }
        if let Some(loan) = self.withdraw(id) {
            let positions = vec![self.topics.position(id)];
            self.workers.send(loan.worker, Message::Cancel(wire::Cancel { positions }));
        }
        self.pen.take(id);
        self.blocked.remove(&id);
        Finished::Now
    }

    /// Ends the loan of a record, if any, without its worker's word.
    fn withdraw(&mut self, id: RecordId) -> Option<Loan> {
        let loan = self.loans.remove(id)?;
        self.workers.linger(loan.worker, loan.stream, id);
        self.count_on_loan(id.partition, -1);
        Some(loan)
    }

    /// The worker let go of a record. Returns the loan, if it still had one.
    fn settle(&mut self, worker: WorkerKey, id: RecordId) -> Option<Loan> {
        // An earlier loan of the same record to the same worker may have ended without its word.
        self.workers.let_go(worker, id);
        let loan = self.loans.remove_from(id, worker)?;
        self.workers.end(worker, loan.stream);
        self.count_on_loan(id.partition, -1);
        Some(loan)
    }

    /// Nothing is to be done with a record that was announced and not read here yet (the reader will
    /// pass it and find its attempts), nor with one of a partition that is being handed over.
    fn dispose(&mut self, now: Moment, record: Option<Record>, next: Next) {
        let Some(record) = record else { return };
        let Some(held) = self.partitions.get(&record.id.partition) else { return };
        if held.stage == Stage::Closing {
            return;
        }
        match next {
            Next::Again { after } => {
                let company = company(held.window.attempts(record.id.offset));
                self.pen.put(record, now.uptime + after, company);
            }
            Next::Block { after, cause } => {
                let company = company(held.window.attempts(record.id.offset));
                self.blocked.insert(record.id, cause);
                self.pen.put(record, now.uptime + after, company);
            }
            Next::GiveUp(cause) => self.give_up(record, cause),
        }
    }

    pub(super) fn give_up(&mut self, record: Record, cause: Cause) {
        self.blocked.remove(&record.id);
        let attempts = self.attempts(record.id);
        if let Some(held) = self.partitions.get_mut(&record.id.partition) {
            held.giving_up += 1;
        }
        let bytes = record.bytes();
        self.giving_up_bytes += bytes;
        self.giving_up_bytes -= self.giving_up.insert(record.id, bytes).unwrap_or(0);
        self.dead_letters.push(DeadLetter { record, cause, attempts });
    }
}
