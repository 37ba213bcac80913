//! Counters since the dispatcher started.

use std::collections::BTreeMap;
use std::time::Duration;

use imagejob_protocol::wire;

/// What the report and the metrics count.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Leases given.
    pub leased: u64,
    /// Records finished by a `Done`.
    pub done: u64,
    /// ... that were skipped on purpose.
    pub skipped: u64,
    /// `Fail`s.
    pub failed: u64,
    /// Loans whose worker vanished.
    pub lost: u64,
    /// `Done`s of what was finished before.
    pub duplicates: u64,
    /// Records that the broker deleted before they were read.
    pub expired_by_retention: u64,
    /// Sum over `Done` of lease sent -> `Done` received.
    pub slot_time: Duration,
    /// `Fail`s by the word of their reason.
    pub failures_by_reason: BTreeMap<&'static str, u64>,
    /// Dead letters by the word of their reason.
    pub dead_letters_by_reason: BTreeMap<String, u64>,
}

impl Tally {
    /// Dead letters in all.
    pub fn dead_lettered(&self) -> u64 {
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
