//! The one place where a worker reads clocks.

use std::time::Instant;

/// Monotonic, for durations.
#[expect(clippy::disallowed_methods, reason = "the seam that everything else uses")]
pub fn now() -> Instant {
    Instant::now()
}

/// Wall clock, for people and events.
#[expect(clippy::disallowed_methods, reason = "the seam that everything else uses")]
pub fn timestamp() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
