//! No profile at all (M12): ten times as much for a minute, and 10,000 a second for ten seconds.

use std::num::NonZeroU32;
use std::ops::Range;

use imagejob_scaling::simulate::clairvoyant;
use imagejob_scaling::simulate::traffic::{Scenario, Trace};

use crate::stage::{Stage, Watched, gate, greatest, policy, world};

const BIN: f64 = 0.25;
/// When the burst begins, seconds.
const BEGINS: f64 = 60.0;

/// So many records a second before and after, and in the burst, which lasts so long.
fn burst(calm: f64, wild: f64, seconds: f64) -> Trace {
    let bins = (600.0 / BIN) as usize;
    let mut owed = 0.0;
    let records = (0..bins).map(|bin| {
        let at = bin as f64 * BIN;
        owed += BIN * if (BEGINS..BEGINS + seconds).contains(&at) { wild } else { calm };
        let whole = f64::floor(owed);
        owed -= whole;
        whole as u32
    });
    Trace { bin: BIN, records: records.collect() }
}

pub(crate) fn gates(seeds: Range<u64>) {
    let (mut late, mut reaction, mut turns) = (Vec::new(), Vec::new(), Vec::new());
    for seed in seeds {
        for (name, trace) in [("tenfold", burst(100.0, 1_000.0, 60.0)), ("10,000/s", burst(1.0, 10_000.0, 10.0))] {
            let scenario = Scenario {
                trace,
                start: "2026-11-20T18:00:00+08:00",
                slots: const { NonZeroU32::new(8).expect("8 is not 0") },
                per_worker: 40.0,
                wait: 60,
                max_replicas: 1_000,
            };
            for wait in [60.0, 30.0, 15.0] {
                let world = world(&scenario, wait);
                let best = clairvoyant(&world, &scenario.trace).pod_hours;
                let stage = Stage { world: &world, trace: &scenario.trace, seed, best };
                let policy = policy(&scenario, wait, vec![]);
                let mut watched = Watched::new(&world, &policy);
                let run = stage.run(&format!("{name}, {wait} s"), &mut watched);
                // Who promises less than two starts cannot keep it without knowing.
                if wait >= 30.0 {
                    late.push(run.late_percent);
                }
                let before = watched.counts.iter().rev().find(|(at, _)| *at <= BEGINS).map_or(0, |(_, count)| *count);
                let rises = watched.counts.iter().find(|(at, count)| *at > BEGINS && *count > before);
                reaction.push(rises.map_or(f64::INFINITY, |(at, _)| at - BEGINS));
                turns.push(watched.turns(BEGINS) as f64);
            }
        }
    }
    gate("30 s and more: late records, per cent", greatest(&late), 0.1);
    gate("seconds from the first record of a burst until more workers are wanted", greatest(&reaction), 2.0);
    // One for each 30 s in which a worker may leave.
    gate("changes of direction in the nine minutes after a burst began", greatest(&turns), 18.0);
}
