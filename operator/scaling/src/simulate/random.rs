//! Draws from distributions that traffic and start times need, from a seeded generator.

use std::f64::consts::TAU;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A repeatable source of draws.
#[derive(Debug, Clone)]
pub(super) struct Random(StdRng);

impl Random {
    /// Streams of one seed do not depend on each other: more draws from one change no other.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self(StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ stream))
    }

    /// Uniform in `[from, to)`, or `from` if that is empty.
    pub(super) fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from).max(0.0) * self.0.random::<f64>()
    }

    /// Normal with mean 0 and standard deviation 1.
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.0.random::<f64>()).ln()).sqrt();
        radius * (TAU * self.0.random::<f64>()).cos()
    }

    /// How many independent events happen where `mean` are expected.
    pub(super) fn poisson(&mut self, mean: f64) -> u32 {
        if mean > 30.0 {
            // Indistinguishable from normal at this size.
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u32;
        }
        let (mut events, mut product) = (0, self.0.random::<f64>());
        let least = (-mean).exp();
        while product > least {
            events += 1;
            product *= self.0.random::<f64>();
        }
        events
    }

    /// At least 1, with this mean, every next one as likely as the one before.
    pub(super) fn geometric(&mut self, mean: f64) -> u32 {
        let draw = 1.0 - self.0.random::<f64>();
        1 + (draw.ln() / (1.0 - 1.0 / mean).ln()) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_means_and_variances_of_their_names() {
        let mut random = Random::new(1, 0);
        let mut moments = |mut draw: Box<dyn FnMut(&mut Random) -> f64>| {
            let draws: Vec<f64> = (0..40_000).map(|_| draw(&mut random)).collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            (mean, variance)
        };
        for mean in [0.1, 3.0, 29.0, 31.0, 500.0] {
            let (sampled, variance) = moments(Box::new(move |random| f64::from(random.poisson(mean))));
            assert!((sampled / mean - 1.0).abs() < 0.06 && (variance / mean - 1.0).abs() < 0.06, "Poisson {mean}");
        }
        let (sampled, variance) = moments(Box::new(|random| f64::from(random.geometric(40.0))));
        assert!((sampled / 40.0 - 1.0).abs() < 0.03 && (variance / (40.0 * 39.0) - 1.0).abs() < 0.06);
    }
}
