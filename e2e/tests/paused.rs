//! Processes that stand still (a frozen node, a swapped-out machine) and go on as if no time had passed: a
//! dispatcher that does not know that its partitions went to the other, workers that finish what has long
//! been lent again.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::{Fleet, handler_step};
use imagejob_e2e::handler::Handler;
use imagejob_e2e::story::{STALL, Story, skipped};
use imagejob_e2e::wait;

const PARTITIONS: i32 = 3;
const RECORDS: usize = 8_000;
const WORKERS: usize = 4;
/// Work of one record; 4 workers x 8 slots do 640 records/s.
const WORK: Duration = Duration::from_millis(50);

#[test]
fn nothing_is_lost_when_dispatchers_and_workers_stand_still() {
    if skipped("has no sessions that run out") {
        return;
    }
    let broker = Broker::start().unwrap();
    let handler = Handler::start(WORK).unwrap();
    let mut fleet = Fleet::new(&broker, "paused", PARTITIONS, vec![handler_step(&handler)]).unwrap();
    fleet.start_dispatchers(2).unwrap();
    fleet.start_workers(WORKERS).unwrap();
    fleet.wait_connected(WORKERS).unwrap();
    fleet.produce(RECORDS).unwrap();
    let mut story = Story::begin("paused", fleet, handler);
    story.goes_on(500);

    for zombie in 0..2 {
        story.fleet.dispatcher(zombie).1.pause().unwrap();
        story.tell(&format!("dispatcher-{zombie} is paused"));
        let other = || story.fleet.reports()[1 - zombie].clone().map_or(0, |report| report.partitions.len());
        wait::until(STALL, || format!("the other has {} partitions", other()), || other() == PARTITIONS as usize);
        story.tell("the other has all partitions");
        story.goes_on(500);
        story.fleet.dispatcher(zombie).1.resume().unwrap();
        story.fleet.wait_connected(WORKERS).unwrap();
        story.tell("it is back, and so are its workers");
        assert_eq!(story.fleet.committed_past_unfinished().unwrap(), [], "committed before there was an outcome");
    }

    let lost = |story: &Story| -> u64 {
        story.fleet.reports().into_iter().flatten().filter_map(|report| report.work).map(|work| work.lost).sum()
    };
    let before = lost(&story);
    for worker in 0..WORKERS / 2 {
        story.fleet.worker(worker).pause().unwrap();
    }
    story.tell("half of the workers are paused");
    wait::until(STALL, || format!("{:#?}", story.fleet.reports()), || lost(&story) > before);
    story.tell("what they had is lent to others");
    for worker in 0..WORKERS / 2 {
        story.fleet.worker(worker).resume().unwrap();
    }
    story.fleet.wait_connected(WORKERS).unwrap();
    story.end();
}
