//! The worker's one owner of everything that changes: who offers work, what is held, what ended.
//! Streams and items are tasks around it that hand it events; it hands them messages.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::wire::from_dispatcher::Message;
use imagejob_protocol::wire::{self, FromWorker, Hello, from_worker};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::held::{Held, Lender, Position};
use crate::offers::{DispatcherId, Offers};
use crate::outcome::{Failure, Outcome};

/// Live items are extended this often: three times within the dispatchers' lease interval of
/// 10 s, so that two lost messages in a row lose no lease.
const EXTEND_EVERY: Duration = Duration::from_secs(3);

/// Events handled before outcomes are sent: one frame then carries the outcomes of many items.
const EVENTS_PER_FLUSH: usize = 256;

/// What streams tell the desk.
pub enum Event {
    /// A stream is about to be opened.
    HelloWanted(oneshot::Sender<Hello>),
    /// It is up; frames go here.
    Connected(DispatcherId, mpsc::Sender<FromWorker>),
    /// A frame arrived.
    Received(DispatcherId, Message),
    /// It is down.
    Disconnected(DispatcherId),
}

/// What an item's work is: the seam between leasing and looking at photos.
pub trait Work: Send + Sync + 'static {
    /// Works on one lease until its outcome is known. `stopping` is cancelled when the worker
    /// drains: work that has not begun should then end as [`Outcome::Returned`].
    fn work(&self, lease: wire::Lease, stopping: CancellationToken) -> impl Future<Output = Outcome> + Send;
}

struct Stream {
    frames: mpsc::Sender<FromWorker>,
    outcomes: wire::Outcomes,
    sequence: u64,
}

/// See the module.
pub struct Desk<W> {
    worker_id: String,
    slots: u32,
    work: Arc<W>,
    offers: Offers,
    held: Held,
    streams: HashMap<DispatcherId, Stream>,
    items: JoinSet<Outcome>,
    positions: HashMap<Id, Position>,
    handles: HashMap<Position, AbortHandle>,
    stopping: CancellationToken,
}

impl<W: Work> Desk<W> {
    /// A desk without streams.
    pub fn new(worker_id: String, slots: u32, work: Arc<W>) -> Self {
        Self {
            worker_id,
            slots,
            work,
            offers: Offers::new(slots),
            held: Held::default(),
            streams: HashMap::new(),
            items: JoinSet::new(),
            positions: HashMap::new(),
            handles: HashMap::new(),
            stopping: CancellationToken::new(),
        }
    }

