//! What happens to dispatchers: the shell around their desks, as the program has it, in virtual time.

use std::collections::BTreeMap;

use imagejob_leasing::dispatcher::{
    Batch, DeadLetter, Errand, Fresh, Partition, Record, RecordId, Room, SessionId, Start, Streams, choose,
};
use imagejob_ledger::decode;
use imagejob_protocol::settings::OnExhausted;
use imagejob_protocol::wire;
use imagejob_protocol::wire::from_dispatcher::Message as FromDispatcher;
use imagejob_protocol::wire::from_worker::Message as FromWorker;
use rand::Rng as _;

use crate::broker::{MemberId, Nature};
use crate::bugs::Bug;
use crate::dispatcher::{Dispatcher, MAX_ATTEMPTS, MIDNIGHT, Queue, place};
use crate::network::{End, Network, ProcessId};
use crate::violation::{Violation, ensure};
use crate::world::{Event, World};

/// Time passes for a dispatcher this often, ms.
const TICK: u64 = 50;
/// Shortest time between two reports, ms.
const REPORT_PAUSE: u64 = 100;
/// Frames that a stream takes before its worker reads.
const OUTBOUND_FRAMES: usize = 32;

impl World {
    pub(crate) fn start_dispatcher(&mut self, address: usize) -> Result<(), Violation> {
        let id = self.new_life();
        let name = format!("dispatcher-{address}.{}", id.0);
        let mut retry = self.plan.retry;
        if self.bug == Some(Bug::LastResortIgnored) {
            retry.on_exhausted = OnExhausted::DeadLetter;
        }
        let mut dispatcher = Dispatcher::new(name, address, self.now, self.addresses, retry);
        if self.bug == Some(Bug::ClockAhead) {
            dispatcher.clock_ahead = 60_000;
        }
        dispatcher.desk.saw_partition_counts(vec![self.broker.partitions.len() as i32]);
        if self.bug != Some(Bug::RateLimitNotHeard) {
            dispatcher.desk.limit_rate(self.plan.rate_limit);
        }
        dispatcher.desk.suspend(self.suspended);
        self.dispatcher_lives += 1;
        self.dispatchers.insert(id, dispatcher);
        self.at(self.now, Event::Tick(id));
        self.after(50, 1_000, Event::Joins(id));
        Ok(())
    }

    pub(crate) fn tick(&mut self, id: ProcessId) -> Result<(), Violation> {
        if self.dispatchers.contains_key(&id) {
            self.at(self.now + TICK, Event::Tick(id));
        }
        self.report(id);
        self.step(id)
    }

