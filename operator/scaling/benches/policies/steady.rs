//! Steady traffic at random: the count must not swing.

use std::num::NonZeroU32;
use std::ops::Range;

use imagejob_scaling::simulate::clairvoyant;
use imagejob_scaling::simulate::traffic::{Scenario, Trace};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::stage::{Stage, Watched, gate, greatest, policy, world};

const BIN: f64 = 0.25;
const SECONDS: f64 = 1_800.0;
/// A count may settle for so long, seconds.
const SETTLED: f64 = 120.0;
/// A worker leaves after this long without need, seconds.
const WINDOW: f64 = 30.0;

/// Records that come one by one, independent of each other (Poisson, by exponential gaps).
fn poisson(seed: u64, per_second: f64) -> Trace {
    let mut random = StdRng::seed_from_u64(seed ^ 0x57EA);
    let mut records = vec![0u32; (SECONDS / BIN) as usize];
    let mut at = 0.0f64;
    loop {
        at -= (1.0 - random.random::<f64>()).ln() / per_second;
        let Some(bin) = records.get_mut((at / BIN) as usize) else { break };
        *bin += 1;
    }
    Trace { bin: BIN, records }
}

pub(crate) fn gates(seeds: Range<u64>) {
    let mut turns = Vec::new();
    for seed in seeds {
        for workers in [1.0, 20.0] {
            for load in [0.2, 0.4, 0.6, 0.8, 0.9] {
                let scenario = Scenario {
                    trace: poisson(seed, workers * load * 40.0),
                    start: "2026-11-20T18:00:00+08:00",
                    slots: const { NonZeroU32::new(8).expect("8 is not 0") },
                    per_worker: 40.0,
                    wait: 60,
                    max_replicas: 400,
                };
                for wait in [60.0, 30.0, 15.0, 5.0] {
                    let world = world(&scenario, wait);
                    let best = clairvoyant(&world, &scenario.trace).pod_hours;
                    let stage = Stage { world: &world, trace: &scenario.trace, seed, best };
                    let policy = policy(&scenario, wait, vec![]);
                    let mut watched = Watched::new(&world, &policy);
                    stage.run(&format!("{load} of {workers}, {wait} s"), &mut watched);
                    let windows = (SECONDS - SETTLED) / WINDOW;
                    turns.push(watched.turns(SETTLED) as f64 / windows);
                }
            }
        }
    }
    gate("changes of direction in 30 s, worst load", greatest(&turns), 1.0);
}
