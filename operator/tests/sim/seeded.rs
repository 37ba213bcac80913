//! Seeded runs: faults and traffic drawn from a seed, safety all along, then faults off and
//! everything must come to rest.

use std::collections::VecDeque;

use imagejob_api::ConditionType;
use imagejob_operator::reconcile::Step;
use imagejob_operator::{Desired, Outcome, State};
use imagejob_scaling::Backlog;
use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::world::{Faults, JOB, STEP, World, desired};

/// Minutes of faults per seed.
const MINUTES: i64 = 10;

/// What a seed allows to go wrong: each run has a few kinds of fault, not all of them.
#[derive(Debug)]
struct Swarm {
    cluster_down: bool,
    replies_lost: bool,
    status_down: bool,
    slow_starts: bool,
    worker_kills: bool,
    dispatcher_kills: bool,
    silence: bool,
    clock_jumps: bool,
    restarts: bool,
    busiest: u64,
}

impl Swarm {
    fn of(random: &mut StdRng) -> Self {
        let mut sometimes = || random.random_bool(0.5);
        Self {
            cluster_down: sometimes(),
            replies_lost: sometimes(),
            status_down: sometimes(),
            slow_starts: sometimes(),
            worker_kills: sometimes(),
            dispatcher_kills: sometimes(),
            silence: sometimes(),
            clock_jumps: sometimes(),
            restarts: sometimes(),
            busiest: *[0, 20, 400, 3_000].get(random.random_range(0..4)).unwrap(),
        }
    }
}

struct Run {
    desired: Desired,
    world: World,
    state: State,
    random: StdRng,
    swarm: Swarm,
    /// The last rounds, for people.
    trace: VecDeque<String>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let swarm = Swarm::of(&mut random);
        // Half of the runs pass through the weekend's window.
        let start = if random.random_bool(0.5) { "2026-11-21T05:52:00+08:00" } else { "2026-11-20T20:00:00+08:00" };
        Self {
            desired: desired(JOB),
            world: World::at(start),
            state: State::default(),
            random,
            swarm,
            trace: VecDeque::new(),
        }
    }

    /// Something may go wrong, or right again, about every eight seconds per kind.
    fn disturb(&mut self) {
        let (random, swarm) = (&mut self.random, &self.swarm);
        let mut now_and_then = |allowed: bool| random.random_ratio(1, 32) && allowed;
        let toggle = [
            now_and_then(swarm.cluster_down),
            now_and_then(swarm.replies_lost),
            now_and_then(swarm.status_down),
            now_and_then(swarm.slow_starts),
        ];
        let kill_worker = now_and_then(swarm.worker_kills);
        let kill_dispatcher = now_and_then(swarm.dispatcher_kills) && now_and_then(true);
        let silence = now_and_then(swarm.silence) && now_and_then(true);
        let jump = now_and_then(swarm.clock_jumps) && now_and_then(true);
        let restart = now_and_then(swarm.restarts) && now_and_then(true);
        let traffic = now_and_then(true);
        let mut world = self.world.lock();
        let faults = &mut world.faults;
        faults.cluster_down ^= toggle[0];
        faults.replies_lost ^= toggle[1];
        faults.status_down ^= toggle[2];
        if toggle[3] {
            faults.slow_starts = random.random_range(1..20);
        }
        if kill_worker {
            world.kill_worker();
        }
        if kill_dispatcher {
            world.kill_dispatcher();
        }
        if silence {
            world.silence_dispatcher(random.random_range(1..30));
        }
        if jump {
            world.now += SignedDuration::from_secs(random.random_range(-120..120));
        }
        if restart {
            self.state = State::default();
        }
        if traffic {
            world.producing = random.random_range(0..=swarm.busiest);
        }
    }

    async fn step(&mut self) -> Outcome {
        let before = self.world.workers() as u32;
        let outcome = self.world.step(&self.desired, &mut self.state).await;
        if let Step::Decided(decided) = &outcome.step {
            self.trace.truncate(19);
            self.trace.push_front(format!("{} {} ({before} ran) {:?}", outcome.at, decided.decision, decided.applied));
        }
        self.safe(&outcome);
        outcome
    }

    fn safe(&self, outcome: &Outcome) {
        let Step::Decided(decided) = &outcome.step else { return self.fail("a valid job was called invalid") };
        let (decision, seen) = (&decided.decision, &decided.sight.observation);
        if decision.replicas > 40 {
            self.fail("S1: more than the maximum");
        }
        if !matches!(seen.backlog, Backlog::Known(_)) && decision.replicas < seen.workers.applied.min(40) {
            self.fail("S2: shrank without sight");
        }
        if decision.active.iter().any(|profile| profile.floor.is_some_and(|floor| decision.replicas < floor)) {
            self.fail("S4: below an active floor");
        }
        let holds = |type_| outcome.status.holds(type_);
        if holds(ConditionType::Ready) && holds(ConditionType::Stalled) {
            self.fail("ready and stalled at once");
        }
        if holds(ConditionType::Reconciling) && holds(ConditionType::Stalled) {
            self.fail("reconciling and stalled at once");
        }
    }

    fn fail(&self, why: &str) {
        let trace: Vec<&str> = self.trace.iter().rev().map(String::as_str).collect();
        panic!("{why}\n{:?}\n{}", self.swarm, trace.join("\n"));
    }

    /// Faults off, producers off: everything is worked off, all leave, and then nothing is written.
    async fn come_to_rest(&mut self) {
        self.world.lock().faults = Faults::default();
        self.world.lock().producing = 0;
        // Far from the weekend, so that no floor holds.
        self.world.lock().now = "2026-11-24T12:00:00+08:00".parse().unwrap();
        let mut quiet = None;
        for _ in 0..4 * 60 * 30 {
            let outcome = self.step().await;
            if self.world.done() == self.world.produced() && self.world.workers() == 0 {
                quiet = Some(outcome);
                break;
            }
        }
        if quiet.is_none() {
            self.fail("half an hour after the last fault there is still work or a worker");
        }
        // Numbers that were due are written within a minute.
        for _ in 0..4 * 70 {
            self.step().await;
        }
        let written = (self.world.applies(), self.world.status_writes());
        for _ in 0..4 * 300 {
            self.step().await;
        }
        if (self.world.applies(), self.world.status_writes()) != written {
            self.fail("written at rest");
        }
        let status = self.world.lock().status.clone();
        if !status.is_some_and(|status| status.holds(ConditionType::Ready)) {
            self.fail("not ready at rest");
        }
    }
}

#[tokio::test]
async fn seeded_runs_are_safe_and_come_to_rest() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIM_SEEDS").unwrap_or(8),
    };
    for seed in seeds {
        println!("SIM_SEED={seed}");
        let mut run = Run::new(seed);
        for _ in 0..MINUTES * 60_000 / STEP.as_millis() as i64 {
            run.disturb();
            run.step().await;
        }
        run.come_to_rest().await;
    }
}

#[tokio::test]
async fn the_same_seed_is_the_same_run() {
    let (mut run, mut again) = (Run::new(7), Run::new(7));
    for _ in 0..1_200 {
        run.disturb();
        again.disturb();
        let (one, other) = (run.step().await, again.step().await);
        assert_eq!(one.status, other.status);
        assert_eq!(run.trace[0], again.trace[0]);
    }
}
