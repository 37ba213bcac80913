//! What workers say.

use std::collections::{BTreeSet, HashSet};
use std::num::NonZeroU32;
use std::time::Duration;

use imagejob_protocol::wire;
use imagejob_protocol::wire::from_dispatcher::Message as Out;
use imagejob_protocol::wire::from_worker::Message as In;

use super::holding::SETTLING;
use super::{Desk, Told};
use crate::dispatcher::held::Stage;
use crate::dispatcher::moment::Moment;
use crate::dispatcher::record::{Partition, RecordId};
use crate::dispatcher::workers::{SessionId, WorkerKey};

/// A change of the backlog by one in so many is told at once.
const MUCH: u64 = 8;
/// A smaller one this long after the last was told.
const SOON: Duration = Duration::from_secs(1);

impl Desk {
    /// The first message of a stream.
    pub fn hello(&mut self, now: Moment, session: SessionId, hello: wire::Hello) {
        self.greetings.push(session);
        if self.workers.is_connected(&hello.worker_id) {
            self.callers.insert(session, hello);
        } else {
            self.connect(now, session, hello);
        }
    }

    fn connect(&mut self, now: Moment, session: SessionId, hello: wire::Hello) {
        let held = hello.held.unwrap_or_default();
        let worker = self.take_stream(now.uptime, session, &hello.worker_id, hello.slots);
        self.take_back_unknown(now, worker, &held);
        self.begin_stream(now, worker, &held);
    }

    /// A stream that waited behind the one that ended is its worker's from now on. Its worker may wait for a word of
    /// ours before it says anything. What it said of its work is of then: there may be more by now.
    fn take_waiting_caller(&mut self, now: Moment) {
        let waiting = self.callers.iter().filter(|(_, hello)| !self.workers.is_connected(&hello.worker_id));
        let Some(session) = waiting.map(|(&session, _)| session).max() else { return };
        if let Some(hello) = self.callers.remove(&session) {
            let worker = self.take_stream(now.uptime, session, &hello.worker_id, hello.slots);
            self.begin_stream(now, worker, &hello.held.unwrap_or_default());
        }
    }

    fn take_stream(&mut self, now: Duration, session: SessionId, worker_id: &str, slots: u32) -> WorkerKey {
        if self.first_hello.is_none() {
            self.first_hello = Some(now);
            self.first_worker_came(now);
        }
        self.workers.connect(session, worker_id, slots)
    }

    fn begin_stream(&mut self, now: Moment, worker: WorkerKey, held: &wire::Announce) {
        self.announced(now, worker, held);
        let waiting = self.lendable(now);
        self.workers.send(worker, Out::Backlog(wire::Backlog { waiting }));
        self.changed = true;
    }

    /// Any later message of a stream.
    pub fn receive(&mut self, now: Moment, session: SessionId, message: In) {
        if let Some(hello) = self.callers.remove(&session) {
            self.connect(now, session, hello);
        }
        let Some(worker) = self.workers.by_session(session) else { return };
        match message {
            In::Hello(_) => {}
            In::Credit(credit) => {
                self.workers.set_credit(worker, credit);
                self.workers.send_ack(worker);
            }
            In::Extend(extend) => {
                for id in extend.positions.iter().filter_map(|at| self.topics.record(at)) {
                    self.loans.extend(now.uptime, id, worker);
                }
            }
            In::Outcomes(outcomes) => self.outcomes(now, worker, outcomes),
            In::Announce(announce) => {
                self.announced(now, worker, &announce);
                self.answered(now, worker, &announce);
                self.open_answered(now.uptime);
            }
            In::Drain(_) => self.workers.drain(worker),
        }
    }

    /// A stream ended, in whatever way.
    pub fn hang_up(&mut self, now: Moment, session: SessionId) {
        self.callers.remove(&session);
        if let Some(worker) = self.workers.disconnect(now.uptime, session) {
            self.no_answer_from(worker);
            self.changed = true;
            self.take_waiting_caller(now);
        }
    }

    /// The operator expects another number of dispatchers.
    pub fn expect_peers(&mut self, peers: u32) {
        if self.peers_expected != peers {
            self.peers_expected = peers;
            for worker in self.workers.connected() {
                self.workers.send(worker, Out::Welcome(self.welcome()));
            }
        }
    }

    /// The job is suspended, or goes on: while it is, nothing is lent.
    pub fn suspend(&mut self, suspended: bool) {
        self.suspended = suspended;
    }

    /// Records per second that all dispatchers of the job lend together, each the part that its partitions are of
    /// all; none for no limit.
    pub fn limit_rate(&mut self, records_per_second: Option<NonZeroU32>) {
        self.rate.limit(records_per_second);
    }

    /// Tells all workers how much waits here, if they should know. Slots follow the proportion between
    /// dispatchers, so a change by an eighth is told at once and a smaller one within a second: with 1,000
    /// workers, ten small changes a second would be as many frames as the records themselves. What is lent
    /// counts as a change, because each worker subtracts its own leases from what it heard last.
    pub fn tell_backlog(&mut self, now: Moment) {
        let waiting = self.lendable(now);
        let change = self.told.waiting.abs_diff(waiting);
        let much = change > 0 && change.saturating_mul(MUCH) >= self.told.waiting;
        let subtracted = waiting > 0 && self.told.leased != self.tally.leased;
        let later = now.uptime >= self.told.at + SOON;
        if !much && !(later && (change > 0 || subtracted)) {
            return;
        }
        self.told = Told { waiting, leased: self.tally.leased, at: now.uptime };
        for worker in self.workers.connected() {
            self.workers.send(worker, Out::Backlog(wire::Backlog { waiting }));
        }
    }

