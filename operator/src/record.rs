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
    /// When the entry before was written, Unix time: from then on,
    pub seconds: i64,
    /// for so long,
    pub for_seconds: f64,
    /// so many records came. With these three `imagejob simulate` takes the entries for a trace.
    pub records: u64,
}

impl Entry {
    /// The entry of a decision, without what came before it.
    fn of(at: Timestamp, decided: &Decided) -> Self {
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
            seconds: at.as_second(),
            for_seconds: 0.0,
            records: 0,
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

/// What is written down of a job's decisions: those that differ from the one before, and what came between.
#[derive(Debug, Clone, Copy, Default)]
pub struct Diary {
    last: Option<(u32, &'static str)>,
    /// Records that came since then.
    since: Option<Timestamp>,
    records: u64,
    /// Arrivals are counted up to here.
    counted: Option<Timestamp>,
}

impl Diary {
    /// The entry of a decision, if count or reason differ from those of the call before.
    pub fn enter(&mut self, at: Timestamp, decided: &Decided) -> Option<Entry> {
        let (records, counted) = decided.sight.observation.arrivals.after(self.counted.unwrap_or(at));
        self.records = self.records.saturating_add(records);
        self.counted = Some(counted);
        let now = (decided.decision.replicas, decided.decision.reason.word());
        if self.last.replace(now) == Some(now) {
            return None;
        }
        let since = self.since.replace(at).unwrap_or(at);
        let records = std::mem::take(&mut self.records);
        let for_seconds = at.duration_since(since).as_secs_f64().max(0.0);
        Some(Entry { seconds: since.as_second(), for_seconds, records, ..Entry::of(at, decided) })
    }
}
