//! A holiday of homework, with classes that hand in together.

use std::ops::Range;

use imagejob_scaling::simulate::clairvoyant;
use imagejob_scaling::simulate::traffic::homework;
use imagejob_scaling::{Amount, Days, Profile, Weekdays};

use crate::stage::{Stage, TRIM, gate, greatest, policy, profile, world};

/// Classes that hand in together at 20, 21 and 22 o'clock: 10,000 a second for a minute or so.
fn profiles(spare: u32) -> Vec<Profile> {
    let every = || Days { weekdays: Weekdays::ALL, ..Days::default() };
    let burst = |hour: i8| {
        profile(&format!("at-{hour}"), every(), (hour - 1, 59), (hour, 3), |p| {
            p.amount = Some(Amount::Rate(10_000.0));
            p.trim = TRIM;
        })
    };
    let mut profiles: Vec<Profile> = [20, 21, 22].into_iter().map(burst).collect();
    if spare > 0 {
        profiles.push(profile("ready", every(), (12, 30), (22, 30), |p| p.spare = spare));
    }
    profiles
}

pub(crate) fn gates(seeds: Range<u64>) {
    let (mut cost, mut p99, mut spare) = (Vec::new(), Vec::new(), Vec::new());
    for seed in seeds {
        println!("  seed {seed}");
        let scenario = homework(seed);
        let wait = f64::from(scenario.wait);
        let world = world(&scenario, wait);
        let best = clairvoyant(&world, &scenario.trace).pod_hours;
        let stage = Stage { world: &world, trace: &scenario.trace, seed, best };
        stage.ours("no profiles", &policy(&scenario, wait, vec![]));
        let mine = stage.ours("rates, trimmed", &policy(&scenario, wait, profiles(0)));
        let with_spare = stage.ours("rates and 40 spare", &policy(&scenario, wait, profiles(40)));
        let theirs = stage.keda();
        cost.push(mine.hours / theirs.hours);
        p99.push(mine.p99 / theirs.p99);
        spare.push(with_spare.p99 / theirs.p99);
        println!("  the spare costs {:.2} times what keda costs", with_spare.hours / theirs.hours);
    }
    gate("p99 against keda, worst seed", greatest(&p99), 0.2);
    gate("cost against keda, worst seed", greatest(&cost), 0.4);
    gate("p99 with spares against keda, worst seed", greatest(&spare), 0.1);
}
