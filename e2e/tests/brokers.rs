//! Brokers that die and come back, and one that holds its breath: three brokers keep every topic, two
//! suffice to write. Each dies once by SIGKILL while work goes on, the group's coordinator first.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use imagejob_e2e::broker::{Broker, Kafka};
use imagejob_e2e::fleet::{Fleet, handler_step};
use imagejob_e2e::handler::Handler;
use imagejob_e2e::story::{STALL, Story, skipped};
use imagejob_e2e::wait;

const BROKERS: i32 = 3;
/// Records that come just before something befalls a broker.
const RECORDS: usize = 1_200;
const WORKERS: usize = 4;
/// Work of one record; 4 workers x 8 slots do 640 records/s.
const WORK: Duration = Duration::from_millis(50);
/// Records that are begun while a broker is away. Far more than there are slots: without new leaders, each
/// slot would soon hold a result that nobody takes.
const MEANWHILE: usize = 400;

#[test]
fn nothing_is_lost_when_each_broker_dies_and_one_is_paused() {
    if skipped("has no processes that could die") {
        return;
    }
    let mut broker = Broker::kafka(BROKERS as usize).unwrap();
    let handler = Handler::start(WORK).unwrap();
    let mut fleet = Fleet::new(&broker, "brokers", 3, vec![handler_step(&handler)]).unwrap();
    fleet.start_dispatchers(2).unwrap();
    fleet.start_workers(WORKERS).unwrap();
    fleet.wait_connected(WORKERS).unwrap();
    let story = Story::begin("brokers", fleet, handler);

    let mut alive: BTreeSet<i32> = (1..=BROKERS).collect();
    while let Some(first) = alive.first() {
        let coordinator = coordinator(&story);
        let victim = if alive.contains(&coordinator) { coordinator } else { *first };
        alive.remove(&victim);
        story.fleet.produce(RECORDS).unwrap();
        story.tell(&format!("broker {victim} is killed; {coordinator} coordinates the group"));
        kafka(&mut broker).kill_broker(victim).unwrap();
        story.goes_on(MEANWHILE);
        kafka(&mut broker).start_broker(victim).unwrap();
        story.tell("it serves again");
        all_in_sync(&story);
    }
    let coordinator = coordinator(&story);
    story.fleet.produce(RECORDS).unwrap();
    story.tell(&format!("broker {coordinator}, which coordinates the group, is paused"));
    kafka(&mut broker).pause_broker(coordinator).unwrap();
    // Work goes on once the others agree that it is gone, so what wakes is a zombie.
    story.goes_on(MEANWHILE);
    kafka(&mut broker).resume_broker(coordinator).unwrap();
    all_in_sync(&story);
    assert_eq!(story.end().records, 4 * RECORDS);
}

fn kafka(broker: &mut Broker) -> &mut Kafka {
    match broker {
        Broker::Kafka(kafka) => kafka,
        Broker::Mock(_) => unreachable!("the story began with a real cluster"),
    }
}

fn coordinator(story: &Story) -> i32 {
    let coordinator = || story.fleet.topics.coordinator(&story.fleet.dispatching.consumer_group).ok().flatten();
    wait::until(STALL, || "the group has no coordinator".into(), || coordinator().is_some());
    coordinator().unwrap()
}

/// Waits until every replica has caught up, so that the next that is missing is one of three again.
fn all_in_sync(story: &Story) {
    let in_sync = || story.fleet.topics.in_sync();
    let whole = || in_sync().is_ok_and(|replicas| replicas == BROKERS as usize);
    wait::until(STALL, || format!("replicas in sync: {:?}", in_sync()), whole);
    story.tell("all replicas are in sync");
    assert_eq!(story.fleet.committed_past_unfinished().unwrap(), [], "committed before there was an outcome");
}
