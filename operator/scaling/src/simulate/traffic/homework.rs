//! A holiday of homework photos: 1.2 million over the day, and at 20, 21 and 22 o'clock classes that
//! hand in together, about 100,000 photos in half a minute each. Nobody announced the one at 13:24.

use super::{Scenario, Trace, slots};
use crate::simulate::random::Random;

const HOUR: f64 = 3_600.0;
const LENGTH: f64 = 24.0 * HOUR;
const BIN: f64 = 0.25;
const PHOTOS: f64 = 1.2e6;
/// Share of the photos in two humps: hour of the top, standard deviation in hours.
const HUMPED: f64 = 0.7;
const HUMPS: [(f64, f64); 2] = [(11.0, 2.2), (20.0, 2.4)];
const BURST_HOURS: [f64; 3] = [20.0, 21.0, 22.0];
const BURST: f64 = 10_000.0;
/// Seconds since midnight, records a second at its top.
const SURPRISE: (f64, f64) = (13.4 * HOUR, 4_000.0);
const RISE: f64 = 3.0;
const DECAY: f64 = 10.0;

/// A day; a worker has 8 slots of 50 ms.
pub fn homework(seed: u64) -> Scenario {
    let mut random = Random::new(seed, 11);
    let mut bursts = vec![SURPRISE];
    for hour in BURST_HOURS {
        bursts.push((hour * HOUR + random.between(-20.0, 40.0), BURST * random.between(0.8, 1.1)));
    }
    let bins = (LENGTH / BIN) as usize;
    let records = (0..bins).map(|bin| {
        let at = (bin as f64 + 0.5) * BIN;
        let together: f64 = bursts.iter().map(|(from, top)| top * burst(at - from)).sum();
        random.poisson((alone(at) + together) * BIN)
    });
    Scenario {
        trace: Trace { bin: BIN, records: records.collect() },
        start: "2026-07-20T00:00:00+08:00",
        slots: slots(8),
        per_worker: 160.0,
        wait: 2,
        max_replicas: 120,
    }
}

/// Records a second of pupils who hand in when they like.
fn alone(at: f64) -> f64 {
    let hump = |(top, deviation): (f64, f64)| {
        let distance = (at / HOUR - top) / deviation;
        (-0.5 * distance * distance).exp() / (deviation * HOUR * std::f64::consts::TAU.sqrt())
    };
    let humped: f64 = HUMPS.into_iter().map(hump).sum::<f64>() / HUMPS.len() as f64;
    PHOTOS * (HUMPED * humped + (1.0 - HUMPED) / LENGTH)
}

/// The shape of a burst: a rise of three seconds, then a decay.
fn burst(since: f64) -> f64 {
    if since < 0.0 {
        0.0
    } else if since < RISE {
        since / RISE
    } else {
        (-(since - RISE) / DECAY).exp()
    }
}
