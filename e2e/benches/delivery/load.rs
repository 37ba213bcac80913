//! How much work records are, and when they come.

use std::time::{Duration, Instant};

use imagejob_e2e::wait;
use imagejob_e2e::workshop::record;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand_distr::{Distribution as _, Exp, LogNormal};

/// Standard deviation of a record's work, as a share of its mean.
const VARIATION: f64 = 0.5;

/// How long a record usually takes. Load, handlers and broker run on the same cores as what is measured, so on two
/// of them there is less of it: 50 ms would measure how these share the processor.
pub(crate) fn usual_work() -> anyhow::Result<Duration> {
    let many = std::thread::available_parallelism()?.get() >= 4;
    Ok(Duration::from_millis(if many { 50 } else { 200 }))
}

/// Chance that is the same in each run.
pub(crate) fn chance() -> StdRng {
    StdRng::seed_from_u64(2026)
}

/// A backlog of log-normal work with this mean: how long each record takes.
pub(crate) fn log_normal(count: usize, mean: Duration) -> anyhow::Result<Vec<Duration>> {
    let work = LogNormal::from_mean_cv(mean.as_secs_f64(), VARIATION)?;
    let mut chance = chance();
    Ok((0..count).map(|_| Duration::from_secs_f64(work.sample(&mut chance))).collect())
}

/// The records of such work.
pub(crate) fn records(work: &[Duration]) -> Vec<String> {
    work.iter().enumerate().map(|(number, &takes)| record(number, takes)).collect()
}

/// Hands on each item when it is due: at random moments, so many a second in the long run.
pub(crate) fn poisson<T>(per_second: f64, items: impl Iterator<Item = T>) -> anyhow::Result<impl Iterator<Item = T>> {
    let pause = Exp::new(per_second)?;
    let (mut chance, mut due): (_, Instant) = (chance(), wait::now());
    Ok(items.inspect(move |_| {
        due += Duration::from_secs_f64(pause.sample(&mut chance));
        // Not a wait for a condition: this is the clock of the load.
        std::thread::sleep(due.saturating_duration_since(wait::now()));
    }))
}
