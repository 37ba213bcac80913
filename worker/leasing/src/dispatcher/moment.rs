//! The time, as it is handed in.

use std::time::Duration;

/// One instant on two scales, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the dispatcher started. Never goes back; deadlines use it.
    pub uptime: Duration,
    /// Unix milliseconds. May jump; only for comparison with record timestamps and for reports.
    pub unix_ms: i64,
}
