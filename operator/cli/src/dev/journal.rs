//! Decisions on record: one JSON line whenever count or reason change, with what was seen.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use imagejob_operator::reconcile::Decided;
use imagejob_scaling::{Backlog, Lag};
use jiff::Timestamp;
use serde::Serialize;

/// The file, and what was written to it last.
pub(crate) struct Journal {
    file: File,
    last: Option<(u32, &'static str)>,
}

/// One line of the file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    at: Timestamp,
    replicas: u32,
    reason: &'a str,
    message: String,
    waiting: u64,
    in_flight: u64,
    retrying: u64,
    oldest_wait_ms: u128,
    partial: bool,
    workers_ready: u32,
    service_ms: Option<f64>,
}

impl Journal {
    /// Begins an empty file.
    pub(crate) fn create(path: &Path) -> std::io::Result<Self> {
        Ok(Self { file: File::create(path)?, last: None })
    }

    /// Writes a decision down if it is another one than the last.
    pub(crate) fn enter(&mut self, at: Timestamp, decided: &Decided) -> anyhow::Result<()> {
        let decision = &decided.decision;
        let now = (decision.replicas, decision.reason.word());
        if self.last == Some(now) {
            return Ok(());
        }
        self.last = Some(now);
        let seen = &decided.sight.observation;
        let (lag, partial) = seen_lag(&seen.backlog);
        let entry = Entry {
            at,
            replicas: decision.replicas,
            reason: decision.reason.word(),
            message: decision.to_string(),
            waiting: lag.waiting,
            in_flight: lag.in_flight,
            retrying: lag.retrying,
            oldest_wait_ms: lag.oldest_wait.as_millis(),
            partial,
            workers_ready: seen.workers.ready,
            service_ms: seen.service.map(|service| service.mean.as_secs_f64() * 1e3),
        };
        writeln!(self.file, "{}", serde_json::to_string(&entry)?)?;
        Ok(())
    }
}

/// What is in sight of the backlog, and whether that is less than all of it.
pub(crate) fn seen_lag(backlog: &Backlog) -> (Lag, bool) {
    match backlog {
        Backlog::Known(lag) => (*lag, false),
        Backlog::Partial { seen, .. } => (*seen, true),
        Backlog::Unknown(_) => (Lag::default(), true),
    }
}
