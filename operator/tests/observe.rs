//! What the reports of several dispatchers add up to, and what is missing when they do not.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use imagejob_api::document::Documents;
use imagejob_api::{ValidatedJob, validate};
use imagejob_operator::{Instance, Reading, Role, Running, Sight, observe};
use imagejob_protocol::wire::{PartitionReport, Problem, Report, TopicReport};
use imagejob_scaling::{Arrivals, Backlog, Lag, LagGap, ServiceTime};
use jiff::{SignedDuration, Timestamp};

fn job() -> ValidatedJob {
    let text = include_str!("../api/tests/full.yaml");
    let documents = Documents::read([("full.yaml", text)]).unwrap();
    let policy = &documents.policies[0].object;
    validate(&documents.jobs[0].object, Some(policy), Timestamp::UNIX_EPOCH).unwrap()
}

fn now() -> Timestamp {
    "2026-11-21T04:00:00Z".parse().unwrap()
}

fn partition(topic: &str, partition: i32, waiting: u64, oldest_wait_ms: u64) -> PartitionReport {
    let topic = topic.to_owned();
    PartitionReport {
        topic,
        partition,
        waiting,
        oldest_wait_ms,
        in_flight: 8,
        retrying: 1,
        ..PartitionReport::default()
    }
}

/// Seconds of arrivals up to `age_ms` ago.
fn bins<const N: usize>(age_ms: i64, records: [u32; N]) -> Arrivals {
    let until = now() - SignedDuration::from_millis(age_ms);
    let start = until - SignedDuration::from_secs(N as i64);
    Arrivals { start, bin: Duration::from_secs(1), records: records.into(), until }
}

/// A reading of a dispatcher that knows both topics, `age_ms` old.
fn reading(age_ms: i64, partitions: Vec<PartitionReport>) -> Reading {
    let topic = |topic: &str, partitions| TopicReport { topic: topic.to_owned(), partitions };
    Reading {
        received: now() - SignedDuration::from_millis(age_ms),
        report: Arc::new(Report {
            topics: vec![topic("poster-photos", 2), topic("late-photos", 1)],
            partitions,
            ..Report::default()
        }),
        arrivals: bins(age_ms, [10; 20]),
        service: None,
    }
}

fn running(dispatchers: u32) -> Running {
    Running { dispatchers_applied: dispatchers, ..Running::default() }
}

fn seen(dispatchers: u32, readings: &[Reading]) -> Sight {
    observe(now(), &job(), &running(dispatchers), readings)
}

fn one() -> Reading {
    reading(100, vec![partition("poster-photos", 0, 1_000, 3_100), partition("late-photos", 0, 4, 20)])
}

fn other(age_ms: i64) -> Reading {
    reading(age_ms, vec![partition("poster-photos", 1, 200, 900)])
}

#[test]
fn all_that_is_reported_adds_up() {
    let sight = seen(2, &[one(), other(3_000)]);
    let lag = Lag { waiting: 1_204, in_flight: 24, retrying: 3, stuck: 0, oldest_wait: Duration::from_millis(3_100) };
    assert_eq!(sight.observation.backlog, Backlog::Known(lag));
    assert_eq!((sight.partitions, sight.dispatchers_reporting), (Some(3), 2));
    // The other one's three seconds of delay are three bins.
    let arrivals = &sight.observation.arrivals;
    assert_eq!(arrivals.records, [[10; 3].as_slice(), &[20; 17], &[10; 3]].concat());
    assert_eq!((arrivals.until, arrivals.bin), (now() - SignedDuration::from_millis(100), Duration::from_secs(1)));
}

#[test]
fn what_nobody_can_have_is_no_reason_for_workers() {
    // One partition waits behind a record that is not finished; of another a part does.
    let wholly = PartitionReport { stuck: 1_000, ..partition("poster-photos", 0, 1_000, 900_000) };
    let partly = PartitionReport { stuck: 150, ..partition("poster-photos", 1, 200, 900) };
    let free = partition("late-photos", 0, 4, 20);
    let sight = seen(2, &[reading(100, vec![wholly, free]), reading(100, vec![partly])]);
    let lag = Lag { waiting: 54, in_flight: 24, retrying: 3, stuck: 1_150, oldest_wait: Duration::from_millis(900) };
    assert_eq!(sight.observation.backlog, Backlog::Known(lag));
}

