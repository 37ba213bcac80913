//! A night of sales.

use std::ops::Range;

use imagejob_scaling::simulate::clairvoyant;
use imagejob_scaling::simulate::traffic::flash;
use imagejob_scaling::{Amount, Days, MonthDay, Profile};

use crate::stage::{Stage, TRIM, gate, greatest, policy, profile, world};

/// The sale: 20,000 a second from midnight for twenty minutes, smaller ones at 01:00 and 02:00.
fn profiles() -> Vec<Profile> {
    let day = MonthDay { month: 11, day: 11 };
    let days = || Days { yearly: vec![(day, day)], ..Days::default() };
    let sale = |name: &str, hour: i8, minutes: i8, rate| {
        profile(name, days(), (hour, 0), (hour, minutes), |p| {
            p.amount = Some(Amount::Rate(rate));
            p.trim = TRIM;
        })
    };
    vec![sale("opening", 0, 20, 20_000.0), sale("second", 1, 5, 8_000.0), sale("third", 2, 5, 8_000.0)]
}

pub(crate) fn gates(seeds: Range<u64>) {
    let (mut p99, mut against, mut cost) = (Vec::new(), Vec::new(), Vec::new());
    let (mut tuned_cost, mut tuned_p99) = (Vec::new(), Vec::new());
    for seed in seeds {
        println!("  seed {seed}");
        let scenario = flash(seed);
        let wait = f64::from(scenario.wait);
        let world = world(&scenario, wait);
        let best = clairvoyant(&world, &scenario.trace).pod_hours;
        let stage = Stage { world: &world, trace: &scenario.trace, seed, best };
        stage.ours("no profiles", &policy(&scenario, wait, vec![]));
        let declared = policy(&scenario, wait, profiles());
        let mine = stage.ours("rates, trimmed", &declared);
        let theirs = stage.keda();
        let cron = stage.keda_cron(&declared);
        p99.push(mine.p99);
        against.push(mine.p99 / theirs.p99);
        cost.push(mine.hours / theirs.hours);
        tuned_cost.push(mine.hours / cron.hours);
        tuned_p99.push(mine.p99 - cron.p99);
    }
    gate("p99 in seconds, worst seed", greatest(&p99), 1.0);
    gate("p99 against keda, worst seed", greatest(&against), 0.125);
    gate("cost against keda, worst seed", greatest(&cost), 0.35);
    gate("cost against keda-cron, worst seed", greatest(&tuned_cost), 0.75);
    gate("p99 less that of keda-cron, worst seed", greatest(&tuned_p99), 0.0);
}
