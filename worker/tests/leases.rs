//! The core between dispatchers and items: dispatchers are channels here, work ends when the test
//! says so.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::wire::from_dispatcher::Message as ToWorker;
use imagejob_protocol::wire::from_worker::Message as ToDispatcher;
use imagejob_protocol::wire::{self, FromWorker, Lease, Position};
use imagejob_worker::core::{Core, Event, Work};
use imagejob_worker::outcome::{Failure, Outcome};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

const GRACE: Duration = Duration::from_secs(5);

/// Work that waits for the test to name its outcome, by offset; a dropped sender panics.
#[derive(Default)]
struct Scripted(Mutex<HashMap<i64, oneshot::Sender<Outcome>>>);

impl Work for Scripted {
    async fn work(&self, lease: Lease, stopping: CancellationToken) -> Outcome {
        let (end, ended) = oneshot::channel();
        self.0.lock().unwrap().insert(lease.position.unwrap().offset, end);
        tokio::select! {
            outcome = ended => outcome.expect("the step panics"),
            () = stopping.cancelled(), if lease.alone => Outcome::Returned,
        }
    }
}

impl Scripted {
    async fn end(&self, offset: i64, outcome: Outcome) {
        self.begun(offset).await.send(outcome).unwrap();
    }

    async fn panic(&self, offset: i64) {
        drop(self.begun(offset).await);
    }

