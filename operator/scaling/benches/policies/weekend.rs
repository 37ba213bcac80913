//! Two million posters of a weekend.

use std::ops::Range;
use std::time::Duration;

use imagejob_scaling::simulate::traffic::{Scenario, weekend};
use imagejob_scaling::simulate::{World, clairvoyant, taught};
use imagejob_scaling::{Amount, Learning, Memory, Mode, Peak, Policy, Profile, Trim, Volume};
use jiff::civil::{Time, Weekday};
use jiff::{SignedDuration, Timestamp};

use crate::stage::{Stage, TRIM, gate, greatest, mean, policy, profile, world, zone};

/// The posters of a weekend: two million, with the peaks that people know.
fn profiles(wait: Option<u64>) -> Vec<Profile> {
    declaring(2_000_000, wait)
}

fn declaring(records: u64, wait: Option<u64>) -> Vec<Profile> {
    let days = [Weekday::Saturday, Weekday::Sunday].into_iter().collect();
    let peak = |from, to| Peak { from: Time::constant(from, 0, 0, 0), to: Time::constant(to, 0, 0, 0), weight: 6.0 };
    let volume = Volume { records, peaks: vec![peak(6, 8), peak(9, 10), peak(15, 16)], within: None };
    vec![profile("weekend", days, (0, 0), (0, 0), |p| {
        p.amount = Some(Amount::Volume(volume));
        p.trim = TRIM;
        p.wait = wait.map(Duration::from_secs);
    })]
}

/// What the gates are about, a value for each seed.
#[derive(Default)]
struct Found {
    bare: Vec<f64>,
    declared: Vec<f64>,
    late: Vec<f64>,
    /// Promises at which KEDA is quicker and cheaper.
    beaten: f64,
    /// The best p99 against KEDA's at 0.8 of its cost.
    threefold: Vec<f64>,
    tuned_cost: Vec<f64>,
    tuned_p99: Vec<f64>,
    posters: Vec<f64>,
    robust: Vec<f64>,
    blackout: Vec<f64>,
}

/// What eight other weekends teach, which end a week before this one.
fn eight_weeks(scenario: &Scenario, policy: &Policy, seed: u64) -> Memory {
    let start: Timestamp = scenario.start.parse().expect("a time");
    (1..=8).rev().fold(Memory::default(), |memory, weeks_before| {
        let before = start - SignedDuration::from_hours(7 * 24 * weeks_before);
        let other = weekend(10_000 * (seed + 1) + weeks_before.unsigned_abs());
        taught(memory, policy, &other.trace, before)
    })
}

pub(crate) fn gates(seeds: Range<u64>) {
    let mut found = Found::default();
    for seed in seeds {
        println!("  seed {seed}");
        let scenario = weekend(seed);
        let at60 = world(&scenario, 60.0);
        let best = clairvoyant(&at60, &scenario.trace).pod_hours;
        let stage = Stage { world: &at60, trace: &scenario.trace, seed, best };
        found.by_the_minute(&scenario, stage);
        found.dominance(&scenario, stage);
        found.tuned_rival(&scenario, stage);
        found.posters(&scenario, stage);
        found.robustness(&scenario, stage);
    }
    gate("late records, per cent", greatest(&found.late), 0.1);
    gate("cost without profiles, worst seed", greatest(&found.bare), 1.15);
    gate("cost with a trimmed volume, mean", mean(&found.declared), 1.25);
    gate("cost with a trimmed volume, worst seed", greatest(&found.declared), 1.32);
    gate("promises of 10 to 60 s at which keda is quicker and cheaper", found.beaten, 0.0);
    gate("best p99 against keda at 0.8 of its cost, worst seed", greatest(&found.threefold), 1.0 / 3.0);
    gate("30 s: cost against keda-cron, worst seed", greatest(&found.tuned_cost), 0.75);
    gate("30 s: p99 less that of keda-cron, worst seed", greatest(&found.tuned_p99), 0.0);
    gate("posters: p95 in seconds, worst seed", greatest(&found.posters), 5.0);
    gate("wrong prior or volume: late, per cent", greatest(&found.robust), 0.1);
    gate("blackout of ten minutes, learned: late, per cent", greatest(&found.blackout), 0.1);
}

