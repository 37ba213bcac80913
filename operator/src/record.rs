//! Decisions on record: what was decided, why, and what was seen then.

use imagejob_scaling::{Backlog, Lag};
use jiff::Timestamp;
use serde::Serialize;

use crate::reconcile::Decided;

/// One decision, as JSON a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Workers that should run.
    pub replicas: u32,
    /// Why: a stable CamelCase word.
    pub reason: &'static str,
    /// Why: one sentence with numbers.
    pub message: String,
    /// The bound that cut the count, a stable CamelCase word; none if none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<&'static str>,
    /// Records that waited.
    pub waiting: u64,
    /// Records on loan.
    pub in_flight: u64,
    /// Records that waited for their next attempt.
    pub retrying: u64,
    /// Age of the oldest that waited, milliseconds.
    pub oldest_wait_ms: u128,
    /// True if a part was out of sight, so that the numbers are lower bounds.
    pub partial: bool,
    /// Workers that took leases.
    pub workers_ready: u32,
    /// How long a record held a slot lately, milliseconds; none before the first was finished.
    pub service_ms: Option<f64>,
}

impl Entry {
    /// The entry of a decision.
    pub fn of(at: Timestamp, decided: &Decided) -> Self {
        let (decision, seen) = (&decided.decision, &decided.sight.observation);
        let (lag, partial) = seen_lag(&seen.backlog);
        Self {
            at,
            replicas: decision.replicas,
            reason: decision.reason.word(),
            message: decision.to_string(),
            limited_by: decision.limited_by.as_ref().map(imagejob_scaling::Limit::word),
            waiting: lag.waiting.saturating_add(lag.stuck),
            in_flight: lag.in_flight,
            retrying: lag.retrying,
            oldest_wait_ms: lag.oldest_wait.as_millis(),
            partial,
            workers_ready: seen.workers.ready,
            service_ms: seen.service.map(|service| service.mean.as_secs_f64() * 1e3),
        }
    }
}

/// What is in sight of the backlog, and whether that is less than all of it.
pub fn seen_lag(backlog: &Backlog) -> (Lag, bool) {
    match backlog {
        Backlog::Known(lag) => (*lag, false),
        Backlog::Partial { seen, .. } => (*seen, true),
        Backlog::Unknown(_) => (Lag::default(), true),
    }
}

/// Whether a decision is another one than the last that was written down.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes {
    last: Option<(u32, &'static str)>,
}

impl Changes {
    /// True if count or reason differ from those of the call before.
    pub fn is_news(&mut self, decided: &Decided) -> bool {
        let now = (decided.decision.replicas, decided.decision.reason.word());
        self.last.replace(now) != Some(now)
    }
}
