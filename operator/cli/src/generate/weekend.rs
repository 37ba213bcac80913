//! The rate of photos over a weekend of poster checks, in records per second of real time.
//!
//! About two million photos from Friday 18:00 to Monday 06:00. Field staff start at 6, 7 and 8,
//! and again at 9 and 15 o'clock; some upload whole folders at once. Seeds move the peaks by
//! minutes and the amounts by about 15 %, as weekends do.

use std::f64::consts::TAU;

use rand::Rng;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;
/// Friday 18:00 to Monday 06:00, in seconds.
pub(super) const LENGTH: f64 = 60.0 * HOUR;
/// From the start, Friday 18:00, in seconds.
const SATURDAY: f64 = 6.0 * HOUR;
const MONDAY: f64 = SATURDAY + 2.0 * DAY;

/// 100,000 a day.
const WEEKDAY_RATE: f64 = 1.16;
const WEEKEND_DAY_RECORDS: f64 = 1_000_000.0;
/// Share of a day's photos that comes outside the peaks, on a wave that is highest at 14:00.
const WAVE_SHARE: f64 = 0.45;
const WAVE_TOP: f64 = 14.0 * HOUR;
const WAVE_AMPLITUDE: f64 = 0.8;
/// `(from, to, share of the day's photos, photos uploaded at once within the first ten minutes)`
const PEAKS: [(f64, f64, f64, f64); 3] = [
    (6.0 * HOUR, 8.0 * HOUR, 0.20, 8_000.0),
    (9.0 * HOUR, 10.0 * HOUR, 0.20, 15_000.0),
    (15.0 * HOUR, 16.0 * HOUR, 0.15, 10_000.0),
];
/// What nobody announced: `(time of day, photos)`.
const SURPRISE: (f64, f64) = (21.3 * HOUR, 12_000.0);

/// A rise, a plateau and a fall; `records` in all, whatever the ramp.
#[derive(Debug, Clone, Copy)]
struct Hump {
    from: f64,
    to: f64,
    /// Seconds of rise and of fall, each centred on its edge, so that the area does not change.
    ramp: f64,
    records: f64,
}

impl Hump {
    fn corners(self) -> [f64; 4] {
        let half = self.ramp / 2.0;
        [self.from - half, self.from + half, self.to - half, self.to + half]
    }

    fn rate(self, at: f64) -> f64 {
        let [start, .., end] = self.corners();
        let height = self.records / (self.to - self.from);
        height * ((at - start) / self.ramp).min((end - at) / self.ramp).clamp(0.0, 1.0)
    }
}

/// `(seconds since Friday 18:00, records per second)` in ascending order.
pub(super) fn rates(rng: &mut impl Rng) -> Vec<(f64, f64)> {
    let days: Vec<Day> = [SATURDAY, SATURDAY + DAY].into_iter().map(|start| Day::draw(start, rng)).collect();
    // Every ten minutes for the wave, and every corner of a hump.
    let mut times: Vec<f64> = (0..=360).map(|step| f64::from(step) * 10.0 * MINUTE).collect();
    times.extend(days.iter().flat_map(|day| &day.humps).flat_map(|hump| hump.corners()));
    times.retain(|at| (0.0..=LENGTH).contains(at));
    times.sort_by(f64::total_cmp);
    times.dedup();
    times.into_iter().map(|at| (at, rate(&days, at))).collect()
}

fn rate(days: &[Day], at: f64) -> f64 {
    let weekend = (SATURDAY..MONDAY).contains(&at);
    let base = if weekend { days.iter().map(|day| day.wave(at)).sum() } else { WEEKDAY_RATE };
    base + days.iter().flat_map(|day| &day.humps).map(|hump| hump.rate(at)).sum::<f64>()
}

/// Saturday or Sunday.
struct Day {
    /// Midnight, in seconds since Friday 18:00.
    start: f64,
    records: f64,
    humps: Vec<Hump>,
}

impl Day {
    fn draw(start: f64, rng: &mut impl Rng) -> Self {
        let records = WEEKEND_DAY_RECORDS * rng.random_range(0.85..1.15);
        let mut humps = Vec::new();
        for (from, to, share, at_once) in PEAKS {
            let shift = rng.random_range(-300.0..300.0);
            let amount = records * share * rng.random_range(0.85..1.15);
            let (from, to) = (start + from + shift, start + to + shift);
            humps.push(Hump { from, to, ramp: 5.0 * MINUTE, records: amount });
            let upload = from + rng.random_range(0.0..9.0) * MINUTE;
            humps.push(upload_at(upload, at_once * rng.random_range(0.8..1.2)));
        }
        humps.push(upload_at(start + SURPRISE.0, SURPRISE.1));
        Self { start, records, humps }
    }

    fn wave(&self, at: f64) -> f64 {
        let clock = at - self.start;
        if !(0.0..DAY).contains(&clock) {
            return 0.0;
        }
        let mean = WAVE_SHARE * self.records / DAY;
        mean * (1.0 + WAVE_AMPLITUDE * (TAU * (clock - WAVE_TOP) / DAY).cos())
    }
}

/// Folders uploaded at once: a minute long.
fn upload_at(from: f64, records: f64) -> Hump {
    Hump { from, to: from + MINUTE, ramp: 1.0, records }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::super::shape::Intensity;
    use super::*;

    #[test]
    fn a_weekend_is_sixty_hours_of_about_two_million_photos() {
        for seed in 0..20 {
            let rates = rates(&mut StdRng::seed_from_u64(seed));
            assert!(rates.is_sorted_by(|a, b| a.0 < b.0) && rates.iter().all(|&(_, rate)| rate > 0.0), "seed {seed}");
            let intensity = Intensity::new(rates);
            assert!((intensity.length() - LENGTH).abs() < 1e-9, "seed {seed}");
            assert!((1.7e6..2.5e6).contains(&intensity.amount()), "seed {seed}: {}", intensity.amount());
        }
    }

    #[test]
    fn the_surprise_is_the_steepest_minute_of_the_evening() {
        let rates = rates(&mut StdRng::seed_from_u64(1));
        let evening = SATURDAY + 18.0 * HOUR..SATURDAY + DAY;
        let top = rates.iter().filter(|(at, _)| evening.contains(at)).max_by(|a, b| a.1.total_cmp(&b.1));
        // 12,000 in 60 s is 200 a second, on a wave of some 5.
        let (at, rate) = top.copied().unwrap_or_default();
        assert!((at - SATURDAY - SURPRISE.0).abs() <= MINUTE + 1.0 && (200.0..210.0).contains(&rate), "{at} {rate}");
    }
}
