//! The data plane of one job, as its operator would run it: dispatchers and workers with settings
//! files, on topics of their own, with a folder as the store. Stories start and kill its processes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use imagejob_protocol::settings::{
    self, Action, DispatcherSettings, Format, GroupProtocol, JobName, Kafka, OnExhausted, OnFail, Retry, StartFrom,
    Step, Storage, StorageKind, WorkerSettings,
};
use imagejob_protocol::wire::{Control, Report};
use rdkafka::message::OwnedMessage;
use serde::Serialize;
use tempfile::TempDir;

use crate::account::{Account, Outcome, Position, unfinished_before};
use crate::broker::Broker;
use crate::handler::Handler;
use crate::programs::{Process, free_port, program};
use crate::proxy::Proxy;
use crate::reports::Watch;
use crate::topics::{self, Topics};
use crate::wait;

/// The one bucket of a fleet's store.
pub const BUCKET: &str = "photos";
/// Bytes that begin like a photo; for steps that do not look inside.
const ANY_OBJECT: &[u8] = &[0xff, 0xd8, 0xff, 0xe0];
/// The token of every fleet's job.
pub const TOKEN: &str = "token-of-the-story";

/// How long dispatchers and workers may take to find each other and the partitions.
const CONNECT: Duration = Duration::from_secs(20);

/// Dispatchers and workers of one job.
pub struct Fleet {
    /// Settings of dispatchers that are started from now on.
    pub dispatching: DispatcherSettings,
    /// Settings of workers that are started from now on.
    pub working: WorkerSettings,
    /// Records that all dispatchers lend in a second, as the operator tells those that are started from now on;
    /// none for no limit.
    pub records_per_second: Option<u32>,
    /// The broker's topics.
    pub topics: Topics,
    dispatchers: Vec<Dispatcher>,
    workers: Vec<Process>,
    started: usize,
    /// After the processes: when a story fails, they still show their logs, which lie in here.
    folder: TempDir,
}

/// A dispatcher keeps its address when its process is replaced, as a pod's Service does.
struct Dispatcher {
    address: String,
    /// Where workers dial it.
    door: String,
    process: Option<Process>,
    watch: Watch,
}

