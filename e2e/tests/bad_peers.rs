//! A worker that asks for more than it has slots for: it is lent what it asks for, within the dispatcher's memory, and
//! when it vanishes others do the work.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::{Fleet, handler_step};
use imagejob_e2e::handler::Handler;
use imagejob_e2e::peer::Peer;
use imagejob_e2e::story::Story;
use imagejob_e2e::wait;

const PARTITIONS: i32 = 3;
const WORK: Duration = Duration::from_millis(5);
const LIMIT: Duration = Duration::from_secs(20);

fn story(name: &'static str, broker: &Broker) -> Story {
    let handler = Handler::start(WORK).unwrap();
    let mut fleet = Fleet::new(broker, name, PARTITIONS, vec![handler_step(&handler)]).unwrap();
    fleet.start_dispatchers(1).unwrap();
    fleet.wait_connected(0).unwrap();
    Story::begin(name, fleet, handler)
}

fn workers(story: &Story) -> usize {
    story.fleet.reports().into_iter().flatten().map(|report| report.workers.len()).sum()
}

#[test]
fn a_credit_without_measure_is_bounded_and_what_it_got_goes_to_others() {
    const RECORDS: usize = 6_000;
    let broker = Broker::start().unwrap();
    let mut story = story("measure", &broker);
    let mut liar = Peer::dial(story.fleet.dispatcher(0).0, "liar", 4).unwrap();
    liar.credit(u32::MAX).unwrap();
    story.fleet.produce(RECORDS).unwrap();
    let mut lent = 0;
    while lent < RECORDS {
        let Ok(leases) = liar.leases(Duration::from_secs(2)) else { break };
        lent += leases.len();
    }
    let resident = story.fleet.dispatcher(0).1.resident_mib().unwrap();
    story.tell(&format!("a worker of 4 slots that asked for {} got {lent}; {resident:.1} MiB", u32::MAX));
    drop(liar);
    wait::until(LIMIT, || format!("{} workers", workers(&story)), || workers(&story) == 0);
    story.fleet.start_workers(2).unwrap();
    story.end();
}
