//! The course of a run: broker, topics, processes, rounds and view; then drain, and balance the
//! books.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use imagejob_operator::reconcile::Step;
use imagejob_operator::record::seen_lag;
use imagejob_operator::{Clock as _, Driver, GrpcSensor, Outcome, Role, Sensor as _, SystemClock, Token};
use jiff::{SignedDuration, Timestamp};
use rand::{Rng as _, SeedableRng as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::DevArgs;
use super::books::Books;
use super::broker::{Broker, Topic};
use super::job::{Brokers, Chosen, documents};
use super::journal::Journal;
use super::processes::Processes;
use super::secrets::secret_paths;
use super::stand::Kafka;
use super::summary::Summary;
use super::terminal::Terminal;
use super::view::{self, Banner, Rates};

/// Workers get this long for what they hold, beyond an item's own limit.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);
/// Dispatchers commit and leave.
const LEAVE_LIMIT: Duration = Duration::from_secs(10);

type Running = Driver<Processes, GrpcSensor<SystemClock>, SystemClock>;

/// `imagejob dev`.
pub(crate) async fn run(args: DevArgs) -> anyhow::Result<()> {
    let begun = SystemClock.now();
    let documents = documents(&args.files)?;
    let choose = |brokers: Brokers<'_>| {
        let chosen = Chosen::of(&documents, args.job.as_deref(), brokers, args.store.as_deref(), begun);
        chosen.map(Chosen::keeping_what_is_skipped)
    };
    // Wrong input is reported before anything is started.
    let written = choose(args.bootstrap_servers.as_deref().map_or(Brokers::AsWritten, Brokers::At))?;
    let program = args.worker_program()?;
    let (broker, chosen) = if args.bootstrap_servers.is_some() {
        (Broker::External, written)
    } else {
        let (broker, servers) = Broker::embedded()?;
        (broker, choose(Brokers::Embedded(&servers))?)
    };
    let paths = secret_paths(&chosen.valid, args.secrets.as_deref())?;
    let kafka = Kafka::of(&chosen.valid, &paths)?;
    broker.provide(&kafka.access, &topics(&chosen, args.partitions), args.create_topics).await?;

    let folder = Folder::open(args.run_dir.as_deref())?;
    let before = tokio::task::block_in_place(|| kafka.scopes())?;
    let (books, reading) = (Books::default(), CancellationToken::new());
    let keeper = tokio::task::block_in_place(|| books.keep(&kafka, reading.clone()))?;
    let processes = Processes::new(program, &folder.path, paths)?;
    let mut live = Live {
        banner: banner(&chosen, &kafka, before.len()),
        terminal: Terminal::open(args.plain),
        rates: Rates::default(),
        latest: Latest::default(),
        books: books.clone(),
    };
    let mut journal = Journal::create(&folder.path.join("decisions.jsonl"))?;
    live.terminal.say(&format!("kafka {}   files {}", kafka.access.servers(), folder.path.display()))?;
    // Last: who waits for this file finds everything in place.
    std::fs::write(folder.path.join("bootstrap"), kafka.access.servers())?;

    let driver = Driver::new(processes.clone(), GrpcSensor::new(SystemClock), SystemClock);
    let token: u128 = rand::rngs::StdRng::from_os_rng().random();
    let (_desired, desired) = watch::channel(chosen.desired(Token::new(format!("{token:032x}"))));
    let latest = live.latest.clone();
    let note = |outcome: &Outcome| {
        if let Step::Decided(decided) = &outcome.step
            && let Err(error) = journal.enter(outcome.at, decided)
        {
            tracing::warn!(error = format!("{error:#}"), "decision not written down");
        }
        latest.set(outcome.clone());
    };
    let idle = args.until_idle.map(|seconds| SignedDuration::from_secs(seconds as i64));
    let mut shown = Ok(());
    let over = async { shown = live.until_over(&driver, idle).await };
    driver.run(desired, over, note).await;
    shown?;

    live.terminal.say("draining")?;
    processes.stop(Role::Worker, chosen.valid.timeout.unwrap_or_default() + DRAIN_LIMIT).await?;
    processes.stop(Role::Dispatcher, LEAVE_LIMIT).await?;
    reading.cancel();
    let entered = tokio::task::block_in_place(|| keeper.join());
    entered.map_err(|_| anyhow::anyhow!("the reader of the result topics panicked"))??;
    let (balance, missing) = tokio::task::block_in_place(|| kafka.balance(&books, before))?;
    let (workers_peak, workers_killed) = processes.peak_and_killed();
    let seconds = SystemClock.now().duration_since(begun).as_secs_f64();
    let summary =
        books.read(|audit| Summary { workers_peak, workers_killed, seconds, ..Summary::of(audit, &balance, missing) });
    live.terminal.say(&format!("\n{summary}"))?;
    if let Some(path) = &args.summary {
        std::fs::write(path, serde_json::to_string_pretty(&summary)? + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    verdict(&summary, idle.is_some())
}

/// An error if the run must not count as a success.
fn verdict(summary: &Summary, all: bool) -> anyhow::Result<()> {
    if summary.lost > 0 {
        bail!("{} records were marked as finished and have no outcome", summary.lost);
    }
    if all && summary.expired > 0 {
        bail!("{} records were deleted by the broker before they were read", summary.expired);
    }
    if all && summary.unfinished > 0 {
        bail!("{} records were not finished", summary.unfinished);
    }
    Ok(())
}

fn topics(chosen: &Chosen, partitions: i32) -> Vec<Topic> {
    let results = &chosen.valid.results;
    let outcomes = results.outcome_topics().chain(results.failure_topic.as_deref()).map(str::to_owned);
    let names: BTreeSet<String> = chosen.valid.source.topics.iter().cloned().chain(outcomes).collect();
    names.into_iter().map(|name| Topic { name, partitions }).collect()
}

fn banner(chosen: &Chosen, kafka: &Kafka, partitions: usize) -> Banner {
    Banner {
        job: chosen.valid.name.name.clone(),
        kafka: kafka.access.servers().to_owned(),
        topics: chosen.valid.source.topics.clone(),
        partitions,
        wait_seconds: chosen.valid.scaling.wait.as_secs_f64(),
    }
}

/// Where a run keeps its files; a temporary folder goes with it.
struct Folder {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Folder {
    fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(path) = path {
            std::fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))?;
            return Ok(Self { path: std::path::absolute(path)?, _temporary: None });
        }
        let temporary = tempfile::Builder::new().prefix("imagejob-").tempdir()?;
        Ok(Self { path: temporary.path().to_owned(), _temporary: Some(temporary) })
    }
}