impl Fleet {
    /// Creates the topics `<name>`, `<name>-results`, `<name>-dlq` and `<name>-failures` and a
    /// store with one object, `photos/any.jpg`. Nothing runs yet.
    pub fn new(broker: &Broker, name: &str, partitions: i32, steps: Vec<Step>) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("imagejob-story-").tempdir()?;
        let bucket = folder.path().join("store").join(BUCKET);
        std::fs::create_dir_all(&bucket)?;
        std::fs::write(bucket.join("any.jpg"), ANY_OBJECT)?;
        std::fs::write(folder.path().join("token"), TOKEN)?;
        for suffix in ["", "-results", "-dlq", "-failures"] {
            broker.create_topic(&format!("{name}{suffix}"), partitions)?;
        }
        let kafka = Kafka { bootstrap_servers: broker.bootstrap(), auth: None, tls: None };
        let job = JobName { namespace: "default".into(), name: name.to_owned() };
        let consumer_group = format!("default.{name}");
        Ok(Self {
            records_per_second: None,
            topics: Topics::new(&kafka.bootstrap_servers)?,
            dispatching: DispatcherSettings {
                job: job.clone(),
                kafka: kafka.clone(),
                topics: vec![name.to_owned()],
                consumer_group: consumer_group.clone(),
                group_protocol: GroupProtocol::Classic,
                start_from: StartFrom::Earliest,
                dead_letter_topic: format!("{name}-dlq"),
                failure_topic: Some(format!("{name}-failures")),
                retry: Retry {
                    max_attempts: 3,
                    initial_backoff_ms: 100,
                    max_backoff_ms: 1_000,
                    max_age_ms: None,
                    on_exhausted: OnExhausted::DeadLetter,
                },
                peers_expected: 1,
            },
            working: WorkerSettings {
                job,
                kafka,
                consumer_group,
                format: Format::Auto,
                hosts: std::collections::BTreeMap::new(),
                storage: Storage {
                    kind: StorageKind::FileSystem { path: folder.path().join("store") },
                    buckets: vec![BUCKET.to_owned()],
                    max_object_bytes: 1 << 20,
                },
                variables: [].into(),
                steps,
                result_topic: format!("{name}-results"),
                routes: vec![],
                copy: Vec::new(),
                slots: 8,
                timeout_ms: None,
            },
            dispatchers: Vec::new(),
            workers: Vec::new(),
            started: 0,
            folder,
        })
    }

    /// The folder that holds the one bucket's objects.
    pub fn objects(&self) -> PathBuf {
        self.folder.path().join("store").join(BUCKET)
    }

    /// Sends `count` records that name the one object.
    pub fn produce(&self, count: usize) -> anyhow::Result<()> {
        let value = serde_json::json!({ "bucket": BUCKET, "key": "any.jpg" }).to_string();
        self.topics.produce(self.source(), std::iter::repeat_n(value.as_bytes(), count))
    }

    /// Starts `count` dispatchers.
    pub fn start_dispatchers(&mut self, count: u32) -> anyhow::Result<()> {
        self.dispatching.peers_expected = count;
        for index in 0..count as usize {
            let address = format!("127.0.0.1:{}", free_port()?);
            let control =
                Control { peers_expected: count, suspended: false, records_per_second: self.records_per_second };
            let watch = Watch::start(&address, TOKEN, control)?;
            self.dispatchers.push(Dispatcher { door: address.clone(), address, process: None, watch });
            self.start_dispatcher(index)?;
        }
        Ok(())
    }

    /// Starts the dispatcher at `index` anew.
    pub fn start_dispatcher(&mut self, index: usize) -> anyhow::Result<()> {
        let mut args = self.arguments("dispatch", &format!("dispatcher-{index}"), &self.dispatching)?;
        args.extend(["--listen".into(), self.dispatchers[index].address.clone()]);
        self.dispatchers[index].process = Some(self.start(&format!("dispatcher-{index}"), &args)?);
        Ok(())
    }

    /// Puts a proxy in front of the dispatcher at `index`, for workers that are started from now on.
    pub fn put_before_dispatcher(&mut self, index: usize, proxy: &Proxy) -> anyhow::Result<()> {
        let dispatcher = &mut self.dispatchers[index];
        proxy.address().clone_into(&mut dispatcher.door);
        proxy.lead_to(&dispatcher.address)
    }

    /// Address and process of the dispatcher at `index`.
    ///
    /// # Panics
    /// When it was killed and not started anew.
    pub fn dispatcher(&self, index: usize) -> (&str, &Process) {
        let Dispatcher { address, process, .. } = &self.dispatchers[index];
        (address, process.as_ref().expect("the dispatcher runs"))
    }

    /// Process of the worker at `index`.
    pub fn worker(&mut self, index: usize) -> &mut Process {
        &mut self.workers[index]
    }

    /// SIGKILL for the dispatcher at `index`.
    pub fn kill_dispatcher(&mut self, index: usize) -> anyhow::Result<()> {
        self.dispatchers[index].process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Asks the dispatcher at `index` to end, and waits; whether it ended well.
    pub fn stop_dispatcher(&mut self, index: usize) -> anyhow::Result<bool> {
        self.dispatchers[index].process.take().map_or(Ok(true), |mut process| process.stop())
    }

    /// Starts `count` workers more.
    pub fn start_workers(&mut self, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            self.started += 1;
            let name = format!("worker-{}", self.started);
            let mut args = self.arguments("work", &name, &self.working)?;
            let addresses: Vec<_> = self.dispatchers.iter().map(|dispatcher| dispatcher.door.clone()).collect();
            args.extend(["--dispatchers".into(), addresses.join(",")]);
            let worker = self.start(&name, &args)?;
            self.workers.push(worker);
        }
        Ok(())
    }

    /// Workers that were started and not killed.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// SIGKILL for one worker; gives its name.
    pub fn kill_worker(&mut self, index: usize) -> anyhow::Result<String> {
        let mut worker = self.workers.remove(index % self.workers.len());
        worker.kill()?;
        Ok(worker.name().to_owned())
    }

    /// Asks the workers from `first` on to end, all at once, and waits; the names of those that did not end well.
    pub fn stop_workers(&mut self, first: usize) -> anyhow::Result<Vec<String>> {
        let mut leaving = self.workers.split_off(first);
        leaving.iter_mut().for_each(Process::ask_to_stop);
        let mut unwell = Vec::new();
        for mut process in leaving {
            if !process.stop()? {
                unwell.push(process.name().to_owned());
            }
        }
        Ok(unwell)
    }

    /// Asks all workers, then all dispatchers to end, and waits; the names of those that did not end well.
    pub fn stop(&mut self) -> anyhow::Result<Vec<String>> {
        let dispatchers = self.dispatchers.drain(..).filter_map(|dispatcher| dispatcher.process);
        let mut unwell = Vec::new();
        for mut process in self.workers.drain(..).chain(dispatchers) {
            if !process.stop()? {
                unwell.push(process.name().to_owned());
            }
        }
        Ok(unwell)
    }

    /// Records that ended so far, counted from the ends of the result and dead-letter topics;
    /// duplicates count too.
    pub fn ended(&self) -> anyhow::Result<usize> {
        Ok(self.topics.count(&self.working.result_topic)? + self.topics.count(&self.dispatching.dead_letter_topic)?)
    }

    /// The newest report of each dispatcher, or why there is none.
    pub fn reports(&self) -> Vec<Result<Report, String>> {
        self.dispatchers.iter().map(|dispatcher| dispatcher.watch.latest()).collect()
    }

    /// Waits until each dispatcher sees `workers` workers and all partitions are held.
    pub fn wait_connected(&self, workers: usize) -> anyhow::Result<()> {
        let partitions = self.topics.partitions(self.source())? as usize;
        let all_connected = || {
            let reports: Vec<_> = self.reports().into_iter().flatten().collect();
            reports.len() == self.dispatchers.len()
                && reports.iter().map(|report| report.partitions.len()).sum::<usize>() == partitions
                && reports.iter().all(|report| report.workers.len() == workers)
        };
        wait::until(CONNECT, || format!("{workers} workers, reports {:#?}", self.reports()), all_connected);
        Ok(())
    }

    /// Waits until every source record is committed as finished.
    pub fn wait_committed(&self, limit: Duration) -> anyhow::Result<()> {
        let ends = self.topics.ends(self.source())?;
        let committed = || self.topics.committed(&self.dispatching.consumer_group, self.source()).unwrap_or_default();
        let what = || format!("committed {:?} of {ends:?}; {:#?}", committed(), self.reports());
        wait::until(limit, what, || committed() == ends);
        Ok(())
    }

    /// Committed offsets that lie past a record without an end. Empty is the promise.
    pub fn committed_past_unfinished(&self) -> anyhow::Result<Vec<Position>> {
        // First the commit, then the outcomes: whatever the commit claims must be there by now.
        let committed = self.topics.committed(&self.dispatching.consumer_group, self.source())?;
        Ok(unfinished_before(&committed, &self.outcomes()?))
    }

    /// The books, from everything in the topics now.
    pub fn account(&self) -> anyhow::Result<Account> {
        Ok(Account::of(&self.topics.ends(self.source())?, &self.outcomes()?))
    }

    /// Every outcome in the topics now.
    pub fn outcomes(&self) -> anyhow::Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        let mut gather = |topic: &str, outcome: fn(&OwnedMessage) -> anyhow::Result<Outcome>| {
            self.topics.each(topic, |message| {
                outcomes.push(outcome(&message)?);
                Ok(())
            })
        };
        gather(&self.working.result_topic, topics::result)?;
        gather(&self.dispatching.dead_letter_topic, topics::dead_letter)?;
        self.dispatching.failure_topic.iter().try_for_each(|topic| gather(topic, topics::failure))?;
        Ok(outcomes)
    }

    fn source(&self) -> &str {
        &self.dispatching.topics[0]
    }

    fn start(&self, name: &str, args: &[String]) -> anyhow::Result<Process> {
        Process::start(&program("imagejob-worker")?, name, self.folder.path(), args)
    }

    /// Writes the settings file and gives the arguments that both roles share.
    fn arguments(&self, role: &str, name: &str, settings: &impl Serialize) -> anyhow::Result<Vec<String>> {
        let file = self.folder.path().join(format!("{name}.json"));
        std::fs::write(&file, serde_json::to_vec_pretty(settings)?)?;
        let text = |path: &Path| path.display().to_string();
        let token = self.folder.path().join("token");
        Ok([role, "--id", name, "--settings", &text(&file), "--token-file", &text(&token), "--until-stdin-closes"]
            .map(str::to_owned)
            .to_vec())
    }
}

/// A step that calls `handler`.
pub fn handler_step(handler: &Handler) -> Step {
    let action = Action::Handler(settings::Handler::on_port(handler.port()));
    Step { name: "own".into(), on_fail: OnFail::Stop, action }
}

/// The step that looks at sharpness and brightness.
pub fn quality_step() -> Step {
    Step { name: "quality".into(), on_fail: OnFail::Stop, action: Action::Quality {} }
}