    /// Hears of the ends of logs, and tells workers what waits when that has changed.
    fn report(&mut self, id: ProcessId) {
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return };
        let now = dispatcher.moment(self.now);
        if self.now < dispatcher.reported + REPORT_PAUSE {
            return;
        }
        dispatcher.reported = self.now;
        for partition in dispatcher.desk.held() {
            dispatcher.desk.saw_end(
                now,
                now.uptime,
                partition,
                self.broker.partitions[partition.number as usize].end(),
            );
        }
        if now.uptime.subsec_millis() < TICK as u32 {
            dispatcher.desk.snapshot(now);
        }
        dispatcher.desk.tell_backlog(now);
    }

    /// Everything that may be due, in the order in which the program has it.
    fn step(&mut self, id: ProcessId) -> Result<(), Violation> {
        // The program is over once its last commit has begun.
        let Some(dispatcher) = self.dispatchers.get_mut(&id).filter(|dispatcher| !dispatcher.left) else {
            return Ok(());
        };
        let now = dispatcher.moment(self.now);
        dispatcher.membership.give_up_when_due(now, &mut dispatcher.desk);
        self.run_errands(id);
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return Ok(()) };
        dispatcher.desk.tick(now);
        if dispatcher.leaving.is_none() {
            let Dispatcher { desk, queues, .. } = dispatcher;
            let (broker, bug) = (&self.broker, self.bug);
            desk.lend(now, |partition| {
                let queue = queues.get_mut(&partition)?;
                let offset = broker.read(partition.number as usize, queue.position, bug);
                queue.empty = offset.is_none();
                queue.position = offset? + 1;
                let appended = broker.partitions[partition.number as usize].entries[offset? as usize].appended;
                Some(record(RecordId { partition, offset: offset? }, MIDNIGHT + appended as i64))
            });
        }
        for letter in dispatcher.desk.take_dead_letters() {
            let age = MIDNIGHT + self.now as i64 - letter.record.timestamp_ms;
            let too_old = self.plan.retry.max_age_ms.is_some_and(|most| age > most as i64);
            ensure(too_old || letter.cause.reason != "Expired", || format!("{age} ms old: {letter:?}"))?;
            if self.bug == Some(Bug::BuriedBeforeReceipt) {
                dispatcher.desk.buried(now, letter.record.id, &letter.cause.reason);
                dispatcher.given_up += 1;
            }
            dispatcher.letters.push(letter);
        }
        self.write_letters(id);
        self.post(id)?;
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return Ok(()) };
        dispatcher.membership.commit_when_due(now, &mut dispatcher.desk);
        self.run_errands(id);
        self.leave_when_drained(id)
    }

    fn post(&mut self, id: ProcessId) -> Result<(), Violation> {
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return Ok(()) };
        let latency = if self.random.random_bool(0.05) { self.random.random_range(0..60) } else { 1 };
        let mut wires = Wires { network: &mut self.network, now: self.now, latency, sent: Vec::new() };
        dispatcher.desk.post(&mut wires);
        for (at, session, message) in wires.sent {
            if let FromDispatcher::Loans(loans) = &message {
                for lease in &loans.leases {
                    let Some(position) = &lease.position else { continue };
                    let (partition, offset) = place(position);
                    self.broker.partitions[partition].entries[offset as usize].leases += 1;
                    self.leases += 1;
                }
            }
            if let Some(at) = at {
                self.at(at, Event::ToWorker(session, message));
            }
        }
        self.no_more_than_the_rate_limit()
    }

    /// Where nobody stalls, no partition is two dispatchers' at a time. The first record of a dispatcher need not
    /// wait, and a tenth of a second's may be lent at once.
    fn no_more_than_the_rate_limit(&self) -> Result<(), Violation> {
        let Some(limit) = self.plan.rate_limit.filter(|_| self.calm) else { return Ok(()) };
        let limit = u64::from(limit.get());
        let most = limit * self.now / 1_000 + self.dispatcher_lives * (2 + limit / 10);
        ensure(self.leases <= most, || format!("{} leases until {} ms at {limit}/s", self.leases, self.now))
    }

    fn run_errands(&mut self, id: ProcessId) {
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return };
        for errand in dispatcher.membership.take_errands() {
            let latency = self.latency();
            match errand {
                Errand::AskStarts(partitions) => {
                    let event = if self.mischance(0.1) { Event::AskStarts(id) } else { Event::Starts(id, partitions) };
                    self.after(1, 100, event);
                }
                Errand::Commit(batch) => {
                    let member = self.dispatchers.get(&id).and_then(|dispatcher| dispatcher.member);
                    if self.bug == Some(Bug::CommitsOvertake) {
                        self.at(self.now, Event::Committed(id, batch.clone(), true));
                        self.after(0, 1_000, Event::CommitArrives(id, member, batch));
                    } else {
                        self.at(self.now + latency, Event::CommitArrives(id, member, batch));
                    }
                }
                Errand::Read(positions) => self.reads(id, positions),
                Errand::GiveUp(partitions) => self.gave_up(id, &partitions),
            }
        }
    }

    fn reads(&mut self, id: ProcessId, positions: Vec<(Partition, i64)>) {
        for (partition, position) in positions {
            if let Some(dispatcher) = self.dispatchers.get_mut(&id) {
                dispatcher.queues.insert(partition, Queue { position, empty: true });
            }
            self.after(1, 30, Event::Readable(id, partition));
        }
        self.agreed(id);
    }

    /// Something may have come into a queue: it rings if it was empty.
    pub(crate) fn readable(&mut self, id: ProcessId, partition: Partition) -> Result<(), Violation> {
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return Ok(()) };
        let now = dispatcher.moment(self.now);
        let end = self.broker.partitions[partition.number as usize].end();
        if let Some(queue) = dispatcher.queues.get_mut(&partition)
            && queue.empty
            && self.broker.read(partition.number as usize, queue.position, self.bug).is_some()
        {
            queue.empty = false;
            dispatcher.desk.saw_end(now, now.uptime, partition, end);
            dispatcher.desk.readable(partition);
        }
        self.step(id)
    }

    pub(crate) fn hello(&mut self, session: SessionId, hello: wire::Hello) -> Result<(), Violation> {
        self.heard(session, |dispatcher, now| dispatcher.desk.hello(now, session, hello))
    }

    pub(crate) fn to_dispatcher(&mut self, session: SessionId, message: FromWorker) -> Result<(), Violation> {
        self.heard(session, |dispatcher, now| dispatcher.desk.receive(now, session, message))
    }

    fn heard(
        &mut self,
        session: SessionId,
        hear: impl FnOnce(&mut Dispatcher, imagejob_leasing::dispatcher::Moment),
    ) -> Result<(), Violation> {
        let Some(id) = self.network.get(session).map(|link| link.dispatcher) else { return Ok(()) };
        if !self.network.arrive(session, End::Dispatcher) {
            return Ok(());
        }
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return Ok(()) };
        let now = dispatcher.moment(self.now);
        hear(dispatcher, now);
        self.step(id)
    }

    /// The dispatcher's end of a stream learns that it is over.
    pub(crate) fn hang_up(&mut self, session: SessionId) -> Result<(), Violation> {
        let Some(id) = self.network.get(session).map(|link| link.dispatcher) else { return Ok(()) };
        self.network.close(session, End::Dispatcher);
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return Ok(()) };
        let now = dispatcher.moment(self.now);
        dispatcher.desk.hang_up(now, session);
        self.step(id)
    }

    pub(crate) fn ask_starts(&mut self, id: ProcessId) -> Result<(), Violation> {
        if let Some(dispatcher) = self.dispatchers.get_mut(&id) {
            dispatcher.membership.ask_starts();
        }
        self.run_errands(id);
        Ok(())
    }

    /// The broker says where partitions begin.
    pub(crate) fn starts(&mut self, id: ProcessId, partitions: Vec<Partition>) -> Result<(), Violation> {
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return Ok(()) };
        let mut starts = Vec::new();
        for partition in partitions {
            let held = &self.broker.partitions[partition.number as usize];
            let believed = held.committed.as_ref().and_then(|committed| decode(&committed.metadata).ok());
            let start = match believed {
                Some(ledger) if self.bug == Some(Bug::LedgerOfAnotherLog) => {
                    Start { window: ledger.window, end: held.end(), first_ever: false, void: None, expired: 0 }
                }
                _ => choose(held.committed.clone(), Fresh::LogStart, held.log()),
            };
            starts.push((partition, start));
        }
        dispatcher.membership.begin(dispatcher.moment(self.now), &mut dispatcher.desk, starts);
        self.run_errands(id);
        self.step(id)
    }

    pub(crate) fn commit_arrives(
        &mut self,
        id: ProcessId,
        member: Option<MemberId>,
        batch: Batch,
    ) -> Result<(), Violation> {
        if self.rebalance_waits {
            // The coordinator holds the connection until all members have rejoined.
            self.at(self.now + 200, Event::CommitArrives(id, member, batch));
            return Ok(());
        }
        let stored = self.broker.commit(self.now, member, &batch)?;
        if self.bug == Some(Bug::CommitsOvertake) {
            return Ok(());
        }
        let answer = stored || self.bug == Some(Bug::RefusedCommitCounts);
        let latency = self.latency();
        self.at(self.now + latency, Event::Committed(id, batch, answer));
        Ok(())
    }

    pub(crate) fn committed(&mut self, id: ProcessId, batch: &Batch, stored: bool) -> Result<(), Violation> {
        // Whoever leaves tells workers nothing more.
        if let Some(dispatcher) = self.dispatchers.get_mut(&id).filter(|dispatcher| !dispatcher.left) {
            let now = dispatcher.moment(self.now);
            dispatcher.membership.committed(now, &mut dispatcher.desk, batch, stored);
        }
        self.step(id)
    }

    /// Puts dead letters on their way; now and then the topic takes none for a while.
    fn write_letters(&mut self, id: ProcessId) {
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return };
        for letter in std::mem::take(&mut dispatcher.letters) {
            let most = if self.mischance(0.2) { 3_000 } else { 20 };
            self.after(1, most, Event::LetterArrives(id, letter));
        }
    }

    /// What a dead dispatcher had not sent is gone with it.
    pub(crate) fn letter_arrives(&mut self, id: ProcessId, letter: &DeadLetter) -> Result<(), Violation> {
        if !self.dispatchers.contains_key(&id) {
            return Ok(());
        }
        let RecordId { partition, offset } = letter.record.id;
        let last_resort = self.plan.retry.on_exhausted;
        let entry = &mut self.broker.partitions[partition.number as usize].entries[offset as usize];
        let attempts = letter.attempts;
        let told = attempts.failures <= entry.failures && attempts.failures + attempts.losses <= entry.leases;
        ensure(told, || format!("{letter:?} counts more than happened: {entry:?}"))?;
        let deserved = match letter.cause.reason.as_str() {
            "Expired" => true,
            _ if last_resort == OnExhausted::Block => false,
            "WorkerKilled" => attempts.losses >= 5,
            "NotAnImage" => entry.nature == Some(Nature::Broken),
            _ => matches!(entry.nature, Some(Nature::Flaky(_))) && attempts.failures >= MAX_ATTEMPTS,
        };
        ensure(deserved, || format!("{letter:?} does not follow from {entry:?}"))?;
        match last_resort {
            OnExhausted::Skip => entry.skips += 1,
            OnExhausted::DeadLetter | OnExhausted::Block => entry.letters += 1,
        }
        let latency = self.latency();
        self.at(self.now + latency, Event::Buried(id, letter.record.id, letter.cause.reason.clone()));
        Ok(())
    }

    pub(crate) fn buried(&mut self, id: ProcessId, record: RecordId, reason: &str) -> Result<(), Violation> {
        if let Some(dispatcher) = self.dispatchers.get_mut(&id) {
            let now = dispatcher.moment(self.now);
            dispatcher.desk.buried(now, record, reason);
            dispatcher.given_up += 1;
            let tally = dispatcher.desk.snapshot(now).tally;
            let letters = tally.dead_letters_by_reason.values().sum::<u64>();
            let (counted, other) = match self.plan.retry.on_exhausted {
                OnExhausted::Skip => (tally.skipped, letters),
                OnExhausted::DeadLetter | OnExhausted::Block => (letters, tally.skipped),
            };
            ensure(other == 0 && counted == dispatcher.given_up, || {
                format!("{} gave up {}, and says {tally:?}", dispatcher.name, dispatcher.given_up)
            })?;
        }
        self.step(id)
    }
}

/// The streams of one dispatcher while it posts.
struct Wires<'a> {
    network: &'a mut Network,
    now: u64,
    latency: u64,
    sent: Vec<(Option<u64>, SessionId, FromDispatcher)>,
}

impl Streams for Wires<'_> {
    fn room(&self, session: SessionId) -> Room {
        match self.network.get(session) {
            Some(link) if !link.to_dispatcher.open => Room::Gone,
            Some(link) if link.to_worker.in_transit >= OUTBOUND_FRAMES => Room::Full,
            Some(_) => Room::Free,
            None => Room::Gone,
        }
    }

    fn send(&mut self, session: SessionId, frame: wire::FromDispatcher) {
        let at = self.network.send(self.now, session, End::Worker, self.latency);
        self.sent.extend(frame.message.map(|message| (at, session, message)));
    }
}

fn record(id: RecordId, timestamp_ms: i64) -> Record {
    Record { id, timestamp_ms, key: None, value: None, headers: Vec::new() }
}

/// Partitions by the dispatcher that something is said to about them.
pub(crate) type Told = BTreeMap<ProcessId, Vec<Partition>>;
