//! Counters since the dispatcher started.

use std::collections::BTreeMap;
use std::time::Duration;

use imagejob_protocol::wire;

/// What the report and the metrics count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) leased: u64,
    pub(crate) done: u64,
    pub(crate) skipped: u64,
    pub(crate) failed: u64,
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
    pub(crate) expired_by_retention: u64,
    /// Sum over `Done` of lease sent -> `Done` received.
    pub(crate) slot_time: Duration,
    pub(crate) failures_by_reason: BTreeMap<&'static str, u64>,
    pub(crate) dead_letters_by_reason: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn dead_lettered(&self) -> u64 {
        self.dead_letters_by_reason.values().sum()
    }

    pub(crate) fn report(&self, recent: wire::LatencySummary) -> wire::WorkReport {
        wire::WorkReport {
            leased: self.leased,
            done: self.done,
            skipped: self.skipped,
            failed: self.failed,
            lost: self.lost,
            dead_lettered: self.dead_lettered(),
            duplicates: self.duplicates,
            expired_by_retention: self.expired_by_retention,
            slot_micros: self.slot_time.as_micros() as u64,
            dead_letters_by_reason: self
                .dead_letters_by_reason
                .iter()
                .map(|(reason, &count)| (reason.clone(), count))
                .collect(),
            recent: Some(recent),
        }
    }
}