/// The outcome of the last round.
#[derive(Clone, Default)]
struct Latest(Arc<Mutex<Option<Outcome>>>);

impl Latest {
    fn lock(&self) -> MutexGuard<'_, Option<Outcome>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, outcome: Outcome) {
        *self.lock() = Some(outcome);
    }

    fn get(&self) -> Option<Outcome> {
        self.lock().clone()
    }
}

/// What is shown while a job runs.
struct Live {
    banner: Banner,
    terminal: Terminal,
    rates: Rates,
    latest: Latest,
    books: Books,
}

impl Live {
    /// Shows frames until Ctrl-C, SIGTERM, or until nothing has been left to do for `idle`.
    async fn until_over(&mut self, driver: &Running, idle: Option<SignedDuration>) -> anyhow::Result<()> {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let mut frames = tokio::time::interval(self.terminal.interval());
        let mut idle_since: Option<Timestamp> = None;
        loop {
            tokio::select! {
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                _ = frames.tick() => {}
            }
            let Some(outcome) = self.latest.get() else { continue };
            let readings = driver.sensor().readings();
            let frame = view::frame(&self.banner, &outcome, &readings, &self.books, &mut self.rates);
            self.terminal.show(&frame)?;
            let since = is_idle(&outcome, &self.books).then(|| idle_since.unwrap_or(outcome.at));
            idle_since = since;
            if let (Some(idle), Some(since)) = (idle, since)
                && outcome.at.duration_since(since) >= idle
            {
                return Ok(());
            }
        }
    }
}

/// Records came, all are finished, no worker is left.
fn is_idle(outcome: &Outcome, books: &Books) -> bool {
    let Step::Decided(decided) = &outcome.step else { return false };
    let seen = &decided.sight.observation;
    let (lag, partial) = seen_lag(&seen.backlog);
    let came = books.read(|audit| audit.results() > 0 || !audit.dead_letters().is_empty());
    came && !partial && lag.total() + lag.stuck == 0 && seen.workers.applied == 0
}
