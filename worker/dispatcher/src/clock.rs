//! The only place of this crate that reads a clock. Everything else is handed a [`Moment`].

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One instant on two scales, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Since the dispatcher started. Never goes back; deadlines use it.
    pub(crate) uptime: Duration,
    /// Unix milliseconds. May jump; only for comparison with record timestamps and for reports.
    pub(crate) unix_ms: i64,
}

/// The system's clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    #[allow(clippy::disallowed_methods, reason = "this is the shell around the clock")]
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    #[allow(clippy::disallowed_methods, reason = "this is the shell around the clock")]
    pub(crate) fn now(self) -> Moment {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment { uptime: self.started.elapsed(), unix_ms: since_epoch.as_millis() as i64 }
    }
}
