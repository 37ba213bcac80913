//! When records arrive: a shape is an intensity over time, arrivals are drawn from it.
//!
//! Pure: instants are durations since the start, randomness is the caller's generator.

use std::time::Duration;

use rand::Rng;

use super::weekend;

/// How arrivals are spread over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shape {
    /// The same rate throughout.
    Steady,
    /// Up within a tenth of the time, full until half, down to nothing at the end; the top is 1.43 times the mean.
    Burst,
    /// A weekend of poster photos, Friday 18:00 to Monday 06:00: three peaks a day, mass uploads, one surprise.
    Weekend,
}

impl Shape {
    /// The name on the command line and in summaries.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Burst => "burst",
            Self::Weekend => "weekend",
        }
    }

    /// The intensity, in any unit of time and of amount: [`arrivals`] scales both.
    pub(crate) fn intensity(self, rng: &mut impl Rng) -> Intensity {
        match self {
            Self::Steady => Intensity::new([(0.0, 1.0), (1.0, 1.0)]),
            // Area 0.05 + 0.4 + 0.25 = 0.7, so the top is 1 / 0.7 = 1.43 times the mean.
            Self::Burst => Intensity::new([(0.0, 0.0), (0.1, 1.0), (0.5, 1.0), (1.0, 0.0)]),
            Self::Weekend => Intensity::new(weekend::rates(rng)),
        }
    }
}

/// Arrivals per unit of time, as straight lines between knots.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Intensity {
    knots: Vec<Knot>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Knot {
    at: f64,
    rate: f64,
    /// Amount that arrives before this knot.
    before: f64,
}

impl Intensity {
    /// From `(time, rate)`, times ascending from 0, rates not negative.
    pub(crate) fn new(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut knots: Vec<Knot> = Vec::new();
        for (at, rate) in points {
            let before = knots.last().map_or(0.0, |last| last.before + (at - last.at) * f64::midpoint(last.rate, rate));
            knots.push(Knot { at, rate, before });
        }
        Self { knots }
    }

    /// Length of the shape, in its own unit of time.
    pub(crate) fn length(&self) -> f64 {
        self.knots.last().map_or(0.0, |last| last.at)
    }

    /// Amount that arrives in the whole shape.
    pub(crate) fn amount(&self) -> f64 {
        self.knots.last().map_or(0.0, |last| last.before)
    }

    /// The time by which `amount` has arrived.
    ///
    /// Between knots the rate is r + k x, so the amount a = r x + k x^2 / 2; solved for x as
    /// 2 a / (r + sqrt(r^2 + 2 k a)), which stays exact where k or r is 0.
    pub(crate) fn time_of(&self, amount: f64) -> f64 {
        let next = self.knots.partition_point(|knot| knot.before <= amount);
        let (Some(knot), Some(end)) = (next.checked_sub(1).map(|i| self.knots[i]), self.knots.get(next)) else {
            return self.length();
        };
        let slope = (end.rate - knot.rate) / (end.at - knot.at);
        let amount = amount - knot.before;
        let root = (knot.rate * knot.rate + 2.0 * slope * amount).max(0.0).sqrt();
        let denominator = knot.rate + root;
        if denominator > 0.0 { (knot.at + 2.0 * amount / denominator).min(end.at) } else { knot.at }
    }
}

