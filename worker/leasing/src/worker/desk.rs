//! The worker's state machine: who offers work, what is held, what ended.
//!
//! It refuses to forget a finished record before a dispatcher says that a committed ledger has it, and to
//! offer a slot to two dispatchers at a time.

use std::collections::BTreeMap;

use imagejob_protocol::wire::from_dispatcher::Message as In;
use imagejob_protocol::wire::from_worker::Message as Out;
use imagejob_protocol::wire::{self, Hello};

use crate::worker::held::{Held, Lender, Position};
use crate::worker::offers::{DispatcherId, Offers};
use crate::worker::outcome::{Failure, Outcome};

/// What is to be done with work.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// Begin; [`Desk::ended`] is told how it ends.
    Begin(Position, wire::Lease),
    /// It is finished elsewhere: cut it off, which ends it as [`Outcome::Returned`].
    CutOff(Position),
}

#[derive(Debug, Default)]
struct Stream {
    /// What ended since the last [`Desk::flush`].
    outcomes: wire::Outcomes,
    sequence: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Desk {
    worker_id: String,
    slots: u32,
    offers: Offers,
    held: Held,
    streams: BTreeMap<DispatcherId, Stream>,
    tasks: Vec<Task>,
    frames: Vec<(DispatcherId, Out)>,
}

impl Desk {
    /// A desk without streams.
    pub fn new(worker_id: String, slots: u32) -> Self {
        Self {
            worker_id,
            slots,
            offers: Offers::new(slots),
            held: Held::default(),
            streams: BTreeMap::new(),
            tasks: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// What is to be done with work, in order.
    pub fn take_tasks(&mut self) -> Vec<Task> {
        std::mem::take(&mut self.tasks)
    }

    /// What is to be sent and to whom, in order.
    pub fn take_frames(&mut self) -> Vec<(DispatcherId, Out)> {
        std::mem::take(&mut self.frames)
    }

    /// The first message of a stream that is about to be opened.
    pub fn hello(&self) -> Hello {
        Hello { worker_id: self.worker_id.clone(), slots: self.slots, held: Some(self.held.announce(|_| true)) }
    }

    /// A stream is up.
    pub fn connected(&mut self, id: &str) {
        self.offers.connected(id);
        self.streams.insert(id.to_owned(), Stream::default());
    }

    /// A stream is down. What finished and is not known to be durable is told to the other dispatchers at
    /// once: the next to hold the partition may be one of them, and this worker may be dead by then.
    pub fn disconnected(&mut self, id: &str) {
        if self.streams.remove(id).is_none() {
            return;
        }
        self.offers.disconnected(id);
        for position in self.held.disconnected(id) {
            for stream in self.streams.values_mut() {
                stream.outcomes.done.push(wire::Done { position: Some((&position).into()), ..wire::Done::default() });
            }
        }
    }

    /// A message of a dispatcher.
    pub fn receive(&mut self, id: &str, message: In) {
        match message {
            // The dialler's matter.
            In::Welcome(_) => {}
            In::Backlog(backlog) => self.offers.backlog(id, backlog.waiting),
            In::Loans(loans) => loans.leases.into_iter().for_each(|lease| self.leased(id, lease)),
            In::Ack(ack) => {
                self.offers.acknowledged(id, ack.credit_version);
                self.held.durable(id, ack.durable_sequence);
            }
            In::Cancel(cancel) => {
                let held = cancel.positions.into_iter().map(Position::from).filter(|at| self.held.has(at));
                self.tasks.extend(held.map(Task::CutOff));
            }
            In::Query(query) => {
                let asked = |position: &Position| {
                    let same = |p: &wire::Partition| p.partition == position.partition && p.topic == position.topic;
                    query.partitions.iter().any(same)
                };
                let announce = self.held.announce(asked);
                self.send(id, Out::Announce(announce));
            }
        }
    }

    fn leased(&mut self, id: &str, lease: wire::Lease) {
        // A lease of nothing is no work; the protocol has no word for it.
        let Some(position) = lease.position.clone().map(Position::from) else { return };
        if self.held.remembers(&position) {
            // Its result is published; the lender was not told, or died before it wrote it down.
            return self.finished_before(id, position);
        }
        self.offers.leased(id);
        match self.held.lease(position.clone(), id) {
            None => self.tasks.push(Task::Begin(position, lease)),
            Some(Lender::Dispatcher(before)) => {
                self.offers.ended(&before);
                // Whoever lent it before is not told its outcome, and would count its slot for ever.
                if before != id {
                    self.report(&before, &position, &Outcome::Returned);
                }
            }
            Some(Lender::Gone) => self.offers.orphan_ended(),
        }
    }

    fn finished_before(&mut self, id: &str, position: Position) {
        let done = Outcome::Done { timings: wire::Timings::default(), results: 0, skipped: false };
        self.report(id, &position, &done);
        if let Some(stream) = self.streams.get(id) {
            self.held.told(position, id, stream.sequence + 1);
        }
    }

    /// Work ended.
    pub fn ended(&mut self, position: Position, outcome: &Outcome) {
        match self.held.end(&position) {
            Some(Lender::Dispatcher(id)) => {
                self.offers.ended(&id);
                self.report(&id, &position, outcome);
                if let (Outcome::Done { .. }, Some(stream)) = (outcome, self.streams.get(&id)) {
                    self.held.told(position, &id, stream.sequence + 1);
                }
            }
            Some(Lender::Gone) => {
                self.offers.orphan_ended();
                // Whoever holds the partition now acts on it, the others remember or ignore it.
                for id in self.streams.keys().cloned().collect::<Vec<_>>() {
                    self.report(&id, &position, outcome);
                }
                if matches!(outcome, Outcome::Done { .. }) {
                    self.held.untold(position);
                }
            }
            None => {}
        }
    }

    fn report(&mut self, id: &str, position: &Position, outcome: &Outcome) {
        let Some(Stream { outcomes, .. }) = self.streams.get_mut(id) else { return };
        let at = Some(position.into());
        match outcome {
            Outcome::Done { timings, results, skipped } => {
                outcomes.done.push(wire::Done {
                    position: at,
                    timings: Some(*timings),
                    results: *results,
                    skipped: *skipped,
                });
            }
            Outcome::Failed(Failure { reason, message }) => outcomes.failed.push(wire::Fail {
                position: at,
                class: reason.class().into(),
                reason: reason.as_str().to_owned(),
                message: message.clone(),
            }),
            Outcome::Returned => outcomes.returned.push(position.into()),
        }
    }

    /// Sends what ended since the last flush, then the credits that this frees.
    pub fn flush(&mut self) {
        for (id, stream) in &mut self.streams {
            if !is_empty(&stream.outcomes) {
                stream.sequence += 1;
                let outcomes = wire::Outcomes { sequence: stream.sequence, ..std::mem::take(&mut stream.outcomes) };
                self.frames.push((id.clone(), Out::Outcomes(outcomes)));
            }
        }
        for offer in self.offers.rebalance() {
            let credit = wire::Credit { version: offer.version, leases: offer.leases };
            self.send(&offer.dispatcher, Out::Credit(credit));
        }
    }

    /// Tells dispatchers that work goes on, so that their deadlines start anew.
    pub fn extend(&mut self) {
        for id in self.streams.keys().cloned().collect::<Vec<_>>() {
            let positions = self.held.to_extend(&id);
            if !positions.is_empty() {
                self.send(&id, Out::Extend(wire::Extend { positions }));
            }
        }
    }

    /// Takes no more leases.
    pub fn drain(&mut self) {
        self.offers.close();
        for id in self.streams.keys().cloned().collect::<Vec<_>>() {
            self.send(&id, Out::Drain(wire::Drain {}));
        }
    }

    /// Gives back what is in progress: it runs again elsewhere, counted as neither failure nor loss.
    pub fn give_back(&mut self) {
        for position in self.held.positions() {
            for id in self.streams.keys().cloned().collect::<Vec<_>>() {
                self.report(&id, &position, &Outcome::Returned);
            }
        }
        self.flush();
    }

    fn send(&mut self, id: &str, message: Out) {
        if self.streams.contains_key(id) {
            self.frames.push((id.to_owned(), message));
        }
    }
}

fn is_empty(outcomes: &wire::Outcomes) -> bool {
    outcomes.done.is_empty() && outcomes.failed.is_empty() && outcomes.returned.is_empty()
}
