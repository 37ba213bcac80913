//! Traffic that no workload was modelled after: a step, a sawtooth, and a rate that wanders with
//! batches of any size. Nothing is declared; the promise is a minute.

use std::f64::consts::TAU;
use std::num::NonZeroU32;
use std::ops::Range;

use imagejob_scaling::simulate::clairvoyant;
use imagejob_scaling::simulate::traffic::{Scenario, Trace};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::stage::{Stage, gate, greatest, policy, world};

const HOUR: usize = 3_600;

/// Ten a second, then 400 for half an hour, then ten again.
fn step(at: usize) -> f64 {
    if (HOUR..HOUR + HOUR / 2).contains(&at) { 400.0 } else { 10.0 }
}

/// From nothing to 300 a second within twenty minutes, and at once to nothing, again and again.
fn sawtooth(at: usize) -> f64 {
    (at % 1_200) as f64 / 1_200.0 * 300.0
}

/// Evenly at this rate, to the record.
fn even(seconds: usize, rate: impl Fn(usize) -> f64) -> Trace {
    let mut owed = 0.0;
    let records = (0..seconds).map(|at| {
        owed += rate(at);
        let whole = f64::floor(owed);
        owed -= whole;
        whole as u32
    });
    Trace { bin: 1.0, records: records.collect() }
}

/// Six hours around 60 a second: a wave of two hours, a rate that wanders by half within minutes, and
/// about every minute a batch, most of some dozens, few of thousands (Pareto, exponent 1.2).
fn wandering(seed: u64) -> Trace {
    let mut random = StdRng::seed_from_u64(seed ^ 0x5AFE);
    let mut drift = 0.0f64;
    let mut records = vec![0u32; 6 * HOUR];
    for at in 0..records.len() {
        drift = drift * (1.0 - 1.0 / 120.0) + (random.random::<f64>() - 0.5) * 0.18;
        let wave = 1.0 + 0.5 * (TAU * at as f64 / 7_200.0).sin();
        let rate = 60.0 * wave * drift.exp();
        records[at] += (rate * (0.5 + random.random::<f64>())).round() as u32;
        if random.random::<f64>() < 1.0 / 60.0 {
            let batch = (40.0 * (1.0 - random.random::<f64>()).powf(-1.0 / 1.2)).min(6_000.0);
            for second in records.iter_mut().skip(at).take(5) {
                *second += (batch / 5.0) as u32;
            }
        }
    }
    Trace { bin: 1.0, records }
}

pub(crate) fn gates(seeds: Range<u64>) {
    let (mut late, mut cost, mut beaten) = (Vec::new(), Vec::new(), 0.0);
    for seed in seeds {
        println!("  seed {seed}");
        let traces =
            [("step", even(2 * HOUR, step)), ("sawtooth", even(2 * HOUR, sawtooth)), ("wandering", wandering(seed))];
        for (name, trace) in traces {
            let scenario = Scenario {
                trace,
                start: "2026-11-20T18:00:00+08:00",
                slots: const { NonZeroU32::new(4).expect("4 is not 0") },
                per_worker: 2.0,
                wait: 60,
                max_replicas: 2_000,
            };
            for wait in [60.0, 20.0] {
                let world = world(&scenario, wait);
                let best = clairvoyant(&world, &scenario.trace).pod_hours;
                let stage = Stage { world: &world, trace: &scenario.trace, seed, best };
                let mine = stage.ours(&format!("{name}, {wait} s"), &policy(&scenario, wait, vec![]));
                let keda = stage.keda();
                beaten += f64::from(u8::from(keda.p99 <= mine.p99 && keda.hours <= mine.hours));
                late.push(mine.late_percent);
                if wait >= 60.0 {
                    cost.push(mine.hours / best);
                }
            }
        }
    }
    gate("late records, per cent, worst trace", greatest(&late), 0.1);
    gate("60 s: cost, worst trace", greatest(&cost), 1.15);
    gate("traces on which keda is quicker and cheaper", beaten, 0.0);
}