    /// What workers were last told of what waits; zero only while nothing does.
    pub fn told_backlog(&self) -> u64 {
        self.told.waiting
    }

    pub(super) fn welcome(&self) -> wire::Welcome {
        wire::Welcome { dispatcher_id: self.id.clone(), peers_expected: self.peers_expected }
    }

    /// Loans that a reconnecting worker does not know of (their frame was lost with the old stream)
    /// are free again; that is nobody's fault and counts as nothing.
    fn take_back_unknown(&mut self, now: Moment, worker: WorkerKey, held: &wire::Announce) {
        let known = self.records(&held.in_progress);
        for id in self.loans.of_worker(worker) {
            if !known.contains(&id) {
                self.returned(now, worker, id);
            }
        }
    }

    /// Work that a worker has, or lately finished, whoever lent it.
    fn announced(&mut self, now: Moment, worker: WorkerKey, announce: &wire::Announce) {
        let record = |at: &wire::Position| self.topics.record(at);
        let finished: Vec<_> = announce.finished.iter().filter_map(record).collect();
        let in_progress: Vec<_> = announce.in_progress.iter().filter_map(record).collect();
        for id in finished {
            self.finish(now, id);
        }
        for id in in_progress {
            self.adopt(now.uptime, worker, id);
        }
        self.changed = true;
    }

    /// Makes announced work a loan of its worker, unless somebody else has it or it is finished.
    fn adopt(&mut self, now: Duration, worker: WorkerKey, id: RecordId) {
        if self.loans.worker_of(id) == Some(worker) {
            return self.loans.extend(now, id, worker);
        }
        let Some(held) = self.partitions.get_mut(&id.partition) else { return };
        let unread = id.offset >= held.position;
        if !held.exists(id.offset) || held.window.is_finished(id.offset) || self.loans.worker_of(id).is_some() {
            return;
        }
        let record = self.pen.take(id);
        if record.is_none() && !unread {
            return;
        }
        if record.is_some() {
            // It waited for another worker because this one seemed gone, as when we were stopped for a while.
            held.window.take_back_loss(id.offset);
            held.dirty = true;
        }
        self.loans.adopt(now, id, worker, record);
        self.count_on_loan(id.partition, 1);
    }

    /// Asks workers how work is going that they announced: its outcome may go to the dispatcher that
    /// lent it, if that lives and the partition moved.
    pub(super) fn ask_about_announced(&mut self) {
        for (worker, ids) in self.loans.announced() {
            let partitions: BTreeSet<_> = ids.iter().map(|id| id.partition).collect();
            if self.workers.get_mut(worker).is_some_and(|worker| worker.questions.is_empty()) {
                self.ask(worker, partitions.into_iter().collect());
            }
        }
    }

    /// Sends a query.
    pub(super) fn ask(&mut self, worker: WorkerKey, partitions: Vec<Partition>) {
        let Some(known) = self.workers.get_mut(worker) else { return };
        if known.session.is_none() {
            return;
        }
        let name = |partition: &Partition| wire::Partition {
            topic: self.topics.name(*partition).to_owned(),
            partition: partition.number,
        };
        let query = wire::Query { partitions: partitions.iter().map(name).collect() };
        known.questions.push_back(partitions);
        self.workers.send(worker, Out::Query(query));
    }

    /// A worker answered its oldest query.
    fn answered(&mut self, now: Moment, worker: WorkerKey, announce: &wire::Announce) {
        let asked = self.workers.get_mut(worker).and_then(|worker| worker.questions.pop_front());
        let asked = asked.unwrap_or_default();
        for partition in &asked {
            if let Some(held) = self.partitions.get_mut(partition)
                && let Stage::Asking(asking) = &mut held.stage
            {
                asking.unanswered.remove(&worker);
            }
        }
        // Announced work that is neither finished nor in progress any more failed or was returned, and
        // somebody else was told: it is free again.
        let in_progress = self.records(&announce.in_progress);
        let announced = self.loans.announced().remove(&worker).unwrap_or_default();
        for id in announced {
            if asked.contains(&id.partition) && !in_progress.contains(&id) {
                self.returned(now, worker, id);
            }
        }
    }

    fn records(&self, positions: &[wire::Position]) -> HashSet<RecordId> {
        positions.iter().filter_map(|at| self.topics.record(at)).collect()
    }

    fn no_answer_from(&mut self, worker: WorkerKey) {
        for held in self.partitions.values_mut() {
            if let Stage::Asking(asking) = &mut held.stage {
                asking.unanswered.remove(&worker);
            }
        }
    }

    /// Partitions that waited for a worker to ask now wait for the others to re-dial.
    fn first_worker_came(&mut self, now: Duration) {
        let until = now + SETTLING.wait_after_first_hello(now);
        for held in self.partitions.values_mut() {
            if let Stage::Asking(asking) = &mut held.stage {
                asking.not_before = until;
                asking.until = Some(until);
            }
        }
    }
}
