//! An item that takes longer than a lease, a session and all patience of the group: it keeps its lease, the
//! group stays as it is, and others go past it.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::{Fleet, handler_step};
use imagejob_e2e::handler::Handler;
use imagejob_e2e::story::{Story, skipped};
use imagejob_e2e::wait;
use imagejob_protocol::settings::{self, Action};

/// How long the item takes, seconds. Ten minutes is what is promised (600 tries that): twice the
/// `max.poll.interval.ms` of five.
const VARIABLE: &str = "IMAGEJOB_LONG_ITEM_SECONDS";
/// More than four times a lease, and seven times a session.
const SECONDS: u64 = 45;
/// Others that flow meanwhile, per second.
const FLOW: usize = 20;

#[test]
fn a_long_item_keeps_its_lease_and_nobody_waits_for_it() {
    if skipped("knows neither sessions nor polls") {
        return;
    }
    let seconds = std::env::var(VARIABLE).map_or(SECONDS, |seconds| seconds.parse().unwrap());
    let long = Duration::from_secs(seconds);
    let broker = Broker::start().unwrap();
    let handler = Handler::with_first(long, Duration::from_millis(20)).unwrap();
    let mut step = handler_step(&handler);
    let Action::Handler(settings::Handler { timeout_ms, .. }) = &mut step.action else {
        unreachable!("it is a handler")
    };
    *timeout_ms = 2 * long.as_millis() as u64;
    let mut fleet = Fleet::new(&broker, "long", 3, vec![step]).unwrap();
    fleet.start_dispatchers(1).unwrap();
    fleet.start_workers(2).unwrap();
    fleet.wait_connected(2).unwrap();
    let story = Story::begin("long", fleet, handler);
    let assignments = || assignments(&story.fleet.dispatcher(0).1.log());
    let before = assignments();

    story.fleet.produce(1).unwrap();
    wait::until(long, || "the long item has not begun".into(), || story.handler.calls() == 1);
    let begun = wait::now();
    story.tell("the long item has begun");
    let mut sent = 1;
    while begun.elapsed() < long {
        story.fleet.produce(FLOW).unwrap();
        sent += FLOW;
        story.time_passes(Duration::from_secs(1));
        let ended = || story.fleet.ended().unwrap();
        wait::until(Duration::from_secs(10), || format!("{} of {sent} ended", ended()), || ended() >= sent - 1);
    }
    assert_eq!(story.fleet.committed_past_unfinished().unwrap(), []);
    assert_eq!(assignments(), before, "the group was the same all the time");
    let calls = story.handler.calls();
    assert_eq!(calls, sent, "each was worked on once");
    let account = story.end();
    assert_eq!((account.records, account.duplicates), (sent, 0));
}

/// How often partitions came or went, by the dispatcher's log.
fn assignments(log: &str) -> usize {
    let count = log.lines().filter(|line| line.contains("assigned") || line.contains("revoked")).count();
    assert!(count > 0, "the dispatcher logs when partitions come:\n{log}");
    count
}
