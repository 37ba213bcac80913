//! What a run came to: printed at the end, and as JSON with `--summary`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::audit::{Audit, Balance, Partition};
use super::frame::thousands;

/// The balance of a run. `lost` is what must be zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// Source records in this run.
    pub(crate) records: u64,
    /// Distinct results read back.
    pub(crate) results: u64,
    /// Records that were given up, read back from the dead-letter topic.
    pub(crate) dead_lettered: u64,
    /// Records that name nothing to do (events other than creations).
    pub(crate) skipped: u64,
    /// Records marked as finished that have no outcome. With `--until-idle`, all without outcome.
    pub(crate) lost: u64,
    /// Records that the broker deleted before they were read: its retention was faster than the job.
    pub(crate) expired: u64,
    /// Records that were not finished when the run ended; the next run goes on with them.
    pub(crate) unfinished: u64,
    /// Results and dead letters that repeat an earlier one.
    pub(crate) duplicates: u64,
    /// Most workers at once.
    pub(crate) workers_peak: u32,
    /// Workers that ended without being asked to.
    pub(crate) workers_killed: u32,
    /// Duration of the run.
    pub(crate) seconds: f64,
    /// Distinct results per `step: Verdict`.
    pub(crate) verdicts: BTreeMap<String, u64>,
    /// Dead letters per reason.
    pub(crate) dead_letters: BTreeMap<String, u64>,
}

/// What is known of the records without outcome.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Missing {
    /// Skipped on purpose.
    pub(crate) skipped: u64,
    /// Finished, says the ledger, but without outcome.
    pub(crate) lost: u64,
    /// Deleted by the broker, and without outcome.
    pub(crate) expired: u64,
    /// Not finished.
    pub(crate) unfinished: u64,
}

/// What is known of an offset without outcome.
pub(crate) struct Offsets<'a> {
    /// The record asks for nothing.
    pub(crate) skipped: &'a dyn Fn(&Partition, i64) -> bool,
    /// The log does not reach back to it any more.
    pub(crate) expired: &'a dyn Fn(&Partition, i64) -> bool,
    /// It is finished, says the ledger.
    pub(crate) finished: &'a dyn Fn(&Partition, i64) -> bool,
}

impl Missing {
    /// Sorts the offsets without outcome.
    pub(crate) fn sort(balance: &Balance, known: &Offsets<'_>) -> Self {
        let mut missing = Self::default();
        for (partition, offsets) in &balance.missing {
            for offset in offsets {
                if (known.expired)(partition, *offset) {
                    missing.expired += 1;
                } else if !(known.finished)(partition, *offset) {
                    missing.unfinished += 1;
                } else if (known.skipped)(partition, *offset) {
                    missing.skipped += 1;
                } else {
                    missing.lost += 1;
                }
            }
        }
        missing
    }
}

impl Summary {
    /// The summary of what was read back.
    pub(crate) fn of(audit: &Audit, balance: &Balance, missing: Missing) -> Self {
        Self {
            records: balance.records,
            results: audit.results(),
            dead_lettered: audit.dead_letters().values().sum(),
            skipped: missing.skipped,
            lost: missing.lost,
            expired: missing.expired,
            unfinished: missing.unfinished,
            duplicates: audit.duplicates(),
            verdicts: audit.verdicts().clone(),
            dead_letters: audit.dead_letters().clone(),
            ..Self::default()
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} records in {:.1} s: {} results, {} dead-lettered, {} skipped, {} unfinished",
            thousands(self.records),
            self.seconds,
            thousands(self.results),
            thousands(self.dead_lettered),
            thousands(self.skipped),
            thousands(self.unfinished),
        )?;
        write!(f, "lost {}   duplicates {}", self.lost, self.duplicates)?;
        if self.expired > 0 {
            write!(f, "   deleted by the broker before they were read {}", thousands(self.expired))?;
        }
        writeln!(f)?;
        write!(f, "workers: {} at most, {} killed on the way", self.workers_peak, self.workers_killed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_outcome_is_expired_skipped_lost_or_unfinished() {
        let photos: Partition = ("photos".into(), 0);
        let balance = Balance { records: 5, accounted: 1, missing: BTreeMap::from([(photos, vec![0, 1, 2, 4])]) };
        let known = Offsets {
            skipped: &|_, offset| offset == 1,
            expired: &|_, offset| offset < 1,
            finished: &|_, offset| offset < 4,
        };
        let missing = Missing::sort(&balance, &known);
        assert_eq!((missing.expired, missing.skipped, missing.lost, missing.unfinished), (1, 1, 1, 1));
    }
}
