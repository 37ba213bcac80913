//! A job's world: a topic, dispatchers, workers and a cluster, with faults on request.
//!
//! A fluid model: in each step the ready workers finish as many records as their slots allow.
//! Reports are real messages that go through the real `Track`, late or not at all where a fault
//! says so.

use std::collections::BTreeMap;
use std::future::{Future, pending, ready};
use std::sync::{Arc, Mutex, MutexGuard};

use imagejob_api::document::Documents;
use imagejob_api::{ImageJobStatus, NamespacedName};
use imagejob_operator::track::Track;
use imagejob_operator::{
    Clock, Cluster, ClusterError, Desired, Fault, Instance, Outcome, Plan, PlanHash, Reading, Role, Running, Sensor,
    State, Targets, Token, reconcile,
};
use imagejob_protocol::wire::{Arrivals, PartitionReport, Problem, Report, TopicReport, WorkReport};
use jiff::{SignedDuration, Timestamp};

/// Length of a step, and of a dispatcher's report interval.
pub(crate) const STEP: SignedDuration = SignedDuration::from_millis(250);

pub(crate) const PARTITIONS: i32 = 3;

/// How long a record holds a slot.
pub(crate) const SERVICE_MS: u64 = 200;

/// Time from a plan to a worker that takes leases, without a fault.
const START_UP: SignedDuration = SignedDuration::from_millis(2_000);

/// Time from a change of the group to partitions that are held again.
const REBALANCE: SignedDuration = SignedDuration::from_millis(1_500);

pub(crate) const JOB: &str = r#"
apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {name: posters, generation: 1}
spec:
  source: {kafka: {bootstrapServers: "kafka:9092", topics: [photos]}}
  storage: {type: FileSystem, path: /data, buckets: [photos]}
  steps: [{name: quality, quality: {}}]
  results: {topic: results}
  scaling: {policyRef: {name: weekend}}
---
apiVersion: imagejob.dev/v1alpha1
kind: ScalePolicy
metadata: {name: weekend}
spec:
  waitSeconds: 10
  maxReplicas: 40
  timeZone: Asia/Shanghai
  profiles: [{name: weekend, days: [Sat, Sun], from: "06:00", to: "08:00", floor: 4}]
"#;

/// Reads a job and its policy.
pub(crate) fn desired(text: &str) -> Desired {
    let documents = Documents::read([("job.yaml", text)]).unwrap();
    Desired {
        job: documents.job(None).unwrap().object.clone(),
        policy: documents.policies.first().map(|policy| policy.object.clone()),
        created: "2026-11-20T00:00:00Z".parse().unwrap(),
        token: Token::new("secret"),
    }
}

/// What goes wrong just now.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// Plans are refused for the moment.
    pub(crate) cluster_down: bool,
    /// Plans are carried out, but nobody hears of it.
    pub(crate) replies_lost: bool,
    /// Status cannot be written.
    pub(crate) status_down: bool,
    /// Too many statuses are on their way already.
    pub(crate) statuses_queue: bool,
    /// What was learned can be neither read nor kept.
    pub(crate) seasons_down: bool,
    /// Starts of workers take this many times as long.
    pub(crate) slow_starts: i32,
}

/// A dispatcher or worker process.
#[derive(Debug, Clone)]
struct Process {
    name: String,
    role: Role,
    created: Timestamp,
    ready_at: Timestamp,
    /// Reports do not get through before this.
    silent_until: Timestamp,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) now: Timestamp,
    pub(crate) faults: Faults,
    /// Records a second that are produced.
    pub(crate) producing: u64,
    waiting: u64,
    produced: u64,
    done: u64,
    /// Appends that wait still, oldest first, with their number.
    appended: Vec<(Timestamp, u64)>,
    in_flight: u64,
    /// A topic that does not exist has no partitions.
    pub(crate) topic_exists: bool,
    pub(crate) problems: Vec<Problem>,
    /// What the cluster says about processes that do not start.
    pub(crate) start_faults: Vec<Fault>,
    processes: Vec<Process>,
    started: u32,
    running_plan: Option<(Plan, PlanHash)>,
    held_again_at: Timestamp,
    tracks: BTreeMap<String, Track>,
    listened_to: Vec<String>,
    applies: u32,
    status_writes: u32,
    pub(crate) status: Option<ImageJobStatus>,
    /// What was kept of what the weeks have taught.
    pub(crate) season: Option<Vec<u8>>,
}

/// The world and the job in it.
#[derive(Debug, Clone)]
pub(crate) struct World(Arc<Mutex<Inner>>);

