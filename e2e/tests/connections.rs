//! Networks as they are: links between workers, dispatchers and the broker that are cut, go silent without
//! a word, hold everything back or become slow, at moments that a seed decides.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use imagejob_e2e::broker::{Broker, Kafka};
use imagejob_e2e::fleet::{Fleet, handler_step};
use imagejob_e2e::handler::Handler;
use imagejob_e2e::proxy::{Link, Proxy, Way};
use imagejob_e2e::story::{Story, seed, skipped};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};

const RECORDS: usize = 12_000;
const WORKERS: usize = 4;
/// Work of one record; 4 workers x 8 slots do 640 records/s.
const WORK: Duration = Duration::from_millis(50);
/// Longer than it takes a program to see that its peer is silent (10 s).
const SILENCE: Duration = Duration::from_secs(12);
/// Work between two events, at most.
const BETWEEN: usize = 600;

#[test]
fn nothing_is_lost_when_connections_break_go_silent_or_crawl() {
    if skipped("has no address that could be a proxy's") {
        return;
    }
    let mut chance = StdRng::seed_from_u64(seed("what befalls which link, and when"));
    let doors = [Proxy::start().unwrap(), Proxy::start().unwrap()];
    let to_broker = Proxy::start().unwrap();
    let broker = Broker::Kafka(Kafka::behind(&to_broker).unwrap());
    let handler = Handler::start(WORK).unwrap();
    let mut fleet = Fleet::new(&broker, "connections", 3, vec![handler_step(&handler)]).unwrap();
    for kafka in [&mut fleet.dispatching.kafka, &mut fleet.working.kafka] {
        to_broker.address().clone_into(&mut kafka.bootstrap_servers);
    }
    fleet.start_dispatchers(doors.len() as u32).unwrap();
    for (index, door) in doors.iter().enumerate() {
        fleet.put_before_dispatcher(index, door).unwrap();
    }
    fleet.start_workers(WORKERS).unwrap();
    fleet.wait_connected(WORKERS).unwrap();
    fleet.produce(RECORDS).unwrap();
    let story = Story::begin("connections", fleet, handler);

    let way = |chance: &mut StdRng| *[Way::Forth, Way::Back, Way::Both].choose(chance).unwrap();
    let crawl = Link::Slow { latency: Duration::from_millis(30), bytes_per_second: 500_000 };
    let mut events = vec![
        ("a dispatcher's link", &doors[0], Link::Lost(way(&mut chance)), SILENCE),
        ("a dispatcher's link", &doors[1], Link::HeldBack(way(&mut chance)), SILENCE),
        ("a dispatcher's link", &doors[0], crawl, Duration::from_secs(3)),
        ("the broker's link", &to_broker, Link::HeldBack(way(&mut chance)), Duration::from_secs(8)),
        ("the broker's link", &to_broker, crawl, Duration::from_secs(3)),
    ];
    events.shuffle(&mut chance);
    for (name, link, state, time) in events {
        story.goes_on(chance.random_range(1..BETWEEN));
        story.tell(&format!("{name} is {state:?} for {time:?}"));
        link.set(state);
        story.time_passes(time);
        link.set(Link::Whole);
        story.goes_on(chance.random_range(1..BETWEEN));
        story.tell("all connections are cut");
        doors.iter().chain([&to_broker]).for_each(Proxy::cut);
    }
    story.fleet.wait_connected(WORKERS).unwrap();
    story.end();
}
