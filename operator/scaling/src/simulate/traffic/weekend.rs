//! A weekend of poster checks: about two million photos from Friday 18:00 to Monday 06:00.
//!
//! Photos come as albums of about forty, trickled over 15 s. Field staff start at 6, 9 and 15
//! o'clock; in the first minutes of each peak somebody uploads a whole folder; nobody announced the
//! one in the evening. Seeds move the peaks by minutes and the amounts by about 15 %.

use std::f64::consts::TAU;

use super::{Scenario, Trace, slots};
use crate::simulate::random::Random;

const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;
/// Seconds in all; a bin is one.
const LENGTH: f64 = 60.0 * HOUR;
const SATURDAY: f64 = 6.0 * HOUR;
/// 100,000 a day, in records a second.
const WEEKDAY: f64 = 1.16;
const WEEKEND_DAY: f64 = 1e6;
/// Share of a day outside its peaks, on a wave that is highest at 14:00.
const WAVE: f64 = 0.45;
const WAVE_TOP: f64 = 14.0 * HOUR;
const WAVE_AMPLITUDE: f64 = 0.8;
/// From, to, share of the day's photos, photos of the folder that is uploaded early in it.
const PEAKS: [(f64, f64, f64, f64); 3] =
    [(6.0, 8.0, 0.20, 8_000.0), (9.0, 10.0, 0.20, 15_000.0), (15.0, 16.0, 0.15, 10_000.0)];
const RAMP: f64 = 300.0;
const FOLDER_SECONDS: usize = 60;
/// Time of day in hours, photos: on Saturday and on Sunday.
const SURPRISE: (f64, f64) = (21.3, 12_000.0);
const ALBUM: f64 = 40.0;
const ALBUM_SECONDS: usize = 15;

/// A weekend; a worker has 4 slots of 4 s.
pub fn weekend(seed: u64) -> Scenario {
    let mut random = Random::new(seed, 10);
    let mut rates = vec![WEEKDAY; LENGTH as usize];
    let mut records = vec![0u32; LENGTH as usize];
    for day in [SATURDAY, SATURDAY + DAY] {
        add_day(day, &mut random, &mut rates, &mut records);
    }
    for (second, rate) in rates.into_iter().enumerate() {
        for _ in 0..random.poisson(rate / ALBUM) {
            for _ in 0..random.geometric(ALBUM) {
                let at = second + random.between(0.0, ALBUM_SECONDS as f64) as usize;
                if let Some(bin) = records.get_mut(at) {
                    *bin += 1;
                }
            }
        }
    }
    Scenario {
        trace: Trace { bin: 1.0, records },
        start: "2026-11-20T18:00:00+08:00",
        slots: slots(4),
        per_worker: 1.0,
        wait: 60,
        max_replicas: 400,
    }
}

/// Adds the rate and the folders of a day that begins at second `day`.
fn add_day(day: f64, random: &mut Random, rates: &mut [f64], records: &mut [u32]) {
    let photos = WEEKEND_DAY * random.between(0.85, 1.15);
    for second in 0..DAY as usize {
        let clock = second as f64;
        let wave = 1.0 + WAVE_AMPLITUDE * (TAU * (clock - WAVE_TOP) / DAY).cos();
        rates[day as usize + second] = photos * WAVE / DAY * wave;
    }
    for (from, to, share, folder) in PEAKS {
        let shift = random.between(-300.0, 300.0);
        let (from, to) = (day + from * HOUR + shift, day + to * HOUR + shift);
        let height = photos * share * random.between(0.85, 1.15) / (to - from);
        let (first, last) = ((from - RAMP / 2.0) as usize, (to + RAMP / 2.0) as usize);
        for (second, rate) in rates.iter_mut().enumerate().take(last).skip(first) {
            let inside = (second as f64 - from).min(to - second as f64);
            *rate += height * (inside / RAMP + 0.5).clamp(0.0, 1.0);
        }
        let at = from + random.between(0.0, 540.0);
        add_folder(at as usize, folder * random.between(0.8, 1.2), random, records);
    }
    add_folder((day + SURPRISE.0 * HOUR) as usize, SURPRISE.1, random, records);
}

fn add_folder(at: usize, photos: f64, random: &mut Random, records: &mut [u32]) {
    for bin in &mut records[at..at + FOLDER_SECONDS] {
        *bin += random.poisson(photos / FOLDER_SECONDS as f64);
    }
}