impl World {
    pub(crate) fn at(now: &str) -> Self {
        let now = now.parse().unwrap();
        Self(Arc::new(Mutex::new(Inner {
            now,
            faults: Faults::default(),
            producing: 0,
            waiting: 0,
            produced: 0,
            done: 0,
            appended: Vec::new(),
            in_flight: 0,
            topic_exists: true,
            problems: Vec::new(),
            start_faults: Vec::new(),
            processes: Vec::new(),
            started: 0,
            running_plan: None,
            held_again_at: now,
            tracks: BTreeMap::new(),
            listened_to: Vec::new(),
            applies: 0,
            status_writes: 0,
            status: None,
            season: None,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// Workers there are, starting ones too.
    pub(crate) fn workers(&self) -> usize {
        self.lock().processes.iter().filter(|process| process.role == Role::Worker).count()
    }

    /// Records that wait for a lease.
    pub(crate) fn waiting(&self) -> u64 {
        self.lock().waiting
    }

    /// Records ever appended.
    pub(crate) fn produced(&self) -> u64 {
        self.lock().produced
    }

    /// Records finished.
    pub(crate) fn done(&self) -> u64 {
        self.lock().done
    }

    /// Plans that were carried out.
    pub(crate) fn applies(&self) -> u32 {
        self.lock().applies
    }

    /// Statuses that were written.
    pub(crate) fn status_writes(&self) -> u32 {
        self.lock().status_writes
    }

    /// One round of reconcile now, without letting time pass.
    pub(crate) async fn round(&self, desired: &Desired, state: &mut State) -> Outcome {
        reconcile(desired, self, self, self, state).await
    }

    /// A step of the world, then a round.
    pub(crate) async fn step(&self, desired: &Desired, state: &mut State) -> Outcome {
        self.lock().step();
        self.round(desired, state).await
    }

    /// Steps for some seconds; the last outcome.
    pub(crate) async fn run(&self, seconds: i64, desired: &Desired, state: &mut State) -> Outcome {
        let until = self.lock().now + SignedDuration::from_secs(seconds);
        loop {
            let outcome = self.step(desired, state).await;
            if self.lock().now >= until {
                return outcome;
            }
        }
    }
}

impl Inner {
    /// Kills a worker; the cluster starts another, as clusters do.
    pub(crate) fn kill_worker(&mut self) {
        self.replace(Role::Worker);
    }

    /// Kills a dispatcher; its partitions are nobody's until the group has settled.
    pub(crate) fn kill_dispatcher(&mut self) {
        self.replace(Role::Dispatcher);
    }

    /// Reports of one dispatcher do not get through for a while.
    pub(crate) fn silence_dispatcher(&mut self, seconds: i64) {
        let until = self.now + SignedDuration::from_secs(seconds);
        if let Some(dispatcher) = self.processes.iter_mut().find(|process| process.role == Role::Dispatcher) {
            dispatcher.silent_until = until;
        }
    }

    fn replace(&mut self, role: Role) {
        if let Some(i) = self.processes.iter().position(|process| process.role == role) {
            self.processes.remove(i);
            self.start(role);
        }
    }

    fn start(&mut self, role: Role) {
        self.started += 1;
        let starts = if role == Role::Worker { START_UP * self.faults.slow_starts.max(1) } else { START_UP };
        let name = format!("{role:?}-{}", self.started);
        let (created, ready_at) = (self.now, self.now + starts);
        self.processes.push(Process { name, role, created, ready_at, silent_until: created });
        if role == Role::Dispatcher {
            self.held_again_at = ready_at + REBALANCE;
        }
    }

    fn scale(&mut self, role: Role, wanted: u32) {
        let of_role = |process: &Process| process.role == role;
        while self.processes.iter().filter(|process| of_role(process)).count() < wanted as usize {
            self.start(role);
        }
        while self.processes.iter().filter(|process| of_role(process)).count() > wanted as usize {
            // The youngest goes first.
            let youngest = self.processes.iter().rposition(of_role).unwrap();
            self.processes.remove(youngest);
            if role == Role::Dispatcher {
                self.held_again_at = self.now + REBALANCE;
            }
        }
    }

    /// Produces, works and reports for the length of a step.
    pub(crate) fn step(&mut self) {
        self.now += STEP;
        let arrived = self.producing * STEP.as_millis() as u64 / 1_000;
        self.append(arrived);
        self.work();
        self.report(arrived);
    }

    pub(crate) fn append(&mut self, records: u64) {
        if records > 0 {
            self.produced += records;
            self.waiting += records;
            self.appended.push((self.now, records));
        }
    }

    fn work(&mut self) {
        self.done += std::mem::take(&mut self.in_flight);
        let settled = self.now >= self.held_again_at;
        let ready = self.processes.iter().filter(|p| p.role == Role::Worker && p.ready_at <= self.now).count() as u64;
        let capacity = if settled && self.topic_exists { ready * 8 * STEP.as_millis() as u64 / SERVICE_MS } else { 0 };
        let mut leased = capacity.min(self.waiting);
        self.waiting -= leased;
        self.in_flight = leased;
        while leased > 0 {
            let (_, records) = self.appended.first_mut().unwrap();
            let taken = leased.min(*records);
            *records -= taken;
            leased -= taken;
            if *records == 0 {
                self.appended.remove(0);
            }
        }
    }

    fn report(&mut self, arrived: u64) {
        let dispatchers: Vec<Process> =
            self.processes.iter().filter(|p| p.role == Role::Dispatcher && p.ready_at <= self.now).cloned().collect();
        let count = dispatchers.len();
        for (i, dispatcher) in dispatchers.iter().enumerate() {
            let report = self.report_of(i, count, &dispatcher.name, arrived);
            if dispatcher.silent_until <= self.now && self.listened_to.contains(&dispatcher.name) {
                self.tracks.entry(dispatcher.name.clone()).or_default().absorb(self.now, report);
            }
        }
    }

    fn report_of(&self, i: usize, count: usize, name: &str, arrived: u64) -> Report {
        let held = if self.now >= self.held_again_at && self.topic_exists { 0..PARTITIONS } else { 0..0 };
        let share = |n: u64, partition: i32| {
            let (n, parts, partition) = (n, PARTITIONS as u64, partition as u64);
            n / parts + u64::from(partition < n % parts)
        };
        let oldest = self.appended.first().map_or(0, |(at, _)| self.now.duration_since(*at).as_millis() as u64);
        let partitions = held.filter(|partition| *partition as usize % count == i).map(|partition| PartitionReport {
            topic: "photos".to_owned(),
            partition,
            waiting: share(self.waiting, partition),
            in_flight: share(self.in_flight, partition),
            oldest_wait_ms: oldest,
            ..PartitionReport::default()
        });
        let second = self.now.as_millisecond() / 1_000 * 1_000;
        let bin = (arrived * 4 / count as u64) as u32;
        Report {
            dispatcher_id: name.to_owned(),
            observed_ms: self.now.as_millisecond(),
            partitions: partitions.collect(),
            topics: vec![TopicReport {
                topic: "photos".to_owned(),
                partitions: if self.topic_exists { PARTITIONS } else { 0 },
            }],
            work: Some(WorkReport {
                done: self.done,
                slot_micros: self.done * SERVICE_MS * 1_000,
                ..WorkReport::default()
            }),
            arrivals: Some(Arrivals { start_ms: second, bin_ms: 1_000, records: vec![bin] }),
            problems: self.problems.clone(),
            ..Report::default()
        }
    }
}

fn unanswered(action: &str) -> ClusterError {
    ClusterError::Unavailable { action: action.to_owned(), cause: "timed out".to_owned() }
}

impl Cluster for World {
    fn running(&self, _job: &NamespacedName) -> Running {
        let world = self.lock();
        let instance = |process: &Process| Instance {
            name: process.name.clone(),
            role: process.role,
            created: process.created,
            ready: (process.ready_at <= world.now).then_some(process.ready_at),
            address: (process.role == Role::Dispatcher).then(|| process.name.clone()),
        };
        Running {
            plan: world.running_plan.as_ref().map(|(_, hash)| hash.clone()),
            workers_applied: world.running_plan.as_ref().map_or(0, |(plan, _)| plan.workers),
            dispatchers_applied: world.running_plan.as_ref().map_or(0, |(plan, _)| plan.dispatchers),
            instances: world.processes.iter().map(instance).collect(),
            faults: world.start_faults.clone(),
            others: imagejob_scaling::Others::default(),
        }
    }

    fn apply(&self, plan: &Plan) -> impl Future<Output = Result<(), ClusterError>> + Send {
        let mut world = self.lock();
        let failed =
            |cause: &str| ClusterError::Unavailable { action: "apply the plan".to_owned(), cause: cause.to_owned() };
        if world.faults.cluster_down {
            return ready(Err(failed("connection refused")));
        }
        world.applies += 1;
        world.scale(Role::Dispatcher, plan.dispatchers);
        world.scale(Role::Worker, plan.workers);
        world.running_plan = Some((plan.clone(), plan.hash()));
        ready(if world.faults.replies_lost { Err(failed("timed out")) } else { Ok(()) })
    }

    fn recall_season(
        &self,
        _job: &NamespacedName,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, ClusterError>> + Send {
        let world = self.lock();
        ready(if world.faults.seasons_down {
            Err(unanswered("read what was learned"))
        } else {
            Ok(world.season.clone())
        })
    }

    fn keep_season(
        &self,
        _job: &NamespacedName,
        season: &[u8],
    ) -> impl Future<Output = Result<(), ClusterError>> + Send {
        let mut world = self.lock();
        if world.faults.seasons_down {
            return ready(Err(unanswered("keep what was learned")));
        }
        world.season = Some(season.to_vec());
        ready(Ok(()))
    }

    fn has_time_for_status(&self) -> bool {
        !self.lock().faults.statuses_queue
    }

    fn write_status(
        &self,
        _job: &NamespacedName,
        status: &ImageJobStatus,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send {
        let mut world = self.lock();
        if world.faults.status_down {
            return ready(Err(unanswered("write status")));
        }
        world.status_writes += 1;
        world.status = Some(status.clone());
        ready(Ok(()))
    }
}

impl Sensor for World {
    fn listen(&self, targets: &Targets) {
        let mut world = self.lock();
        world.listened_to.clone_from(&targets.addresses);
        world.tracks.retain(|address, _| targets.addresses.contains(address));
    }

    fn readings(&self) -> Vec<Reading> {
        self.lock().tracks.values().filter_map(Track::reading).collect()
    }

    fn changed(&self) -> impl Future<Output = ()> + Send {
        pending()
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        self.lock().now
    }
}
