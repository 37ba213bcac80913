//! The gates of the scaler on whole workloads, one seed each; `cargo bench` takes many.
//! `PROPTEST_RNG_SEED` chooses the seed, which is printed.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use imagejob_scaling::simulate::rivals::Keda;
use imagejob_scaling::simulate::traffic::{Scenario, flash, weekend};
use imagejob_scaling::simulate::{Course, Ours, World, clairvoyant, simulate};
use imagejob_scaling::{Amount, Days, Memory, MonthDay, Policy, Profile, Schedule, Trim};
use jiff::civil::Time;
use jiff::tz::TimeZone;

fn seed() -> u64 {
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("seed {seed}");
    seed
}

fn world(scenario: &Scenario) -> World {
    World {
        start: scenario.start.parse().unwrap(),
        slots: scenario.slots,
        per_worker: scenario.per_worker,
        start_up: (3.0, 10.0),
        creates_per_second: 50.0,
        downstream: None,
        report_delay: 0.3,
        blackout: None,
        wait: f64::from(scenario.wait),
        max_replicas: scenario.max_replicas,
    }
}

fn policy(scenario: &Scenario) -> Policy {
    Policy {
        wait: Duration::from_secs(u64::from(scenario.wait)),
        max_replicas: scenario.max_replicas,
        slots: scenario.slots,
        ..Policy::default()
    }
}

fn run(world: &World, scenario: &Scenario, policy: &Policy, seed: u64) -> Course {
    simulate(world, &scenario.trace, &mut Ours::new(world, policy, Memory::default()), seed)
}

fn p99(course: &Course) -> f64 {
    let [p99] = course.waits.quantiles([0.99]);
    p99
}

#[test]
fn a_weekend_without_profiles_keeps_its_promise_at_little_more_than_it_must_cost() {
    let seed = seed();
    let scenario = weekend(seed);
    let world = world(&scenario);
    let course = run(&world, &scenario, &policy(&scenario), seed);
    let records = course.waits.records();
    assert!((records - scenario.trace.total() as f64).abs() < 1.0, "all records are accounted for: {records}");
    let late = course.waits.share_above(60.0);
    assert!(late <= 0.001, "{late}");
    let cost = course.pod_hours / clairvoyant(&world, &scenario.trace).pod_hours;
    assert!((1.0..=1.15).contains(&cost), "{cost}");
}

#[test]
fn a_declared_sale_is_met_at_a_third_of_what_keda_costs() {
    let seed = seed();
    let scenario = flash(seed);
    let world = world(&scenario);
    let eleventh = MonthDay { month: 11, day: 11 };
    let rush = |hour: i8, minutes: i8, per_second: f64| {
        let schedule = Schedule {
            days: Days { yearly: vec![(eleventh, eleventh)], ..Days::default() },
            from: Time::constant(hour, 0, 0, 0),
            to: Time::constant(hour, minutes, 0, 0),
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
        };
        Profile {
            amount: Some(Amount::Rate(per_second)),
            trim: Some(Trim { after: Duration::from_mins(2), factor: 1.5 }),
            ..Profile::new(format!("rush-{hour}"), schedule)
        }
    };
    let rushes = vec![rush(0, 20, 20_000.0), rush(1, 5, 8_000.0), rush(2, 5, 8_000.0)];
    let declared = Policy { profiles: rushes, ..policy(&scenario) };
    let course = run(&world, &scenario, &declared, seed);
    let keda = simulate(&world, &scenario.trace, &mut Keda::new(u32::MAX, 7.0), seed);
    assert!(p99(&keda) >= 8.0 * p99(&course), "{} against {}", p99(&course), p99(&keda));
    assert!(course.pod_hours <= 0.35 * keda.pod_hours, "{} against {}", course.pod_hours, keda.pod_hours);
}

#[test]
fn a_seed_gives_the_same_run_again() {
    let scenario = flash(3);
    let world = world(&scenario);
    let runs = [0, 0].map(|_| run(&world, &scenario, &policy(&scenario), 3));
    assert!((runs[0].pod_hours - runs[1].pod_hours).abs() < 1e-12);
    assert_eq!(runs[0].notes, runs[1].notes);
    assert_eq!(runs[0].samples, runs[1].samples);
}

#[test]
fn a_blackout_holds_what_runs() {
    let scenario = flash(1);
    // From before the opening until a minute after it, nothing is reported.
    let world = World { blackout: Some((3_000.0, 3_660.0)), ..world(&scenario) };
    let course = run(&world, &scenario, &policy(&scenario), 1);
    let within = course.samples.iter().filter(|sample| (3_010.0..3_650.0).contains(&sample.second));
    let wanted: Vec<u32> = within.map(|sample| sample.wanted).collect();
    assert!(wanted.len() > 50 && wanted.iter().all(|count| *count == wanted[0] && *count > 0), "{wanted:?}");
}
