//! The world in which a scaler is tried, and the run itself.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::course::{Course, Note, Recorder};
use super::fleet::Fleet;
use super::queue::Queue;
use super::random::Random;
use super::traffic::Trace;
use crate::{Arrivals, Backlog, Lag, LagGap, Memory, Observation, Policy, ServiceTime, Workers, decide};

/// Streams of randomness of one seed.
const STARTS: u64 = 1;
const DRIFT: u64 = 2;

/// The slow drift of what a worker does: standard deviation and time constant, seconds.
const DRIFT_SHARE: f64 = 0.1;
const DRIFT_SECONDS: f64 = 1_800.0;

/// A run ends this long after the trace even if records still wait, seconds.
const PATIENCE: f64 = 6.0 * 3_600.0;

/// Ten minutes of arrivals are remembered, in bins of a second.
const BINS: usize = 600;

/// The world in which scalers are tried.
#[derive(Debug, Clone)]
pub struct World {
    /// The wall clock at second 0 of the trace.
    pub start: Timestamp,
    /// Records that a worker works on at once.
    pub slots: NonZeroU32,
    /// Records a second that a worker does, on average over time.
    pub per_worker: f64,
    /// From creation until a worker takes leases: uniform in this range, seconds.
    pub start_up: (f64, f64),
    /// Workers that the cluster creates a second.
    pub creates_per_second: f64,
    /// Records a second that all workers together do at most, as where they wait for one store; none if they do not.
    pub downstream: Option<f64>,
    /// What a scaler sees is this old, seconds.
    pub report_delay: f64,
    /// Nothing is reported from one second to another.
    pub blackout: Option<(f64, f64)>,
    /// The promise, seconds: what waits are compared with.
    pub wait: f64,
    /// No scaler gets more.
    pub max_replicas: u32,
}

impl World {
    /// What a worker does which would do `alone`, while all of them hold so many records.
    fn shared(&self, alone: f64, in_flight: f64) -> f64 {
        let busy = (in_flight / f64::from(self.slots.get())).max(1e-9);
        self.downstream.map_or(alone, |all| alone.min(all / busy))
    }
}

/// What a scaler sees.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Seconds since the start.
    pub second: f64,
    /// Records that wait.
    pub waiting: f64,
    /// Records that workers work on.
    pub in_flight: f64,
    /// Records that ended within the last five seconds: to who commits that often, on average half
    /// of them are not finished yet.
    pub ended_lately: f64,
    /// Records that ended within the last minute.
    pub ended_in_a_minute: f64,
    /// How long the oldest has waited, seconds.
    pub oldest: f64,
    /// Seconds that a record holds a slot.
    pub service: f64,
    /// Workers that are there or ordered.
    pub applied: u32,
    /// Workers that take leases.
    pub ready: u32,
    /// Nine of ten starts take no longer than this, seconds.
    pub start_up: Option<f64>,
    /// Records that arrived in the last step.
    pub arrived: f64,
    /// False during a blackout.
    pub reported: bool,
}

/// What decides how many workers there should be.
pub trait Scaler {
    /// Looks after each step.
    fn look(&mut self, view: &View) -> u32;

    /// Why the count was changed just now, if it can say so.
    fn sentence(&self) -> Option<String> {
        None
    }

    /// What profiles hold now.
    fn floor(&self) -> Option<u32> {
        None
    }

    /// Workers that run before the first look.
    fn standing(&self) -> u32 {
        0
    }
}

/// Runs a trace, and on until nothing waits.
pub fn simulate(world: &World, trace: &Trace, scaler: &mut dyn Scaler, seed: u64) -> Course {
    let mut fleet = Fleet::new(world.start_up, world.creates_per_second, Random::new(seed, STARTS));
    fleet.standing(scaler.standing());
    let mut drift = Drift::new(Random::new(seed, DRIFT));
    let (mut queue, mut recorder) = (Queue::default(), Recorder::new(world, trace));
    let mut slots = Slots::default();
    let mut late: VecDeque<View> = VecDeque::new();
    let delay = (world.report_delay / trace.bin).round() as usize;
    let mut peak = scaler.standing();
    for step in 0.. {
        let (from, to) = (step as f64 * trace.bin, (step + 1) as f64 * trace.bin);
        if step >= trace.len() && (queue.records() < 1e-6 || to > trace.seconds() + PATIENCE) {
            break;
        }
        let per_worker = world.shared(world.per_worker * drift.after(trace.bin), slots.in_flight);
        let service = f64::from(world.slots.get()) / per_worker;
        let arrived = trace.arrivals(step);
        let capacity = slots.capacity(f64::from(fleet.ready() * world.slots.get()), service, trace.bin);
        let started = queue.pass(from, to, arrived, capacity, &mut recorder.waits);
        slots.pass(started, service, trace.bin);
        fleet.pass(from, to);
        let dark = world.blackout.is_some_and(|(begin, end)| (begin..end).contains(&to));
        late.push_back(View {
            second: to,
            waiting: queue.records(),
            in_flight: slots.in_flight,
            ended_lately: slots.ended_lately.max(0.0),
            ended_in_a_minute: slots.ended_in_a_minute.max(0.0),
            oldest: queue.oldest(to),
            service,
            applied: fleet.applied(),
            ready: fleet.ready(),
            start_up: fleet.usual_start_up(),
            arrived,
            reported: !dark,
        });
        if late.len() > delay
            && let Some(seen) = late.pop_front()
        {
            // What runs is read from the cluster, not from the reports.
            let view = View { applied: fleet.applied(), ready: fleet.ready(), ..seen };
            let wanted = scaler.look(&view).min(world.max_replicas);
            if wanted != fleet.applied() {
                fleet.order(to, wanted);
                let sentence = scaler.sentence();
                recorder.notes.extend(sentence.map(|sentence| Note { second: to as u64, sentence }));
            }
        }
        peak = peak.max(fleet.applied());
        recorder.sample(to, queue.records(), fleet.applied(), fleet.ready(), scaler.floor());
    }
    recorder.finish(fleet.worker_seconds, peak, fleet.starts)
}