#[test]
fn what_is_missing_is_named() {
    let unknown_topic = {
        let mut reading = one();
        Arc::make_mut(&mut reading.report).topics.pop();
        reading
    };
    let late = || LagGap::TopicUnknown { topic: "late-photos".to_owned() };
    let silent = |since| LagGap::Silent { silent: 1, expected: 2, since };
    let table: Vec<(&str, u32, Vec<Reading>, LagGap, bool)> = vec![
        ("nobody was ever heard", 2, vec![], LagGap::NoReport { expected: 2 }, false),
        ("nobody was heard lately", 1, vec![other(3_001)], LagGap::NoReport { expected: 1 }, false),
        ("one was never heard", 2, vec![one()], silent(None), true),
        ("one fell silent", 2, vec![one(), other(4_000)], silent(Some(Duration::from_secs(4))), true),
        ("a partition is nobody's", 1, vec![one()], LagGap::Uncovered { uncovered: 1, partitions: 3 }, true),
        ("a topic's partitions are not known", 1, vec![unknown_topic], late(), true),
        (
            "all are nobody's, as in a rebalance",
            1,
            vec![reading(0, vec![])],
            LagGap::Uncovered { uncovered: 3, partitions: 3 },
            false,
        ),
    ];
    for (what, dispatchers, readings, expected, some_seen) in table {
        match seen(dispatchers, &readings).observation.backlog {
            Backlog::Unknown(gap) => assert!(gap == expected && !some_seen, "{what}: {gap}"),
            Backlog::Partial { gap, .. } => assert!(gap == expected && some_seen, "{what}: {gap}"),
            Backlog::Known(lag) => panic!("{what}: {lag:?}"),
        }
    }
}

#[test]
fn a_partition_that_moves_counts_once_by_its_newer_report() {
    let moved = |waiting, age_ms| reading(age_ms, vec![partition("poster-photos", 0, waiting, 0)]);
    for readings in [[moved(7, 50), moved(1_000, 900)], [moved(1_000, 900), moved(7, 50)]] {
        let Backlog::Partial { seen, .. } = seen(2, &readings).observation.backlog else { panic!() };
        assert_eq!(seen.waiting, 7);
    }
}

#[test]
fn topics_of_another_job_do_not_count() {
    let mut readings = vec![one(), other(0)];
    Arc::make_mut(&mut readings[0].report).partitions.push(partition("stranger", 0, 1_000_000, 0));
    let Backlog::Known(lag) = seen(2, &readings).observation.backlog else { panic!() };
    assert_eq!(lag.waiting, 1_204);
}

#[test]
fn service_times_are_weighed_by_their_samples_and_stale_ones_left_out() {
    let with = |mean_ms, samples, age_ms| {
        let service = ServiceTime { mean: Duration::from_millis(mean_ms), samples };
        Reading { service: Some(service), ..reading(age_ms, vec![]) }
    };
    let service = seen(2, &[with(100, 30, 0), with(500, 10, 0), with(9_000, 1_000, 60_000)]).observation.service;
    assert_eq!(service, Some(ServiceTime { mean: Duration::from_millis(200), samples: 40 }));
    assert_eq!(seen(1, &[reading(0, vec![])]).observation.service, None);
}

#[test]
fn start_up_is_what_nine_of_ten_workers_took() {
    let worker = |took_ms: Option<i64>| Instance {
        name: String::new(),
        role: Role::Worker,
        created: now() - SignedDuration::from_mins(1),
        ready: took_ms.map(|ms| now() - SignedDuration::from_mins(1) + SignedDuration::from_millis(ms)),
        address: None,
    };
    let start_up = |times: &[Option<i64>]| {
        let running = Running { instances: times.iter().copied().map(worker).collect(), ..running(1) };
        let observation = observe(now(), &job(), &running, &[]).observation;
        (observation.start_up.map(|length| length.as_millis()), observation.workers.ready)
    };
    assert_eq!(start_up(&[]), (None, 0));
    assert_eq!(start_up(&[None]), (None, 0));
    assert_eq!(start_up(&[Some(800), None]), (Some(800), 1));
    let mut ten: Vec<Option<i64>> = (1..=9).map(|n| Some(n * 100)).collect();
    ten.push(Some(60_000));
    assert_eq!(start_up(&ten), (Some(900), 10));
}

#[test]
fn each_problem_is_told_once() {
    let with = |reason: &str| {
        let mut reading = one();
        let problem = Problem { reason: reason.to_owned(), message: format!("{reason} happened") };
        Arc::make_mut(&mut reading.report).problems = vec![problem];
        reading
    };
    let problems = seen(2, &[with("WindowFull"), with("DataExpired"), with("WindowFull")]).problems;
    let reasons: Vec<&str> = problems.iter().map(|problem| problem.reason.as_str()).collect();
    assert_eq!(reasons, ["DataExpired", "WindowFull"]);
}
