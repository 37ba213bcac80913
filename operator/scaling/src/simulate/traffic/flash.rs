//! A sale that opens at midnight: from 200 records a second to 20,000 within two seconds. Smaller
//! ones follow at 01:00 and 02:00; nobody announced the one at 01:27.

use super::{Scenario, Trace, slots};
use crate::simulate::random::Random;

const HOUR: f64 = 3_600.0;
/// From 23:00.
const LENGTH: f64 = 4.0 * HOUR;
const MIDNIGHT: f64 = HOUR;
const BIN: f64 = 0.5;
const BASE: f64 = 200.0;
/// People who look in before the opening: records a second at midnight, time constant.
const ANTICIPATION: (f64, f64) = (600.0, 900.0);
const RISE: f64 = 2.0;
/// Seconds at which records begin to rise, records a second, seconds at the top, decay.
const RUSHES: [(f64, f64, f64, f64); 5] = [
    (MIDNIGHT, 17_000.0, 60.0, 300.0),
    (MIDNIGHT, 3_000.0, 0.0, 5_400.0),
    (MIDNIGHT + HOUR, 5_000.0, 0.0, 120.0),
    (MIDNIGHT + 1.45 * HOUR, 8_000.0, 0.0, 60.0),
    (MIDNIGHT + 2.0 * HOUR, 5_000.0, 0.0, 120.0),
];

/// A night of sales; a worker has 8 slots of 200 ms.
pub fn flash(seed: u64) -> Scenario {
    let mut random = Random::new(seed, 12);
    let gain = random.between(0.95, 1.05);
    let bins = (LENGTH / BIN) as usize;
    let records = (0..bins).map(|bin| {
        let at = (bin as f64 + 0.5) * BIN;
        let early = if at < MIDNIGHT { ANTICIPATION.0 * ((at - MIDNIGHT) / ANTICIPATION.1).exp() } else { 0.0 };
        let rushes: f64 = RUSHES.into_iter().map(|rush| gain * rate(rush, at)).sum();
        random.poisson((BASE + early + rushes) * BIN)
    });
    Scenario {
        trace: Trace { bin: BIN, records: records.collect() },
        start: "2026-11-10T23:00:00+08:00",
        slots: slots(8),
        per_worker: 40.0,
        wait: 5,
        max_replicas: 700,
    }
}

fn rate((from, top, hold, decay): (f64, f64, f64, f64), at: f64) -> f64 {
    let since = at - from;
    if since < 0.0 {
        0.0
    } else if since < RISE {
        top * since / RISE
    } else {
        top * (-(since - RISE - hold).max(0.0) / decay).exp()
    }
}
