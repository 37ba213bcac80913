//! What happens to workers: the shell around their desks, as the program has it, in virtual time.

use imagejob_leasing::dispatcher::SessionId;
use imagejob_leasing::worker::Task;
use imagejob_leasing::worker::held::Position;
use imagejob_leasing::worker::outcome::{Failure, Outcome};
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::OnExhausted;
use imagejob_protocol::wire;
use imagejob_protocol::wire::from_dispatcher::Message as FromDispatcher;
use imagejob_protocol::wire::from_worker::Message as FromWorker;
use rand::Rng as _;

use crate::broker::{Entry, Nature};
use crate::bugs::Bug;
use crate::network::{End, ProcessId};
use crate::violation::{Violation, ensure};
use crate::worker::Worker;
use crate::world::{Event, World};

/// Live items are extended this often, ms.
const EXTEND_EVERY: u64 = 3_000;
/// How long an ending worker lets items end, ms.
const GRACE: u64 = 5_000;

impl World {
    pub(crate) fn start_worker(&mut self) -> Result<(), Violation> {
        let id = self.new_life();
        let slots = self.random.random_range(1..6);
        self.workers.insert(id, Worker::new(format!("worker-{}", id.0), slots));
        self.after(0, EXTEND_EVERY, Event::Extend(id));
        self.at(self.now, Event::Dial(id));
        Ok(())
    }

    /// One attempt to reach a dispatcher that it has no stream to.
    pub(crate) fn dial(&mut self, id: ProcessId) -> Result<(), Violation> {
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        if worker.dialling.is_some() || worker.draining || worker.streams.len() >= self.addresses {
            return Ok(());
        }
        worker.turn += 1;
        let living: Vec<_> = self.dispatchers.iter().filter(|(_, d)| d.leaving.is_none()).collect();
        let reached = if self.plan.one_address {
            living.get(self.random.random_range(0..living.len().max(1))).map(|(id, _)| **id)
        } else {
            let wanted = |d: &crate::dispatcher::Dispatcher| {
                d.address == worker.turn % self.addresses && !worker.streams.contains_key(&d.name)
            };
            living.iter().find(|(_, d)| wanted(d)).map(|(id, _)| **id)
        };
        let Some(dispatcher) = reached.filter(|reached| !self.stalled.contains_key(reached)) else {
            self.after(20, 500, Event::Dial(id));
            return Ok(());
        };
        let session = self.network.open(id, dispatcher);
        worker.dialling = Some(session);
        let hello = worker.desk.hello();
        let latency = self.latency();
        if let Some(at) = self.network.send(self.now, session, End::Dispatcher, latency) {
            self.at(at, Event::Hello(session, hello));
        }
        Ok(())
    }

    pub(crate) fn to_worker(&mut self, session: SessionId, message: FromDispatcher) -> Result<(), Violation> {
        let Some(id) = self.network.get(session).map(|link| link.worker) else { return Ok(()) };
        if !self.network.arrive(session, End::Worker) {
            return Ok(());
        }
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        if worker.dialling == Some(session) {
            let FromDispatcher::Welcome(welcome) = message else {
                return Err(Violation(format!("{} was sent {message:?} before a welcome", worker.name)));
            };
            worker.dialling = None;
            if worker.streams.contains_key(&welcome.dispatcher_id) {
                self.hang_up_from(session, End::Worker);
                self.after(20, 500, Event::Dial(id));
            } else {
                worker.desk.connected(&welcome.dispatcher_id);
                worker.streams.insert(welcome.dispatcher_id, session);
                self.at(self.now, Event::Dial(id));
            }
        } else if let Some(dispatcher) = worker.dispatcher_of(session) {
            worker.desk.receive(&dispatcher, message);
        }
        self.flush(id)
    }

    /// Sends what the desk says and begins what it asks for.
    fn flush(&mut self, id: ProcessId) -> Result<(), Violation> {
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        for task in worker.desk.take_tasks() {
            self.act(id, task)?;
        }
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        worker.desk.flush();
        for (dispatcher, message) in worker.desk.take_frames() {
            self.send_from(id, &dispatcher, message);
        }
        Ok(())
    }

