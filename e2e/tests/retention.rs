//! Retention that is faster than the job: what was deleted before it was read is counted and said, and what is
//! left is worked on.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use imagejob_e2e::account::Position;
use imagejob_e2e::admin::Admin;
use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::{BUCKET, Fleet, handler_step};
use imagejob_e2e::handler::Handler;
use imagejob_e2e::story::{STALL, skipped};
use imagejob_e2e::wait;
use imagejob_protocol::reasons::ProblemReason;
use std::time::Duration;

const WORK: Duration = Duration::from_millis(5);

#[test]
fn what_is_deleted_while_no_dispatcher_runs_is_counted_and_the_rest_is_done() {
    const PARTITIONS: i32 = 3;
    if skipped("deletes nothing") {
        return;
    }
    let broker = Broker::start().unwrap();
    let handler = Handler::start(WORK).unwrap();
    let mut fleet = Fleet::new(&broker, "absent", PARTITIONS, vec![handler_step(&handler)]).unwrap();
    fleet.produce(300).unwrap();
    fleet.start_dispatchers(1).unwrap();
    fleet.start_workers(1).unwrap();
    fleet.wait_committed(STALL).unwrap();
    assert_eq!(fleet.stop().unwrap(), Vec::<String>::new());

    // 100 of each partition are done; 200 more come, and the first 50 of these are deleted.
    fleet.produce(600).unwrap();
    Admin::new(&broker.bootstrap()).unwrap().delete_before("absent", PARTITIONS, 150).unwrap();
    fleet.start_dispatchers(1).unwrap();
    fleet.start_workers(1).unwrap();
    fleet.wait_committed(STALL).unwrap();
    let deleted = (0..PARTITIONS).flat_map(|partition| (100..150).map(move |offset| (partition, offset)));
    check(&fleet, &deleted.collect::<Vec<_>>(), 0);
}

/// Nobody has credit, so the dispatcher reads only as much ahead as its queue takes, one MiB; of 12 MB that come,
/// the oldest 10 are deleted.
#[test]
fn what_is_deleted_under_a_dispatcher_that_runs_is_counted_and_the_rest_is_done() {
    const RECORDS: usize = 60;
    const DELETED: i64 = 50;
    if skipped("deletes nothing") {
        return;
    }
    let broker = Broker::start().unwrap();
    let handler = Handler::start(WORK).unwrap();
    let mut fleet = Fleet::new(&broker, "present", 1, vec![handler_step(&handler)]).unwrap();
    fleet.start_dispatchers(1).unwrap();
    fleet.wait_connected(0).unwrap();
    let padding = "x".repeat(200_000);
    let record = serde_json::json!({ "bucket": BUCKET, "key": "any.jpg", "padding": padding }).to_string();
    fleet.topics.produce("present", std::iter::repeat_n(record.as_bytes(), RECORDS)).unwrap();
    let seen = || fleet.reports()[0].as_ref().is_ok_and(|report| report.partitions[0].end_offset == RECORDS as i64);
    wait::until(STALL, || format!("{:#?}", fleet.reports()), seen);
    Admin::new(&broker.bootstrap()).unwrap().delete_before("present", 1, DELETED).unwrap();
    fleet.start_workers(1).unwrap();
    fleet.wait_committed(STALL).unwrap();
    let lost = fleet.account().unwrap().lost;
    assert!(lost.iter().all(|(_, offset)| *offset < DELETED), "not deleted, and not done: {lost:?}");
    assert!(!lost.is_empty(), "everything had been read before it was deleted: the story shows nothing");
    // What its one worker had on loan when the beginning was cut off was gone by the time that it was done.
    check(&fleet, &lost, u64::from(fleet.working.slots));
}

/// The books lack what was deleted and nothing else, and the report says how many that are; it may count `on_loan`
/// more.
fn check(fleet: &Fleet, deleted: &[Position], on_loan: u64) {
    let account = fleet.account().unwrap();
    let ends = fleet.topics.ends(&fleet.dispatching.topics[0]).unwrap();
    let records: i64 = BTreeMap::values(&ends).sum();
    println!("retention: {account}");
    assert_eq!(account.lost, deleted, "lost is what was deleted");
    assert_eq!(account.succeeded, records as usize - deleted.len());

    let report = fleet.reports().remove(0).unwrap();
    let problem = report.problems.iter().find(|problem| problem.reason == ProblemReason::DataExpired.as_str());
    let problem = problem.unwrap_or_else(|| panic!("nothing is said of what was deleted: {:?}", report.problems));
    println!("{}: {}", problem.reason, problem.message);
    let (expired, deleted) = (report.work.unwrap().expired_by_retention, deleted.len() as u64);
    assert!((deleted..=deleted + on_loan).contains(&expired), "{expired} are said to be lost, {deleted} are");
}
