//! The books: does each source record have exactly one outcome? Pure. Knows nothing of leases or
//! ledgers; it is told which offsets exist and which outcomes were read back from the topics, so
//! it can contradict the data plane.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Topic and partition.
pub(crate) type Partition = (String, i32);

/// What was read back about one source record.
#[derive(Debug, Default)]
struct Outcomes {
    /// Results by the index of the object that the record names.
    results: BTreeMap<u32, u32>,
    /// Objects that the record names, as its results say.
    objects: u32,
    dead_letters: u32,
}

impl Outcomes {
    fn is_complete(&self) -> bool {
        self.dead_letters > 0 || (self.objects > 0 && self.results.len() >= self.objects as usize)
    }

    fn duplicates(&self) -> u64 {
        let results: u32 = self.results.values().map(|times| times - 1).sum();
        u64::from(results + self.dead_letters.saturating_sub(1))
    }
}

/// Everything read back so far.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    outcomes: HashMap<Partition, BTreeMap<i64, Outcomes>>,
    results: u64,
    duplicates: u64,
    verdicts: BTreeMap<String, u64>,
    dead_letters: BTreeMap<String, u64>,
}

/// Where a partition stands: in question is what is not finished.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// Topic and partition.
    pub(crate) partition: Partition,
    /// First offset that the broker still has.
    pub(crate) log_start: i64,
    /// Everything before is finished.
    pub(crate) start: i64,
    /// One past the last record.
    pub(crate) end: i64,
    /// Offsets at or after `start` that are finished all the same.
    pub(crate) finished: BTreeSet<i64>,
}

impl Scope {
    /// The offset is finished, says the ledger.
    pub(crate) fn is_finished(&self, offset: i64) -> bool {
        offset < self.start || self.finished.contains(&offset)
    }
}

/// The balance of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Source records in scope.
    pub(crate) records: u64,
    /// Records with an outcome.
    pub(crate) accounted: u64,
    /// Offsets without any outcome, by partition.
    pub(crate) missing: BTreeMap<Partition, Vec<i64>>,
}

impl Audit {
    /// A result was read: the `index`th of `objects` objects of the record at `offset`.
    pub(crate) fn result(
        &mut self,
        partition: Partition,
        offset: i64,
        index: u32,
        objects: u32,
        verdicts: Vec<String>,
    ) {
        let outcomes = self.entry(partition, offset);
        let before = outcomes.duplicates();
        *outcomes.results.entry(index).or_default() += 1;
        outcomes.objects = objects;
        let again = outcomes.duplicates() - before;
        self.duplicates += again;
        if again == 0 {
            self.results += 1;
            for verdict in verdicts {
                *self.verdicts.entry(verdict).or_default() += 1;
            }
        }
    }

    /// A dead letter was read.
    pub(crate) fn dead_letter(&mut self, partition: Partition, offset: i64, reason: String) {
        let outcomes = self.entry(partition, offset);
        let before = outcomes.duplicates();
        outcomes.dead_letters += 1;
        let again = outcomes.duplicates() - before;
        self.duplicates += again;
        if again == 0 {
            *self.dead_letters.entry(reason).or_default() += 1;
        }
    }

    fn entry(&mut self, partition: Partition, offset: i64) -> &mut Outcomes {
        self.outcomes.entry(partition).or_default().entry(offset).or_default()
    }

    /// Distinct results.
    pub(crate) fn results(&self) -> u64 {
        self.results
    }

    /// Results and dead letters that repeat an earlier one.
    pub(crate) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Distinct results per verdict (`step: Verdict`).
    pub(crate) fn verdicts(&self) -> &BTreeMap<String, u64> {
        &self.verdicts
    }

    /// Distinct dead letters per reason.
    pub(crate) fn dead_letters(&self) -> &BTreeMap<String, u64> {
        &self.dead_letters
    }

    /// Which records of `scopes` have an outcome and which have none.
    pub(crate) fn balance(&self, scopes: &[Scope]) -> Balance {
        let mut balance = Balance::default();
        for scope in scopes {
            let outcomes = self.outcomes.get(&scope.partition);
            let complete = |offset: &i64| outcomes.and_then(|all| all.get(offset)).is_some_and(Outcomes::is_complete);
            let in_scope = (scope.start..scope.end).filter(|offset| !scope.is_finished(*offset));
            let (accounted, missing): (Vec<i64>, Vec<i64>) = in_scope.partition(complete);
            balance.records += (accounted.len() + missing.len()) as u64;
            balance.accounted += accounted.len() as u64;
            if !missing.is_empty() {
                balance.missing.insert(scope.partition.clone(), missing);
            }
        }
        balance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photos() -> Partition {
        ("photos".into(), 0)
    }

    fn scope(start: i64, end: i64) -> [Scope; 1] {
        [Scope { partition: photos(), log_start: 0, start, end, finished: BTreeSet::new() }]
    }

    #[test]
    fn a_record_without_outcome_is_missing() {
        let mut audit = Audit::default();
        audit.result(photos(), 0, 0, 1, vec!["quality: Good".into()]);
        audit.dead_letter(photos(), 2, "NotJson".into());
        let balance = audit.balance(&scope(0, 3));
        assert_eq!((balance.records, balance.accounted), (3, 2));
        assert_eq!(balance.missing[&photos()], [1]);
        assert_eq!(audit.verdicts()["quality: Good"], 1);
        assert_eq!(audit.dead_letters()["NotJson"], 1);
    }

    #[test]
    fn a_record_that_names_two_objects_needs_two_results() {
        let mut audit = Audit::default();
        audit.result(photos(), 0, 1, 2, vec![]);
        assert_eq!(audit.balance(&scope(0, 1)).accounted, 0);
        audit.result(photos(), 0, 0, 2, vec![]);
        assert_eq!(audit.balance(&scope(0, 1)).accounted, 1);
        assert_eq!((audit.results(), audit.duplicates()), (2, 0));
    }

    #[test]
    fn repeated_outcomes_are_duplicates_and_count_once() {
        let mut audit = Audit::default();
        for _ in 0..3 {
            audit.result(photos(), 7, 0, 1, vec!["quality: Good".into()]);
        }
        audit.dead_letter(photos(), 8, "NotJson".into());
        audit.dead_letter(photos(), 8, "NotJson".into());
        assert_eq!((audit.results(), audit.duplicates()), (1, 3));
        assert_eq!((audit.verdicts()["quality: Good"], audit.dead_letters()["NotJson"]), (1, 1));
    }

    #[test]
    fn what_was_finished_the_run_is_not_asked_for() {
        let scope = [Scope { finished: BTreeSet::from([1, 2]), ..scope(0, 4)[0].clone() }];
        let mut audit = Audit::default();
        audit.result(photos(), 0, 0, 1, vec![]);
        let balance = audit.balance(&scope);
        assert_eq!((balance.records, balance.accounted), (2, 1));
        assert_eq!(balance.missing[&photos()], [3]);
    }
}