    async fn begun(&self, offset: i64) -> oneshot::Sender<Outcome> {
        loop {
            if let Some(end) = self.0.lock().unwrap().remove(&offset) {
                return end;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn done() -> Outcome {
    Outcome::Done { timings: wire::Timings::default(), results: 1, skipped: false }
}

fn position(offset: i64) -> Position {
    Position { topic: "photos".into(), partition: 0, offset }
}

fn lease(offset: i64) -> Lease {
    Lease { position: Some(position(offset)), attempt: 1, interval_ms: 10_000, ..Lease::default() }
}

struct Bench {
    work: Arc<Scripted>,
    events: mpsc::Sender<Event>,
    stop: CancellationToken,
    core: tokio::task::JoinHandle<()>,
}

struct Dispatcher {
    id: &'static str,
    frames: mpsc::Receiver<FromWorker>,
    events: mpsc::Sender<Event>,
}

impl Bench {
    fn new(slots: u32) -> Self {
        let work = Arc::new(Scripted::default());
        let (events, inbox) = mpsc::channel(64);
        let stop = CancellationToken::new();
        let core = Core::new("worker-0".into(), slots, Arc::clone(&work));
        let core = tokio::spawn(core.run(inbox, stop.clone(), GRACE));
        Self { work, events, stop, core }
    }

    async fn connect(&self, id: &'static str) -> Dispatcher {
        let (frames_in, frames) = mpsc::channel(64);
        self.events.send(Event::Connected(id.into(), frames_in)).await.unwrap();
        Dispatcher { id, frames, events: self.events.clone() }
    }
}

impl Dispatcher {
    async fn send(&self, message: ToWorker) {
        self.events.send(Event::Received(self.id.into(), message)).await.unwrap();
    }

    async fn lend(&self, leases: Vec<Lease>) {
        self.send(ToWorker::Loans(wire::Loans { leases })).await;
    }

    /// The next message that `pick` takes; others are passed over.
    async fn next<T>(&mut self, mut pick: impl FnMut(ToDispatcher) -> Option<T>) -> T {
        let found = async {
            loop {
                let frame = self.frames.recv().await.expect("the stream is up");
                if let Some(found) = frame.message.and_then(&mut pick) {
                    break found;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), found).await.expect("a message within 10 s")
    }

    async fn outcomes(&mut self) -> wire::Outcomes {
        self.next(|message| if let ToDispatcher::Outcomes(outcomes) = message { Some(outcomes) } else { None }).await
    }

    async fn credit(&mut self) -> u32 {
        self.next(|message| if let ToDispatcher::Credit(credit) = message { Some(credit.leases) } else { None }).await
    }

    async fn announced(&mut self) -> wire::Announce {
        self.send(ToWorker::Query(wire::Query {
            partitions: vec![wire::Partition { topic: "photos".into(), partition: 0 }],
        }))
        .await;
        self.next(|message| if let ToDispatcher::Announce(announce) = message { Some(announce) } else { None }).await
    }
}

#[tokio::test]
async fn a_lease_ends_as_its_work_does() {
    let bench = Bench::new(4);
    let mut a = bench.connect("a").await;
    assert_eq!(a.credit().await, 4);
    a.lend((1..=3).map(lease).collect()).await;
    bench.work.end(1, done()).await;
    assert_eq!(a.outcomes().await.done[0].position, Some(position(1)));
    bench.work.end(2, Outcome::Failed(Failure::new(FailureReason::NotJson, "no"))).await;
    let failed = a.outcomes().await.failed.remove(0);
    assert_eq!((failed.position, failed.reason.as_str()), (Some(position(2)), "NotJson"));
    // A defect fails the photo, not the worker.
    bench.work.panic(3).await;
    assert_eq!(a.outcomes().await.failed[0].reason, "StepPanicked");
}

#[tokio::test]
async fn what_finished_is_announced_until_it_is_durable() {
    let bench = Bench::new(4);
    let mut a = bench.connect("a").await;
    a.lend(vec![lease(1), lease(2)]).await;
    bench.work.end(1, done()).await;
    let sequence = a.outcomes().await.sequence;
    let announced = a.announced().await;
    assert_eq!((announced.finished, announced.in_progress), (vec![position(1)], vec![position(2)]));
    a.send(ToWorker::Ack(wire::Ack { credit_version: 1, durable_sequence: sequence })).await;
    assert_eq!(a.announced().await.finished, []);
}

#[tokio::test]
async fn work_whose_dispatcher_died_is_told_to_the_others() {
    let bench = Bench::new(4);
    let (a, mut b) = (bench.connect("a").await, bench.connect("b").await);
    a.lend(vec![lease(1)]).await;
    bench.events.send(Event::Disconnected("a".into())).await.unwrap();
    assert_eq!(b.announced().await.in_progress, [position(1)]);
    bench.work.end(1, done()).await;
    assert_eq!(b.outcomes().await.done[0].position, Some(position(1)));
    assert_eq!(b.announced().await.finished, [position(1)], "and announced to whoever asks later");
}

#[tokio::test]
async fn what_is_lent_again_after_it_was_published_is_not_worked_on_again() {
    let bench = Bench::new(4);
    let (mut a, mut b) = (bench.connect("a").await, bench.connect("b").await);
    a.lend(vec![lease(1)]).await;
    bench.work.end(1, done()).await;
    assert_eq!(a.outcomes().await.done.len(), 1);
    bench.events.send(Event::Disconnected("a".into())).await.unwrap();
    assert_eq!(b.announced().await.finished, [position(1)]);
    b.lend(vec![lease(1)]).await;
    assert_eq!(b.outcomes().await.done[0].position, Some(position(1)), "nobody ended it a second time");
}

#[tokio::test]
async fn what_is_finished_elsewhere_is_cut_off_and_returned() {
    let bench = Bench::new(4);
    let mut a = bench.connect("a").await;
    a.lend(vec![lease(1)]).await;
    a.send(ToWorker::Cancel(wire::Cancel { positions: vec![position(1)] })).await;
    assert_eq!(a.outcomes().await.returned, [position(1)]);
}

#[tokio::test]
async fn a_worker_that_stops_finishes_what_it_began_and_returns_the_rest() {
    let bench = Bench::new(4);
    let mut a = bench.connect("a").await;
    a.lend(vec![lease(1), Lease { alone: true, ..lease(2) }]).await;
    assert_eq!(a.announced().await.in_progress.len(), 2);
    bench.stop.cancel();
    a.next(|message| matches!(message, ToDispatcher::Drain(_)).then_some(())).await;
    assert_eq!(a.outcomes().await.returned, [position(2)]);
    bench.work.end(1, done()).await;
    assert_eq!(a.outcomes().await.done.len(), 1);
    bench.core.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_the_grace_period_cuts_off_is_returned() {
    let bench = Bench::new(4);
    let mut a = bench.connect("a").await;
    a.lend(vec![lease(1)]).await;
    assert_eq!(a.announced().await.in_progress.len(), 1);
    bench.stop.cancel();
    assert_eq!(a.outcomes().await.returned, [position(1)]);
    bench.core.await.unwrap();
}