    /// Works until `shutdown`, then takes no more leases, lets items end for at most `grace`, gives
    /// back what is left and returns.
    pub async fn run(mut self, mut events: mpsc::Receiver<Event>, shutdown: CancellationToken, grace: Duration) {
        let mut extend = tokio::time::interval(EXTEND_EVERY);
        let over = CancellationToken::new();
        while !(self.stopping.is_cancelled() && self.items.is_empty()) {
            tokio::select! {
                Some(event) = events.recv() => self.on_event(event),
                Some(ended) = self.items.join_next_with_id() => self.on_ended(ended),
                _ = extend.tick() => self.extend(),
                () = shutdown.cancelled(), if !self.stopping.is_cancelled() => self.drain(grace, &over),
                () = over.cancelled() => break,
            }
            for _ in 0..EVENTS_PER_FLUSH {
                if let Some(ended) = self.items.try_join_next_with_id() {
                    self.on_ended(ended);
                } else if let Ok(event) = events.try_recv() {
                    self.on_event(event);
                } else {
                    break;
                }
            }
            self.flush();
        }
        self.give_back();
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::HelloWanted(answer) => {
                let held = Some(self.held.announce(|_| true));
                let hello = Hello { worker_id: self.worker_id.clone(), slots: self.slots, held };
                // The dialler may have stopped meanwhile; then nobody wants it.
                answer.send(hello).ok();
            }
            Event::Connected(id, frames) => {
                self.offers.connected(&id);
                self.streams.insert(id, Stream { frames, outcomes: wire::Outcomes::default(), sequence: 0 });
            }
            Event::Received(id, message) => self.on_message(&id, message),
            Event::Disconnected(id) => {
                self.streams.remove(&id);
                self.offers.disconnected(&id);
                self.held.disconnected(&id);
            }
        }
    }

    fn on_message(&mut self, id: &str, message: Message) {
        match message {
            // The dialler's matter.
            Message::Welcome(_) => {}
            Message::Backlog(backlog) => self.offers.backlog(id, backlog.waiting),
            Message::Loans(loans) => loans.leases.into_iter().for_each(|lease| self.on_lease(id, lease)),
            Message::Ack(ack) => {
                self.offers.acknowledged(id, ack.credit_version);
                self.held.durable(id, ack.durable_sequence);
            }
            Message::Cancel(cancel) => {
                let positions = cancel.positions.into_iter().map(Position::from);
                positions.filter_map(|position| self.handles.get(&position)).for_each(AbortHandle::abort);
            }
            Message::Query(query) => {
                let asked = |position: &Position| {
                    let same = |p: &wire::Partition| p.partition == position.partition && p.topic == position.topic;
                    query.partitions.iter().any(same)
                };
                let announce = self.held.announce(asked);
                self.send(id, from_worker::Message::Announce(announce));
            }
        }
    }

    fn on_lease(&mut self, id: &str, lease: wire::Lease) {
        let Some(position) = lease.position.clone().map(Position::from) else {
            warn!(dispatcher = id, "lease without a position");
            return;
        };
        if self.held.remembers(&position) {
            // Its result is published; the lender was not told, or died before it wrote it down.
            self.finished_before(id, position);
            return;
        }
        self.offers.leased(id);
        match self.held.lease(position.clone(), id) {
            None => {
                let (work, stopping) = (Arc::clone(&self.work), self.stopping.clone());
                let task = self.items.spawn(async move { work.work(lease, stopping).await });
                self.positions.insert(task.id(), position.clone());
                self.handles.insert(position, task);
            }
            Some(Lender::Dispatcher(before)) => self.offers.ended(&before),
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

    fn on_ended(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (task, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), panicked(&error)),
        };
        let Some(position) = self.positions.remove(&task) else { return };
        self.handles.remove(&position);
        match self.held.end(&position) {
            Some(Lender::Dispatcher(id)) => {
                self.offers.ended(&id);
                self.report(&id, &position, &outcome);
                if let (Outcome::Done { .. }, Some(stream)) = (&outcome, self.streams.get(&id)) {
                    self.held.told(position, &id, stream.sequence + 1);
                }
            }
            Some(Lender::Gone) => {
                self.offers.orphan_ended();
                // Whoever holds the partition now acts on it, the others remember or ignore it.
                for id in self.streams.keys().cloned().collect::<Vec<_>>() {
                    self.report(&id, &position, &outcome);
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
    fn flush(&mut self) {
        let ended: Vec<_> =
            self.streams.iter().filter(|(_, stream)| !is_empty(&stream.outcomes)).map(|(id, _)| id.clone()).collect();
        for id in ended {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.sequence += 1;
                let outcomes = wire::Outcomes { sequence: stream.sequence, ..std::mem::take(&mut stream.outcomes) };
                self.send(&id, from_worker::Message::Outcomes(outcomes));
            }
        }
        for offer in self.offers.rebalance() {
            let credit = wire::Credit { version: offer.version, leases: offer.leases };
            self.send(&offer.dispatcher, from_worker::Message::Credit(credit));
        }
    }

    fn extend(&mut self) {
        for id in self.streams.keys().cloned().collect::<Vec<_>>() {
            let positions = self.held.to_extend(&id);
            if !positions.is_empty() {
                self.send(&id, from_worker::Message::Extend(wire::Extend { positions }));
            }
        }
    }

    /// A dispatcher that does not read its frames is as good as gone: its stream is dropped, and
    /// the dialler opens another.
    fn send(&mut self, id: &str, message: from_worker::Message) {
        let Some(stream) = self.streams.get(id) else { return };
        if stream.frames.try_send(FromWorker { message: Some(message) }).is_err() {
            warn!(dispatcher = id, "stream is stuck or closed: giving it up");
            self.streams.remove(id);
            self.offers.disconnected(id);
            self.held.disconnected(id);
        }
    }

    fn drain(&mut self, grace: Duration, over: &CancellationToken) {
        info!(in_progress = self.items.len(), grace_seconds = grace.as_secs(), "draining");
        self.stopping.cancel();
        self.offers.close();
        for id in self.streams.keys().cloned().collect::<Vec<_>>() {
            self.send(&id, from_worker::Message::Drain(wire::Drain {}));
        }
        let over = over.clone();
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            over.cancel();
        });
    }

    /// Items that the grace period cut off run again elsewhere, counted as neither failure nor
    /// loss.
    fn give_back(&mut self) {
        for position in self.held.positions() {
            for id in self.streams.keys().cloned().collect::<Vec<_>>() {
                self.report(&id, &position, &Outcome::Returned);
            }
        }
        self.flush();
        self.items.abort_all();
    }
}

fn is_empty(outcomes: &wire::Outcomes) -> bool {
    outcomes.done.is_empty() && outcomes.failed.is_empty() && outcomes.returned.is_empty()
}

/// A defect of ours must fail one item, not the worker.
fn panicked(error: &JoinError) -> Outcome {
    if error.is_cancelled() {
        return Outcome::Returned;
    }
    error!(%error, "an item panicked");
    Outcome::Failed(Failure { reason: FailureReason::StepPanicked, message: format!("a step panicked: {error}") })
}