/// Exactly `records` instants in ascending order within `length`, scattered as independent senders
/// scatter them.
///
/// A Poisson process with a given count is that many uniform draws, sorted; the sorted draws come
/// one by one without a list, as the next of n remaining in (u, 1) is 1 - (1 - u) v^(1/n).
pub(crate) fn arrivals<R: Rng>(
    intensity: Intensity,
    length: Duration,
    records: u64,
    mut rng: R,
) -> impl Iterator<Item = Duration> {
    let scale = length.as_secs_f64() / intensity.length();
    let mut above = 1.0;
    (1..=records).rev().map(move |remaining| {
        let draw: f64 = rng.random();
        above *= (1.0 - draw).powf(1.0 / remaining as f64);
        length.min(Duration::from_secs_f64(intensity.time_of((1.0 - above) * intensity.amount()) * scale))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    const SHAPES: [Shape; 3] = [Shape::Steady, Shape::Burst, Shape::Weekend];

    fn planned(shape: Shape, seconds: f64, records: u64, seed: u64) -> Vec<Duration> {
        let mut rng = StdRng::seed_from_u64(seed);
        let intensity = shape.intensity(&mut rng);
        arrivals(intensity, Duration::from_secs_f64(seconds), records, rng).collect()
    }

    fn share_within(instants: &[Duration], from: f64, to: f64) -> f64 {
        let within = instants.iter().filter(|at| (from..to).contains(&at.as_secs_f64())).count();
        within as f64 / instants.len() as f64
    }

    #[test]
    fn time_of_undoes_the_area_under_the_lines() {
        let triangle = Intensity::new([(0.0, 0.0), (2.0, 4.0), (4.0, 0.0)]);
        assert!((triangle.amount() - 8.0).abs() < 1e-12);
        for (amount, time) in [(0.0, 0.0), (1.0, 1.0), (4.0, 2.0), (7.0, 3.0), (8.0, 4.0), (9.0, 4.0)] {
            assert!((triangle.time_of(amount) - time).abs() < 1e-9, "{amount} by {}", triangle.time_of(amount));
        }
    }

    #[test]
    fn a_quiet_stretch_gets_nothing() {
        let gap =
            Intensity::new([(0.0, 1.0), (1.0, 1.0), (1.0 + 1e-9, 0.0), (3.0, 0.0), (3.0 + 1e-9, 1.0), (4.0, 1.0)]);
        let instants: Vec<_> = arrivals(gap, Duration::from_secs(4), 2_000, StdRng::seed_from_u64(1)).collect();
        assert!((share_within(&instants, 0.0, 1.01) - 0.5).abs() < 0.05);
        assert!(share_within(&instants, 1.01, 2.99).abs() < 1e-12);
    }

    #[test]
    fn steady_is_steady_and_a_burst_has_its_top_early() {
        let steady = planned(Shape::Steady, 10.0, 10_000, 1);
        for second in 0..10 {
            let share = share_within(&steady, f64::from(second), f64::from(second + 1));
            assert!((share - 0.1).abs() < 0.02, "second {second}: {share}");
        }
        let burst = planned(Shape::Burst, 10.0, 10_000, 1);
        for (from, to, expected) in [(0.0, 1.0, 0.05 / 0.7), (1.0, 5.0, 0.4 / 0.7), (5.0, 10.0, 0.25 / 0.7)] {
            let share = share_within(&burst, from, to);
            assert!((share - expected).abs() < 0.03, "{from}..{to}: {share}");
        }
    }

    #[test]
    fn a_compressed_weekend_keeps_its_peaks() {
        // 60 hours in 60 seconds: a second is an hour, and Saturday 06:00 is second 12.
        let weekend = planned(Shape::Weekend, 60.0, 50_000, 3);
        let hourly = |hour: f64| share_within(&weekend, hour, hour + 1.0);
        let night = hourly(12.0 - 4.0);
        for peak in [12.5, 15.0, 21.0, 36.5, 39.0, 45.0] {
            assert!(hourly(peak) > 5.0 * night, "hour {peak}: {} against {night} at night", hourly(peak));
        }
        assert!(hourly(1.0) < 0.005, "Friday evening is quiet");
    }

    proptest! {
        #[test]
        fn a_seed_gives_the_asked_number_in_order_and_gives_it_again(
            shape in proptest::sample::select(&SHAPES[..]),
            seconds in 0.01..1e6,
            records in 0_u64..500,
            seed: u64,
        ) {
            let instants = planned(shape, seconds, records, seed);
            prop_assert_eq!(instants.len() as u64, records);
            prop_assert!(instants.is_sorted());
            prop_assert!(instants.iter().all(|at| at.as_secs_f64() <= seconds));
            prop_assert_eq!(instants, planned(shape, seconds, records, seed));
        }
    }
}
