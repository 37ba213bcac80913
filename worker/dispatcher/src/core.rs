//! The one task that owns the desk: it waits, hands the desk what happened, and carries out what the
//! desk says. Nothing here blocks; what does runs on other threads and comes back as an [`Answer`].

mod asking;
mod belonging;
mod joining;
mod trouble;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use imagejob_kafka::Access;
use imagejob_leasing::dispatcher::{Desk, Joining, Limits, Moment, Room, SessionId, Snapshot, Streams, Topics};
use imagejob_protocol::settings::DispatcherSettings;
use imagejob_protocol::wire::{Control, FromDispatcher, Hello, from_worker};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tracing::info;

pub(crate) use self::asking::Answer;
use self::asking::Questions;
use self::belonging::Belonging;
use crate::clock::Clock;
use crate::consumer::SESSION;
use crate::dead_letter::DeadLetters;
use crate::meters::Meters;
use crate::signals::Signals;

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

/// The streams to workers that are open.
#[derive(Default)]
struct Outbound(HashMap<SessionId, mpsc::Sender<Frame>>);

impl Streams for Outbound {
    fn room(&self, session: SessionId) -> Room {
        match self.0.get(&session) {
            Some(frames) if frames.is_closed() => Room::Gone,
            Some(frames) if frames.capacity() == 0 => Room::Full,
            Some(_) => Room::Free,
            None => Room::Gone,
        }
    }

    fn send(&mut self, session: SessionId, frame: FromDispatcher) {
        if let Some(frames) = self.0.get(&session) {
            // Nobody else sends, so the room is still there; if the stream has just ended, so has its worker's
            // interest.
            frames.try_send(Ok(frame)).ok();
        }
    }
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
    joining: Joining,
    belonging: Belonging,
    questions: Questions,
    answers: mpsc::Receiver<Answer>,
    streams: Outbound,
    dead_letters: DeadLetters,
    windows: Windows,
    reported: Duration,
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
            joining: Joining::new(SESSION),
            belonging: Belonging::default(),
            questions,
            answers,
            streams: Outbound::default(),
            windows,
            reported: Duration::ZERO,
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
                self.streams.0.insert(session, frames);
                self.desk.hello(now, session, hello);
            }
            Inbound::Received(session, message) => self.desk.receive(now, session, message),
            Inbound::Closed(session) => {
                self.streams.0.remove(&session);
                self.desk.hang_up(now, session);
            }
            Inbound::Control(control) => {
                self.desk.expect_peers(control.peers_expected);
                self.desk.suspend(control.suspended);
                self.desk.limit_rate(control.records_per_second.and_then(NonZeroU32::new));
            }
        }
    }

    /// Everything that may be due, in the order in which one thing makes way for the next.
    fn step(&mut self) {
        self.follow_group();
        let now = self.clock.now();
        self.desk.tick(now);
        if self.stopping.is_none()
            && let Some(group) = &self.belonging.group
        {
            self.desk.lend(now, |partition| group.read(partition));
        }
        for letter in self.desk.take_dead_letters() {
            self.dead_letters.write(letter);
        }
        self.desk.post(&mut self.streams);
        self.ask(now);
        self.commit_when_due(now);
        self.report_when_due(now);
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
        self.desk.tell_backlog(now);
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
