//! The clocks of the stories, and waiting for a condition instead of for a time.

use std::time::{Duration, Instant};

/// Pause between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(10);

/// Stories measure real processes, so their clock is the real one.
#[allow(clippy::disallowed_methods)]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock, to compare with times that processes write down.
#[allow(clippy::disallowed_methods)]
pub fn wall_clock() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Looks until `condition` holds.
///
/// # Panics
/// When it does not hold within `limit`; the message is `what`, a sentence of what was awaited,
/// made at that moment so that it can say how far things came.
pub fn until(limit: Duration, what: impl Fn() -> String, mut condition: impl FnMut() -> bool) {
    let start = now();
    while !condition() {
        assert!(start.elapsed() < limit, "waited {:.1} s in vain: {}", limit.as_secs_f64(), what());
        std::thread::sleep(PAUSE);
    }
}

/// The values below which `percent` of `sorted` lie (nearest rank), or zero of nothing.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&hundred, 50), Duration::from_millis(50));
        assert_eq!(percentile(&hundred, 99), Duration::from_millis(99));
        assert_eq!(percentile(&hundred[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    #[should_panic(expected = "in vain: 3 of 4")]
    fn waiting_ends_with_what_was_awaited() {
        until(Duration::from_millis(1), || "3 of 4".into(), || false);
    }
}