/// The slots of all workers: what they hold, and what ended when.
#[derive(Debug, Default)]
struct Slots {
    in_flight: f64,
    /// Slots of the ready workers.
    there: f64,
    ended: VecDeque<f64>,
    ended_in_a_minute: f64,
    ended_lately: f64,
}

impl Slots {
    /// Records that can be started in a step: free slots at once, and those that come free.
    fn capacity(&mut self, slots: f64, service: f64, step: f64) -> f64 {
        self.there = slots;
        (slots - self.in_flight).max(0.0) + slots * step / service
    }

    /// Records end after the service time on average, independent of each other.
    fn pass(&mut self, started: f64, service: f64, step: f64) {
        let steady = started / step * service;
        let before = self.in_flight;
        let after = steady + (before - steady) * (-step / service).exp();
        self.in_flight = after.min(self.there.max(before));
        let ended = (before + started - self.in_flight).max(0.0);
        self.ended.push_back(ended);
        self.ended_in_a_minute += ended;
        self.ended_lately += ended;
        let (minute, lately) = ((60.0 / step) as usize, (5.0 / step) as usize);
        if self.ended.len() > lately {
            self.ended_lately -= self.ended[self.ended.len() - 1 - lately];
        }
        if self.ended.len() > minute {
            self.ended_in_a_minute -= self.ended.pop_front().unwrap_or(0.0);
        }
    }
}

/// What workers do wanders around its mean.
struct Drift {
    random: Random,
    state: f64,
}

impl Drift {
    fn new(random: Random) -> Self {
        Self { random, state: 0.0 }
    }

    /// The factor after so many seconds.
    fn after(&mut self, seconds: f64) -> f64 {
        let keep = (-seconds / DRIFT_SECONDS).exp();
        self.state = self.state * keep + DRIFT_SHARE * (1.0 - keep * keep).sqrt() * self.random.normal();
        (1.0 + self.state).clamp(0.6, 1.4)
    }
}

/// The operator's own decision.
pub struct Ours<'a> {
    policy: &'a Policy,
    memory: Memory,
    seen: Observation,
    start: Timestamp,
    /// Records of the newest bin that is not complete, and fractions that do not count yet.
    pending: f64,
    decided: Option<crate::Decision>,
}

impl<'a> Ours<'a> {
    /// With a policy, and what an earlier run has taught.
    pub fn new(world: &World, policy: &'a Policy, memory: Memory) -> Self {
        let bin = Duration::from_secs(1);
        let seen = Observation {
            now: world.start,
            backlog: Backlog::Unknown(LagGap::NoReport { expected: 1 }),
            workers: Workers::default(),
            service: None,
            start_up: None,
            others: crate::Others::default(),
            arrivals: Arrivals {
                start: world.start - SignedDuration::from_secs(BINS as i64),
                bin,
                records: std::iter::repeat_n(0, BINS).collect(),
                until: world.start,
            },
        };
        Self { policy, memory, seen, start: world.start, pending: 0.0, decided: None }
    }

    fn at(&self, second: f64) -> Timestamp {
        self.start + SignedDuration::from_secs_f64(second)
    }

    /// Counts what arrived into bins of whole seconds.
    fn count(&mut self, second: f64, arrived: f64) {
        let until = self.at(second);
        let arrivals = &mut self.seen.arrivals;
        let bin = arrivals.bin.as_secs_f64();
        let covered = until.duration_since(arrivals.start).as_secs_f64();
        while covered > arrivals.records.len() as f64 * bin + 1e-6 {
            arrivals.records.push_back(0);
        }
        self.pending += arrived;
        let whole = self.pending.floor();
        self.pending -= whole;
        if let Some(newest) = arrivals.records.back_mut() {
            *newest += whole as u32;
        }
        while arrivals.records.len() > BINS {
            arrivals.records.pop_front();
            arrivals.start += SignedDuration::from_secs(1);
        }
        arrivals.until = until;
    }
}

impl Scaler for Ours<'_> {
    fn look(&mut self, view: &View) -> u32 {
        self.count(view.second, view.arrived);
        let lag = Lag {
            waiting: view.waiting.ceil() as u64,
            in_flight: view.in_flight.round() as u64,
            retrying: 0,
            stuck: 0,
            oldest_wait: Duration::from_secs_f64(view.oldest.max(0.0)),
        };
        self.seen.now = self.at(view.second);
        let silent = LagGap::NoReport { expected: 1 };
        self.seen.backlog = if view.reported { Backlog::Known(lag) } else { Backlog::Unknown(silent) };
        self.seen.workers = Workers { applied: view.applied, ready: view.ready };
        let samples = view.ended_in_a_minute.round() as u64;
        let mean = Duration::from_secs_f64(view.service);
        self.seen.service = (samples > 0 && view.reported).then_some(ServiceTime { mean, samples });
        self.seen.start_up = view.start_up.map(Duration::from_secs_f64);
        let (decision, memory) = decide(&self.seen, self.policy, &self.memory);
        self.memory = memory;
        let replicas = decision.replicas;
        self.decided = Some(decision);
        replicas
    }

    fn sentence(&self) -> Option<String> {
        self.decided.as_ref().map(ToString::to_string)
    }

    fn floor(&self) -> Option<u32> {
        self.decided.as_ref()?.candidates.floor
    }
}