impl Found {
    fn by_the_minute(&mut self, scenario: &Scenario, stage: Stage<'_>) {
        let run = stage.ours("no profiles", &policy(scenario, 60.0, vec![]));
        self.bare.push(run.hours / stage.best);
        self.late.push(run.late_percent);
        let run = stage.ours("volume, trimmed", &policy(scenario, 60.0, profiles(None)));
        self.declared.push(run.hours / stage.best);
        self.late.push(run.late_percent);
        let mut tighter = profiles(None);
        tighter[0].trim = Some(Trim { after: Duration::from_mins(2), factor: 1.2 });
        stage.ours("volume, trimmed to 120 %", &policy(scenario, 60.0, tighter));
    }

    fn dominance(&mut self, scenario: &Scenario, stage: Stage<'_>) {
        let keda = stage.keda();
        let mut quickest = f64::INFINITY;
        for wait in [10.0, 20.0, 30.0, 60.0] {
            let at = world(scenario, wait);
            let mine = Stage { world: &at, ..stage };
            let mine = mine.ours(&format!("{wait} s, no profiles"), &policy(scenario, wait, vec![]));
            self.beaten += f64::from(u8::from(keda.p99 <= mine.p99 && keda.hours <= mine.hours));
            if mine.hours <= 0.8 * keda.hours {
                quickest = quickest.min(mine.p99 / keda.p99);
            }
        }
        self.threefold.push(quickest);
    }

    /// Against a rival that knows the peaks, with a promise of 30 s.
    fn tuned_rival(&mut self, scenario: &Scenario, stage: Stage<'_>) {
        let at30 = world(scenario, 30.0);
        let stage = Stage { world: &at30, ..stage };
        let prompt = policy(scenario, 30.0, profiles(None));
        let mine = stage.ours("30 s, volume, trimmed", &prompt);
        let theirs = stage.keda_cron(&prompt);
        self.tuned_cost.push(mine.hours / theirs.hours);
        self.tuned_p99.push(mine.p99 - theirs.p99);
    }

    /// Five seconds while the weekend lasts.
    fn posters(&mut self, scenario: &Scenario, stage: Stage<'_>) {
        let at5 = world(scenario, 5.0);
        let run = Stage { world: &at5, ..stage }.ours("5 s in the profile", &policy(scenario, 60.0, profiles(Some(5))));
        self.posters.push(run.p95);
    }

    fn robustness(&mut self, scenario: &Scenario, stage: Stage<'_>) {
        let plain = policy(scenario, 60.0, vec![]);
        let declared = policy(scenario, 60.0, profiles(None));
        for factor in [0.1, 5.0] {
            let taught = Memory::expecting(Duration::from_secs_f64(4.0 / factor));
            self.robust.push(stage.taught(&format!("prior x{factor}"), &plain, taught).late_percent);
        }
        for (declares, records) in [("twice", 4_000_000), ("half", 1_000_000)] {
            let wrong = policy(scenario, 60.0, declaring(records, None));
            self.robust.push(stage.ours(&format!("declares {declares}"), &wrong).late_percent);
        }
        // The maximum grows along: at 400 workers not even who has them all from the start keeps the promise for
        // twice the weekend with more than some seconds to spare.
        for (factor, max_replicas) in [(0.5, 400), (2.0, 800)] {
            let other = scenario.trace.scaled(factor);
            let wide = World { max_replicas, ..stage.world.clone() };
            let best = clairvoyant(&wide, &other).pod_hours;
            let wider = Policy { max_replicas, ..declared.clone() };
            let run = Stage { trace: &other, best, world: &wide, ..stage };
            self.robust.push(run.ours(&format!("volume x{factor}"), &wider).late_percent);
            if factor > 1.0 {
                Stage { world: stage.world, ..run }.ours("volume x2, 400 at most", &declared);
            }
        }
        // Ten minutes without any report, from Saturday 09:00. Only who knows the peaks by heart keeps a
        // promise then.
        let nine = 15.0 * 3_600.0;
        let dark = World { blackout: Some((nine, nine + 600.0)), ..stage.world.clone() };
        let dark = Stage { world: &dark, ..stage };
        dark.ours("blackout, no profiles", &plain);
        dark.ours("blackout, volume", &declared);
        dark.keda();
        let learning = Learning { mode: Mode::Active, zone: zone(), ..Learning::default() };
        let active = Policy { learning, ..plain };
        let memory = eight_weeks(scenario, &active, stage.seed);
        stage.taught("learned", &active, memory.clone());
        self.blackout.push(dark.taught("blackout, learned", &active, memory).late_percent);
    }
}
