//! The one task that owns the desk: it waits, hands the desk what happened, and carries out what the
//! desk says. Nothing here blocks; what does runs on other threads and comes back as an [`Answer`].

mod asking;
mod membership;
mod trouble;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use imagejob_kafka::Access;
use imagejob_protocol::settings::DispatcherSettings;
use imagejob_protocol::wire::from_dispatcher::Message;
use imagejob_protocol::wire::{Control, FromDispatcher, Hello, from_worker};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tracing::info;

pub(crate) use self::asking::Answer;
use self::asking::Questions;
use self::membership::Membership;
use crate::clock::{Clock, Moment};
use crate::dead_letter::DeadLetters;
use crate::desk::{Desk, Limits, Snapshot};
use crate::meters::Meters;
use crate::record::Topics;
use crate::signals::Signals;
use crate::workers::SessionId;

/// How often time passes for the desk when nothing else happens.
const TICK: Duration = Duration::from_millis(50);
/// Shortest time between two reports.
const REPORT_PAUSE: Duration = Duration::from_millis(100);
/// A report is sent this often even if nothing changed.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long outcomes are waited for when stopping.
const DRAIN: Duration = Duration::from_millis(500);
/// Messages taken from workers before the desk lends again.
const INBOUND_BATCH: usize = 256;

/// A frame to a worker, as the stream takes it.
pub(crate) type Frame = Result<FromDispatcher, Status>;

/// What streams tell the core.
pub(crate) enum Inbound {
    /// A worker's stream began.
    Opened(SessionId, mpsc::Sender<Frame>, Hello),
    /// A later message on it.
    Received(SessionId, from_worker::Message),
    /// It ended.
    Closed(SessionId),
    /// The operator changed something.
    Control(Control),
}

/// What others see of the core.
#[derive(Clone)]
pub(crate) struct Windows {
    /// The newest snapshot.
    pub(crate) snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    /// The group was joined and the first positions are chosen.
    pub(crate) ready: Arc<AtomicBool>,
    pub(crate) meters: Arc<Meters>,
}

pub(crate) struct Core {
    access: Access,
    settings: DispatcherSettings,
    topics: Topics,
    clock: Clock,
    desk: Desk,
    signals: Arc<Signals>,
    membership: Membership,
    questions: Questions,
    answers: mpsc::Receiver<Answer>,
    streams: HashMap<SessionId, mpsc::Sender<Frame>>,
    dead_letters: DeadLetters,
    windows: Windows,
    reported: Duration,
    backlog: u64,
    /// Nothing is lent any more after this uptime passed or all outcomes are in.
    stopping: Option<Duration>,
}

impl Core {
    pub(crate) fn new(
        id: String,
        settings: DispatcherSettings,
        clock: Clock,
        windows: Windows,
    ) -> anyhow::Result<Self> {
        let access = Access::read(&settings.kafka)?;
        let topics = Topics::new(&settings.topics);
        let (asked, answers) = mpsc::channel(1_024);
        let desk = Desk::new(id, topics.clone(), settings.retry, Limits::default(), settings.peers_expected);
        let questions = Questions::new(&access, &settings, topics.clone(), asked.clone())?;
        Ok(Self {
            dead_letters: DeadLetters::new(access.clone(), &settings, topics.clone(), clock, asked),
            access,
            settings,
            topics,
            clock,
            desk,
            signals: Arc::default(),
            membership: Membership::default(),
            questions,
            answers,
            streams: HashMap::new(),
            windows,
            reported: Duration::ZERO,
            backlog: 0,
            stopping: None,
        })
    }

    /// Works until `shutdown`, then drains, commits and leaves the group.
    pub(crate) async fn run(mut self, mut inbound: mpsc::Receiver<Inbound>, shutdown: CancellationToken) {
        let signals = Arc::clone(&self.signals);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(INBOUND_BATCH);
        while !self.has_drained() {
            tokio::select! {
                () = shutdown.cancelled(), if self.stopping.is_none() => self.stop(),
                _ = inbound.recv_many(&mut batch, INBOUND_BATCH) => {}
                Some(answer) = self.answers.recv() => self.on_answer(answer),
                () = signals.rung() => {}
                _ = tick.tick() => {}
            }
            let now = self.clock.now();
            for event in batch.drain(..) {
                self.on_inbound(now, event);
            }
            self.step();
        }
        self.leave().await;
    }

    fn on_inbound(&mut self, now: Moment, event: Inbound) {
        match event {
            Inbound::Opened(session, frames, hello) => {
                info!(worker = hello.worker_id, slots = hello.slots, "worker connected");
                self.streams.insert(session, frames);
                self.desk.hello(now, session, hello);
            }
            Inbound::Received(session, message) => self.desk.receive(now, session, message),
            Inbound::Closed(session) => {
                self.streams.remove(&session);
                self.desk.hang_up(now, session);
            }
            Inbound::Control(control) => {
                self.desk.expect_peers(control.peers_expected);
                self.desk.suspend(control.suspended);
            }
        }
    }

    /// Everything that may be due, in the order in which one thing makes way for the next.
    fn step(&mut self) {
        self.follow_group();
        let now = self.clock.now();
        self.desk.tick(now);
        if self.stopping.is_none()
            && let Some(group) = &self.membership.group
        {
            self.desk.lend(now, |partition| group.read(partition));
        }
        for letter in self.desk.take_dead_letters() {
            self.dead_letters.write(letter);
        }
        self.send();
        self.ask(now);
        self.commit_when_due(now);
        self.report_when_due(now);
    }

    /// Sends what streams take; the rest stays with the desk.
    fn send(&mut self) {
        let (greetings, welcome) = self.desk.take_greetings();
        for session in greetings {
            let frame = FromDispatcher { message: Some(Message::Welcome(welcome.clone())) };
            if let Some(frames) = self.streams.get(&session) {
                // The stream is new, so there is room; if it is gone already, its end is on the way.
                frames.try_send(Ok(frame)).ok();
            }
        }
        let workers = self.desk.workers_mut();
        for key in workers.take_to_send() {
            let Some(worker) = workers.get_mut(key) else { continue };
            let Some(frames) = worker.session.and_then(|session| self.streams.get(&session)) else {
                continue;
            };
            while let Ok(permit) = frames.try_reserve()
                && let Some(frame) = worker.outbox.pop()
            {
                permit.send(Ok(frame));
            }
            if !worker.outbox.is_empty() && !frames.is_closed() {
                workers.send_later(key);
            }
        }
    }

    fn report_when_due(&mut self, now: Moment) {
        let since = now.uptime.saturating_sub(self.reported);
        let due = since >= HEARTBEAT || (self.desk.has_news() && since >= REPORT_PAUSE);
        if !due {
            return;
        }
        self.reported = now.uptime;
        let snapshot = Arc::new(self.desk.snapshot(now));
        let samples = self.desk.take_samples();
        self.windows.meters.observe(&snapshot, &samples);
        let waiting = snapshot.report.partitions.iter().map(|partition| partition.waiting).sum();
        if std::mem::replace(&mut self.backlog, waiting) != waiting {
            self.desk.send_backlog(now);
        }
        self.windows.snapshots.send_replace(Some(snapshot));
    }

    fn stop(&mut self) {
        info!(on_loan = self.desk.on_loan(), "stopping: nothing is lent any more");
        self.stopping = Some(self.clock.now().uptime + DRAIN);
    }

    fn has_drained(&self) -> bool {
        self.stopping.is_some_and(|until| self.desk.on_loan() == 0 || self.clock.now().uptime >= until)
    }

    fn ready(&self) {
        self.windows.ready.store(true, Ordering::Release);
    }
}