    fn send_from(&mut self, id: ProcessId, dispatcher: &str, mut message: FromWorker) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let Some(&session) = worker.streams.get(dispatcher) else { return };
        match (&mut message, self.bug) {
            (FromWorker::Credit(credit), Some(Bug::CreditAcknowledgedEarly)) => {
                let ack = wire::Ack { credit_version: credit.version, durable_sequence: 0 };
                worker.desk.receive(dispatcher, FromDispatcher::Ack(ack));
            }
            (FromWorker::Announce(announce), Some(Bug::EmptyAnswers)) => *announce = wire::Announce::default(),
            _ => {}
        }
        let latency = self.latency();
        if let Some(at) = self.network.send(self.now, session, End::Dispatcher, latency) {
            self.at(at, Event::ToDispatcher(session, message));
        }
    }

    fn act(&mut self, id: ProcessId, task: Task) -> Result<(), Violation> {
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        match task {
            Task::Begin(position, _) => {
                let (busy, slots) = (worker.items.len(), worker.slots as usize);
                ensure(busy < slots, || {
                    format!("{} has {busy} items in {slots} slots and gets one more", worker.name)
                })?;
                let attempt = self.random.random::<u64>();
                worker.items.insert(position.clone(), attempt);
                let long = self.plan.long_items && self.random.random_bool(0.02);
                let most = if long { 40_000 } else { self.plan.work };
                self.after(1, most, Event::ItemEnds(id, position, attempt));
            }
            Task::CutOff(position) => {
                if worker.items.remove(&position).is_some() {
                    worker.desk.ended(position, &Outcome::Returned);
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, position: &Position) -> Option<&mut Entry> {
        self.broker.partitions.get_mut(position.partition as usize)?.entries.get_mut(position.offset as usize)
    }

    pub(crate) fn item_ends(&mut self, id: ProcessId, position: &Position, attempt: u64) -> Result<(), Violation> {
        let current = self.workers.get(&id).and_then(|worker| worker.items.get(position));
        if current != Some(&attempt) {
            return Ok(());
        }
        let mended = self.plan.retry.on_exhausted == OnExhausted::Block && self.now >= self.plan.until;
        let Some(entry) = self.entry(position) else {
            return Err(Violation(format!("{position:?} is worked on and was never written")));
        };
        let failure = match entry.nature {
            None => return Err(Violation(format!("{position:?} is worked on and is no record"))),
            // What blocks is mended in the end, or it would block for ever.
            Some(Nature::Killer | Nature::Broken) if mended => None,
            Some(Nature::Killer) => return self.kill_worker(id),
            Some(Nature::Broken) => Some(FailureReason::NotAnImage),
            Some(Nature::Flaky(failures)) if entry.failures < failures => Some(FailureReason::StoreUnavailable),
            Some(Nature::Good | Nature::Flaky(_)) => None,
        };
        if let Some(reason) = failure {
            entry.failures += 1;
            return self.end_item(id, position, &Outcome::Failed(Failure::new(reason, "it did not work")));
        }
        let (there, back) = (self.latency(), self.latency());
        self.at(self.now + there, Event::ResultArrives(id, position.clone()));
        if self.bug == Some(Bug::DoneBeforeReceipt) {
            return self.end_item(id, position, &done());
        }
        self.at(self.now + there + back, Event::Receipt(id, position.clone(), attempt));
        Ok(())
    }

    /// What a dead worker had not sent is gone with it.
    pub(crate) fn result_arrives(&mut self, id: ProcessId, position: &Position) -> Result<(), Violation> {
        if self.workers.contains_key(&id)
            && let Some(entry) = self.entry(position)
        {
            entry.results += 1;
        }
        Ok(())
    }

    pub(crate) fn receipt(&mut self, id: ProcessId, position: &Position, attempt: u64) -> Result<(), Violation> {
        if self.workers.get(&id).and_then(|worker| worker.items.get(position)) == Some(&attempt) {
            return self.end_item(id, position, &done());
        }
        Ok(())
    }

    fn end_item(&mut self, id: ProcessId, position: &Position, outcome: &Outcome) -> Result<(), Violation> {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.items.remove(position);
            worker.desk.ended(position.clone(), outcome);
        }
        self.flush(id)?;
        self.leave_if_drained(id)
    }

    pub(crate) fn extend(&mut self, id: ProcessId) -> Result<(), Violation> {
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        if self.bug != Some(Bug::NobodyExtends) {
            worker.desk.extend();
        }
        self.at(self.now + EXTEND_EVERY, Event::Extend(id));
        self.flush(id)
    }

    /// The worker's end of a stream learns that it is over.
    pub(crate) fn stream_ended(&mut self, session: SessionId) -> Result<(), Violation> {
        let Some(id) = self.network.get(session).map(|link| link.worker) else { return Ok(()) };
        self.network.close(session, End::Worker);
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        if worker.dialling == Some(session) {
            worker.dialling = None;
        } else if let Some(dispatcher) = worker.dispatcher_of(session) {
            worker.streams.remove(&dispatcher);
            worker.desk.disconnected(&dispatcher);
        } else {
            return Ok(());
        }
        self.after(20, 500, Event::Dial(id));
        self.flush(id)
    }

    /// The process is gone with all that it knew; another takes its place.
    pub(crate) fn kill_worker(&mut self, id: ProcessId) -> Result<(), Violation> {
        self.workers.remove(&id);
        self.stalled.remove(&id);
        for session in self.network.of(id) {
            let (least, most) = self.end_of_connections();
            self.after(least, most, Event::HangUp(session));
            self.network.close(session, End::Worker);
        }
        self.after(50, 1_500, Event::StartWorker);
        Ok(())
    }

    /// SIGTERM: it finishes what it has.
    pub(crate) fn end_worker(&mut self, id: ProcessId) -> Result<(), Violation> {
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        if !worker.draining {
            worker.draining = true;
            worker.desk.drain();
            self.at(self.now + GRACE, Event::GraceEnds(id));
        }
        self.flush(id)?;
        self.leave_if_drained(id)
    }

    pub(crate) fn grace_ends(&mut self, id: ProcessId) -> Result<(), Violation> {
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        worker.desk.give_back();
        worker.items.clear();
        self.flush(id)?;
        self.leave_if_drained(id)
    }

    fn leave_if_drained(&mut self, id: ProcessId) -> Result<(), Violation> {
        let drained = self.workers.get(&id).is_some_and(|worker| worker.draining && worker.items.is_empty());
        if drained {
            self.workers.remove(&id);
            for session in self.network.of(id) {
                self.hang_up_from(session, End::Worker);
            }
            self.after(50, 1_500, Event::StartWorker);
        }
        Ok(())
    }

    /// One end closes a stream in good order: what it sent before arrives before.
    pub(crate) fn hang_up_from(&mut self, session: SessionId, end: End) {
        let latency = self.latency();
        let (other, event) = match end {
            End::Worker => (End::Dispatcher, Event::HangUp(session)),
            End::Dispatcher => (End::Worker, Event::Ended(session)),
        };
        if let Some(at) = self.network.send(self.now, session, other, latency) {
            self.at(at, event);
        }
        self.network.close(session, end);
    }
}

fn done() -> Outcome {
    Outcome::Done { timings: wire::Timings::default(), results: 1, skipped: false }
}
