//! When rounds happen, on tokio's paused clock: virtual seconds pass at once and exactly.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use imagejob_operator::driver::{AT_LEAST_EVERY, AT_MOST_EVERY};
use imagejob_operator::{Clock, Desired, Driver, Reading, Sensor, Targets};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::world::{JOB, World, desired};

/// A clock that follows tokio's.
#[derive(Clone, Copy)]
struct Paused {
    began: Instant,
    base: Timestamp,
}

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        self.base + SignedDuration::try_from(self.began.elapsed()).unwrap()
    }
}

/// A sensor without readings that has news when the test says so.
#[derive(Clone, Default)]
struct News(Arc<Notify>);

impl Sensor for News {
    fn listen(&self, _targets: &Targets) {}

    fn readings(&self) -> Vec<Reading> {
        Vec::new()
    }

    fn changed(&self) -> impl Future<Output = ()> + Send {
        self.0.notified()
    }
}

/// A driver that runs, with everything that a test pulls or reads.
struct Running {
    world: World,
    news: News,
    wanted: watch::Sender<Desired>,
    /// Instants of rounds, since the start.
    rounds: mpsc::Receiver<Duration>,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

#[allow(clippy::disallowed_methods)] // The paused clock of the test itself.
fn start(now: &str) -> Running {
    let (world, news, began) = (World::at(now), News::default(), Instant::now());
    let driver = Driver::new(world.clone(), news.clone(), Paused { began, base: now.parse().unwrap() });
    let (wanted, wants) = watch::channel(desired(JOB));
    let (told, rounds) = mpsc::channel(1_000);
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let shutdown = async { stopped.await.unwrap() };
        driver.run(wants, shutdown, |_| told.try_send(began.elapsed()).unwrap()).await;
    });
    Running { world, news, wanted, rounds, stop, task }
}

impl Running {
    async fn round(&mut self) -> Duration {
        self.rounds.recv().await.unwrap()
    }
}

const QUIET: &str = "2026-11-20T20:00:00+08:00";

#[tokio::test(start_paused = true)]
async fn without_news_a_round_every_two_seconds() {
    let mut running = start(QUIET);
    for n in 0..10 {
        assert_eq!(running.round().await.as_millis(), (AT_LEAST_EVERY * n).as_millis());
    }
}

#[tokio::test(start_paused = true)]
async fn news_is_answered_at_once_but_a_flood_of_it_four_times_a_second() {
    let mut running = start(QUIET);
    assert_eq!(running.round().await, Duration::ZERO);
    sleep(Duration::from_millis(1_234)).await;
    running.news.0.notify_one();
    assert_eq!(running.round().await.as_millis(), 1_234);
    let news = running.news.clone();
    tokio::spawn(async move {
        loop {
            sleep(Duration::from_millis(7)).await;
            news.0.notify_one();
        }
    });
    let first = running.round().await;
    for n in 1..40 {
        assert!(running.round().await >= first + AT_MOST_EVERY * n);
    }
}

#[tokio::test(start_paused = true)]
async fn a_profile_is_prepared_for_on_time() {
    // For 06:00, and 6.2 s early.
    let mut running = start("2026-11-21T05:59:52.500+08:00");
    assert_eq!(running.round().await, Duration::ZERO);
    assert_eq!(running.world.workers(), 0);
    assert_eq!(running.round().await.as_millis(), 1_300);
    assert_eq!(running.world.workers(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_what_is_wanted_is_answered_at_once() {
    let mut running = start(QUIET);
    running.round().await;
    sleep(Duration::from_millis(900)).await;
    running.wanted.send(desired(&JOB.replace("maxReplicas: 40", "maxReplicas: 40\n  minReplicas: 3"))).unwrap();
    assert_eq!(running.round().await.as_millis(), 900);
    assert_eq!(running.world.workers(), 3);
    // Nobody can change it any more: the driver goes on.
    drop(running.wanted);
    assert_eq!(running.rounds.recv().await.unwrap().as_millis(), 2_900);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_the_driver_and_leaves_running_what_runs() {
    let mut running = start("2026-11-21T06:30:00+08:00");
    running.round().await;
    running.stop.send(()).unwrap();
    timeout(Duration::from_millis(1), running.task).await.unwrap().unwrap();
    assert_eq!(running.world.workers(), 4);
}
