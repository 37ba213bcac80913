//! Workers that all wait for the same thing: more of them do no more, and are not asked for.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;
use std::time::Duration;

use imagejob_scaling::simulate::traffic::Trace;
use imagejob_scaling::simulate::{Course, Ours, World, simulate};
use imagejob_scaling::{Memory, Policy};

const SLOTS: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// Workers that do a record a second each, and all together at most so many.
fn world(downstream: Option<f64>) -> World {
    World {
        start: "2026-11-21T12:00:00+08:00".parse().unwrap(),
        slots: SLOTS,
        per_worker: 1.0,
        start_up: (3.0, 10.0),
        creates_per_second: 50.0,
        downstream,
        report_delay: 0.3,
        blackout: None,
        wait: 60.0,
        max_replicas: 400,
    }
}

/// So many records a second for so many minutes each.
fn trace(parts: &[(u32, usize)]) -> Trace {
    let seconds = parts.iter().flat_map(|(per_second, minutes)| std::iter::repeat_n(*per_second, minutes * 60));
    Trace { bin: 1.0, records: seconds.collect() }
}

fn run(world: &World, trace: &Trace) -> Course {
    let policy = Policy { max_replicas: 400, slots: SLOTS, ..Policy::default() };
    simulate(world, trace, &mut Ours::new(world, &policy, Memory::expecting(Duration::from_secs(4))), 1)
}

fn said_so(course: &Course) -> usize {
    course.notes.iter().filter(|note| note.sentence.contains("have done no more")).count()
}

/// Seconds until no more wait than always do: a promise of a minute leaves some 700 of 20 a second.
fn over(course: &Course) -> f64 {
    course.samples.iter().filter(|sample| sample.waiting >= 1_000.0).map(|sample| sample.second).fold(0.0, f64::max)
}

#[test]
fn more_workers_than_a_store_can_serve_are_not_asked_for() {
    // An hour of 150 records a second; the store serves 100. Then 20 a second until all is done.
    let (trace, free) = (trace(&[(20, 10), (150, 60), (20, 60)]), world(None));
    let bound = run(&world(Some(100.0)), &trace);
    assert!(said_so(&bound) >= 1, "{:#?}", bound.notes.last());
    // The store alone says how long it takes: 150 x 3,600 - 100 x 3,600 = 180,000 left, 80/s less come than go.
    let least = 4_200.0 + 180_000.0 / 80.0;
    assert!(over(&bound) <= least * 1.02, "over after {} s, at best after {least}", over(&bound));
    // 100 workers do 100/s: hours at 400 would be 178 in all.
    assert!(bound.pod_hours <= 2.0 * 100.0 * over(&bound) / 3_600.0, "{}", bound.pod_hours);
    // The same traffic without the limit is no reason for such words.
    let unbound = run(&free, &trace);
    assert_eq!(said_so(&unbound), 0, "{:#?}", unbound.notes);
    assert!(unbound.waits.share_above(60.0) <= 0.001);
}

#[test]
fn every_five_minutes_it_is_tried_whether_more_do_more_by_now() {
    let course = run(&world(Some(100.0)), &trace(&[(200, 30)]));
    let wanted: Vec<(f64, u32)> = course.samples.iter().map(|sample| (sample.second, sample.wanted)).collect();
    let raised = wanted.windows(2).filter(|pair| pair[1].1 > pair[0].1 && pair[1].0 > 600.0);
    let tries: Vec<f64> = raised.map(|pair| pair[1].0).collect();
    assert!(tries.len() >= 2, "{tries:?}");
    assert!(tries.windows(2).all(|pair| (300.0..600.0).contains(&(pair[1] - pair[0]))), "{tries:?}");
}

#[test]
fn records_that_come_to_take_longer_are_no_limit() {
    // What a worker does wanders with each seed. More workers for slower records do no more than fewer did before:
    // a first look may take that for a limit, but nobody waits for it.
    for seed in 1..=40 {
        let trace = trace(&[(10, 120)]);
        let world = World { wait: 20.0, ..world(None) };
        let policy = Policy { max_replicas: 400, slots: SLOTS, wait: Duration::from_secs(20), ..Policy::default() };
        let memory = Memory::expecting(Duration::from_secs(4));
        let course = simulate(&world, &trace, &mut Ours::new(&world, &policy, memory), seed);
        let longest = course.waits.longest();
        assert!(longest <= 20.0, "seed {seed}: {longest} s, {:#?}", course.notes);
    }
}
