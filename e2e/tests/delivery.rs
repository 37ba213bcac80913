//! M2, nothing lost: workers and dispatchers are killed with SIGKILL in the middle of 5,000
//! records; each source offset still ends as exactly one result, and no commit runs ahead.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::{Fleet, handler_step};
use imagejob_e2e::handler::Handler;
use imagejob_e2e::wait;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const RECORDS: usize = 5_000;
const WORKERS: usize = 6;
const DISPATCHERS: usize = 2;
/// Work of one record; 6 workers x 8 slots do 480 records/s, so the story has about 10 s of work.
const WORK: Duration = Duration::from_millis(100);
const WORKER_KILLS: usize = 10;
/// A dispatcher dies after this many of the workers' deaths.
const DISPATCHER_KILLS: [usize; 2] = [3, 7];
/// A killed dispatcher's partitions wait for the group's session to time out (6 s), then move.
const STALL: Duration = Duration::from_mins(1);

#[test]
fn m2_nothing_is_lost_when_workers_and_dispatchers_are_killed() {
    killed_one_by_one(&Broker::start().unwrap());
}

/// The mock shows the mechanism only, but it must hold there too: `imagejob dev` runs on it.
#[test]
fn m2_nothing_is_lost_on_the_embedded_broker() {
    killed_one_by_one(&Broker::mock().unwrap());
}

/// The worst moment: while a killed dispatcher's session runs out, the other cannot commit (the
/// group's coordinator holds its connection until the rebalance ends), and then it dies as well.
/// What was finished in between is known to the workers alone, so those that die with it leave
/// duplicates; losses they must not leave.
#[test]
fn m2_nothing_is_lost_when_both_dispatchers_and_workers_die_within_one_session() {
    let broker = Broker::start().unwrap();
    let mut story = Story::begin(&broker, 2_500);
    story.until_ended(500);
    story.kill_dispatcher(0);
    for due in [1_000, 1_250, 1_500] {
        story.until_ended(due);
        story.kill_worker();
    }
    story.kill_dispatcher(1);
    story.kill_worker();
    story.end();
}

fn killed_one_by_one(broker: &Broker) {
    let mut story = Story::begin(broker, RECORDS);
    for kill in 1..=WORKER_KILLS {
        story.until_ended(RECORDS * kill / (WORKER_KILLS + 1));
        story.kill_worker();
        if DISPATCHER_KILLS.contains(&kill) {
            // The group is whole again after the dispatcher that died before.
            story.fleet.wait_connected(WORKERS).unwrap();
            let victim = story.chance.random_range(0..DISPATCHERS);
            story.kill_dispatcher(victim);
        }
    }
    story.end();
}

/// A fleet at work, and who dies next.
struct Story {
    name: &'static str,
    fleet: Fleet,
    records: usize,
    chance: StdRng,
    start: Instant,
    _handler: Handler,
}

impl Story {
    fn begin(broker: &Broker, records: usize) -> Self {
        let seed: u64 = std::env::var("SEED").map_or(2026, |seed| seed.parse().unwrap());
        println!("{}: SEED={seed} decides who is killed", broker.name());
        let handler = Handler::start(WORK).unwrap();
        let mut fleet = Fleet::new(broker, "delivery", 3, vec![handler_step(&handler)]).unwrap();
        fleet.produce(records).unwrap();
        let start = wait::now();
        fleet.start_dispatchers(DISPATCHERS as u32).unwrap();
        fleet.start_workers(WORKERS).unwrap();
        let chance = StdRng::seed_from_u64(seed);
        Self { name: broker.name(), fleet, records, chance, start, _handler: handler }
    }

    fn until_ended(&self, due: usize) {
        let ended = || self.fleet.ended().unwrap();
        wait::until(STALL, || format!("{} of {due} records ended", ended()), || ended() >= due);
    }

    fn kill_worker(&mut self) {
        let worker = self.fleet.kill_worker(self.chance.random_range(0..WORKERS)).unwrap();
        self.tell(&format!("killed {worker}"));
        self.fleet.start_workers(1).unwrap();
        assert_eq!(self.fleet.committed_past_unfinished().unwrap(), [], "committed before there was an outcome");
    }

    fn kill_dispatcher(&mut self, index: usize) {
        self.fleet.kill_dispatcher(index).unwrap();
        self.tell(&format!("killed dispatcher-{index}"));
        self.fleet.start_dispatcher(index).unwrap();
        assert_eq!(self.fleet.committed_past_unfinished().unwrap(), [], "committed before there was an outcome");
    }

    fn tell(&self, what: &str) {
        let ended = self.fleet.ended().unwrap();
        println!("{:5.1} s  {ended:5} records ended: {what}", self.start.elapsed().as_secs_f64());
    }

    fn end(mut self) {
        self.fleet.wait_committed(STALL).unwrap();
        self.tell("all committed");
        assert_eq!(self.fleet.committed_past_unfinished().unwrap(), []);
        assert_eq!(self.fleet.stop().unwrap(), Vec::<String>::new(), "these did not end well");
        let account = self.fleet.account().unwrap();
        println!("M2 {}: {account}", self.name);
        assert!(account.is_sound(), "{account}");
        assert_eq!(account.succeeded, self.records, "nothing was wrong with any record");
    }
}
