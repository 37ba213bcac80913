//! The one task that owns the desk: it waits, hands the desk what happened, sends what the desk says and
//! runs work as tasks of their own.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use imagejob_leasing::worker::held::Position;
use imagejob_leasing::worker::offers::DispatcherId;
use imagejob_leasing::worker::{Desk, Task};
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::wire::from_dispatcher::Message;
use imagejob_protocol::wire::{FromWorker, Hello, Lease};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::outcome::{Failure, Outcome};

/// Live items are extended this often: three times within the dispatchers' lease interval of
/// 10 s, so that two lost messages in a row lose no lease.
const EXTEND_EVERY: Duration = Duration::from_secs(3);

/// Events handled before outcomes are sent: one frame then carries the outcomes of many items.
const EVENTS_PER_FLUSH: usize = 256;

/// What streams tell the core.
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
    fn work(&self, lease: Lease, stopping: CancellationToken) -> impl Future<Output = Outcome> + Send;
}

/// See the module.
pub struct Core<W> {
    desk: Desk,
    work: Arc<W>,
    streams: HashMap<DispatcherId, mpsc::Sender<FromWorker>>,
    items: JoinSet<Outcome>,
    positions: HashMap<Id, Position>,
    handles: HashMap<Position, AbortHandle>,
    stopping: CancellationToken,
}

impl<W: Work> Core<W> {
    /// A worker without streams.
    pub fn new(worker_id: String, slots: u32, work: Arc<W>) -> Self {
        Self {
            desk: Desk::new(worker_id, slots),
            work,
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
                _ = extend.tick() => self.desk.extend(),
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
            self.desk.flush();
            self.send();
        }
        self.desk.give_back();
        self.send();
        self.items.abort_all();
    }

    fn on_event(&mut self, event: Event) {
        match event {
            // The dialler may have stopped meanwhile; then nobody wants it.
            Event::HelloWanted(answer) => drop(answer.send(self.desk.hello())),
            Event::Connected(id, frames) => {
                self.desk.connected(&id);
                self.streams.insert(id, frames);
            }
            Event::Received(id, message) => {
                self.desk.receive(&id, message);
                for task in self.desk.take_tasks() {
                    self.act(task);
                }
            }
            Event::Disconnected(id) => {
                self.streams.remove(&id);
                self.desk.disconnected(&id);
            }
        }
    }

    fn act(&mut self, task: Task) {
        match task {
            Task::Begin(position, lease) => {
                let (work, stopping) = (Arc::clone(&self.work), self.stopping.clone());
                let task = self.items.spawn(async move { work.work(lease, stopping).await });
                self.positions.insert(task.id(), position.clone());
                self.handles.insert(position, task);
            }
            Task::CutOff(position) => {
                if let Some(handle) = self.handles.get(&position) {
                    handle.abort();
                }
            }
        }
    }

    fn on_ended(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (task, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), panicked(&error)),
        };
        if let Some(position) = self.positions.remove(&task) {
            self.handles.remove(&position);
            self.desk.ended(position, &outcome);
        }
    }

    /// A dispatcher that does not read its frames is as good as gone: its stream is dropped, and
    /// the dialler opens another.
    fn send(&mut self) {
        for (id, message) in self.desk.take_frames() {
            let Some(frames) = self.streams.get(&id) else { continue };
            if frames.try_send(FromWorker { message: Some(message) }).is_err() {
                warn!(dispatcher = id, "stream is stuck or closed: giving it up");
                self.streams.remove(&id);
                self.desk.disconnected(&id);
            }
        }
    }

    fn drain(&mut self, grace: Duration, over: &CancellationToken) {
        info!(in_progress = self.items.len(), grace_seconds = grace.as_secs(), "draining");
        self.stopping.cancel();
        self.desk.drain();
        let over = over.clone();
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            over.cancel();
        });
    }
}

/// A defect of ours must fail one item, not the worker.
fn panicked(error: &JoinError) -> Outcome {
    if error.is_cancelled() {
        return Outcome::Returned;
    }
    error!(%error, "an item panicked");
    Outcome::Failed(Failure { reason: FailureReason::StepPanicked, message: format!("a step panicked: {error}") })
}
