//! The only place of this crate that reads a clock. Everything else is handed a [`Moment`].

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use imagejob_leasing::dispatcher::Moment;

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
