//! What became of each source offset. Pure: the records of all topics go in, one account comes out.
//!
//! The promise under test: every source offset ends as exactly one of a result for each object
//! that it names, or a dead letter. A second copy of either is a duplicate, which at-least-once
//! delivery allows and stories report; an offset with neither is lost, which nothing allows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A source offset: partition and offset of the one source topic of a story.
pub type Position = (i32, i64);

/// One record of a result, failure or dead-letter topic, by what its headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The source record.
    pub position: Position,
    /// What was written about it.
    pub kind: Kind,
}

/// What was written about a source record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Result of one of `count` objects that the record names.
    Result {
        /// Which object, from 0.
        index: u32,
        /// Objects that the record names.
        count: u32,
        /// Id of the event.
        id: String,
    },
    /// The record as it was, given up.
    DeadLetter {
        /// Word of the reasons.
        reason: String,
    },
    /// The event that goes with a dead letter.
    Failure {
        /// Word of the reasons.
        reason: String,
    },
}

/// The books of a story.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Source records.
    pub records: usize,
    /// Source records with a result for each of their objects.
    pub succeeded: usize,
    /// Source records with a dead letter, by reason.
    pub dead_lettered: BTreeMap<String, usize>,
    /// Results and dead letters beyond the first of their kind for the same object.
    pub duplicates: usize,
    /// Source records without an end, or with results for only some of their objects.
    pub lost: Vec<Position>,
    /// Source records with both results and a dead letter.
    pub contradictory: Vec<Position>,
    /// Outcomes of offsets that nobody produced.
    pub strange: Vec<Position>,
    /// Objects whose repeated results carry different ids, or that share an id with another object.
    pub unstable_ids: Vec<Position>,
}

impl Account {
    /// Accounts for the offsets `0..end` of each partition in `ends`.
    pub fn of(ends: &BTreeMap<i32, i64>, outcomes: &[Outcome]) -> Self {
        let mut entries: BTreeMap<Position, Entry> =
            ends.iter().flat_map(|(&p, &end)| (0..end).map(move |o| ((p, o), Entry::default()))).collect();
        let mut account = Self { records: entries.len(), ..Self::default() };
        let mut owners: BTreeMap<&str, (Position, u32)> = BTreeMap::new();
        let mut unstable = BTreeSet::new();
        for Outcome { position, kind } in outcomes {
            let Some(entry) = entries.get_mut(position) else {
                account.strange.push(*position);
                continue;
            };
            account.duplicates += usize::from(!entry.note(kind));
            if let Kind::Result { index, id, .. } = kind {
                let owner = *owners.entry(id).or_insert((*position, *index));
                if owner != (*position, *index) || entry.ids[index] != *id {
                    unstable.insert(*position);
                }
            }
        }
        account.unstable_ids = unstable.into_iter().collect();
        for (position, entry) in entries {
            account.close(position, entry);
        }
        account
    }

    fn close(&mut self, position: Position, entry: Entry) {
        let results = entry.ids.len() as u32;
        match entry.dead_letter {
            Some(_) if results > 0 => self.contradictory.push(position),
            Some(reason) => *self.dead_lettered.entry(reason).or_default() += 1,
            None if results > 0 && results == entry.count => self.succeeded += 1,
            None => self.lost.push(position),
        }
    }

    /// Every record has exactly one end, and ids repeat where results do. Duplicates are not
    /// judged here: how many are too many depends on the story.
    pub fn is_sound(&self) -> bool {
        self.lost.is_empty() && self.contradictory.is_empty() && self.strange.is_empty() && self.unstable_ids.is_empty()
    }

    /// Duplicates per source record, percent.
    pub fn duplicate_percent(&self) -> f64 {
        100.0 * self.duplicates as f64 / self.records.max(1) as f64
    }
}

/// Offsets below a committed one that have no outcome: `committed` (the next offset to read) says
/// that everything before it is finished.
pub fn unfinished_before(committed: &BTreeMap<i32, i64>, outcomes: &[Outcome]) -> Vec<Position> {
    let ended = |outcome: &Outcome| !matches!(outcome.kind, Kind::Failure { .. });
    let ended: BTreeSet<_> = outcomes.iter().filter(|o| ended(o)).map(|o| o.position).collect();
    let claimed = committed.iter().flat_map(|(&partition, &next)| (0..next).map(move |offset| (partition, offset)));
    claimed.filter(|position| !ended.contains(position)).collect()
}

/// What is known about one source record so far.
#[derive(Default)]
struct Entry {
    /// First id seen of each object.
    ids: BTreeMap<u32, String>,
    /// Objects that the record names, as its results say.
    count: u32,
    dead_letter: Option<String>,
    failure_events: usize,
}

impl Entry {
    /// Whether this is the first of its kind for the object.
    fn note(&mut self, kind: &Kind) -> bool {
        match kind {
            Kind::Result { index, count, id } => {
                self.count = *count;
                let first = !self.ids.contains_key(index);
                self.ids.entry(*index).or_insert_with(|| id.clone());
                first
            }
            Kind::DeadLetter { reason } => self.dead_letter.replace(reason.clone()).is_none(),
            Kind::Failure { .. } => {
                self.failure_events += 1;
                self.failure_events == 1
            }
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dead: usize = self.dead_lettered.values().sum();
        write!(f, "{} records: {} with results, {dead} dead-lettered", self.records, self.succeeded)?;
        if dead > 0 {
            let reasons: Vec<_> = self.dead_lettered.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
            write!(f, " ({})", reasons.join(", "))?;
        }
        write!(f, ", {} lost, {} duplicates ({:.2} %)", self.lost.len(), self.duplicates, self.duplicate_percent())?;
        let faults = [
            ("lost", &self.lost),
            ("both result and dead letter", &self.contradictory),
            ("never produced", &self.strange),
            ("id not stable", &self.unstable_ids),
        ];
        for (what, positions) in faults.into_iter().filter(|(_, positions)| !positions.is_empty()) {
            write!(f, "; {what}: {:?}", &positions[..positions.len().min(10)])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn result(position: Position, index: u32, count: u32) -> Outcome {
        let id = format!("{position:?}/{index}");
        Outcome { position, kind: Kind::Result { index, count, id } }
    }

    fn dead(position: Position) -> Outcome {
        Outcome { position, kind: Kind::DeadLetter { reason: "NotJson".into() } }
    }

    fn account(records: i64, outcomes: &[Outcome]) -> Account {
        Account::of(&BTreeMap::from([(0, records)]), outcomes)
    }

    #[test]
    fn each_record_ends_once() {
        let books = account(3, &[result((0, 0), 0, 1), dead((0, 1)), result((0, 2), 0, 2), result((0, 2), 1, 2)]);
        assert!(books.is_sound(), "{books}");
        assert_eq!((books.succeeded, books.duplicates), (2, 0));
        assert_eq!(books.dead_lettered, BTreeMap::from([("NotJson".to_owned(), 1)]));
    }

    #[test]
    fn a_failure_event_goes_with_its_dead_letter() {
        let failure = Outcome { position: (0, 0), kind: Kind::Failure { reason: "NotJson".into() } };
        let books = account(1, &[dead((0, 0)), failure.clone()]);
        assert!(books.is_sound() && books.duplicates == 0, "{books}");
        let alone = account(1, &[failure]);
        assert_eq!(alone.lost, [(0, 0)], "an event does not keep the record's bytes");
    }

    #[test]
    fn no_outcome_is_a_loss_and_so_is_half_an_outcome() {
        let books = account(2, &[result((0, 1), 0, 2)]);
        assert_eq!(books.lost, [(0, 0), (0, 1)]);
        assert!(!books.is_sound());
    }

    #[test]
    fn a_second_copy_is_a_duplicate_and_no_fault() {
        let books = account(1, &[result((0, 0), 0, 1), result((0, 0), 0, 1), result((0, 0), 0, 1)]);
        assert_eq!((books.duplicates, books.is_sound()), (2, true));
        assert!((books.duplicate_percent() - 200.0).abs() < 1e-9);
    }

    #[test]
    fn a_result_and_a_dead_letter_contradict_each_other() {
        let books = account(1, &[result((0, 0), 0, 1), dead((0, 0))]);
        assert_eq!(books.contradictory, [(0, 0)]);
        assert!(!books.is_sound());
    }

    #[test]
    fn outcomes_of_offsets_that_nobody_produced_are_strange() {
        let books = account(1, &[result((0, 0), 0, 1), result((0, 1), 0, 1), result((7, 0), 0, 1)]);
        assert_eq!(books.strange, [(0, 1), (7, 0)]);
    }

    #[test]
    fn a_commit_may_claim_only_what_has_an_outcome() {
        let outcomes = [result((0, 0), 0, 1), dead((0, 1)), result((0, 3), 0, 1)];
        let unfinished = |next| unfinished_before(&BTreeMap::from([(0, next)]), &outcomes);
        assert_eq!(unfinished(2), []);
        assert_eq!(unfinished(4), [(0, 2)]);
    }

    #[test]
    fn ids_repeat_with_their_object_and_with_nothing_else() {
        let mut again = result((0, 0), 0, 1);
        again.kind = Kind::Result { index: 0, count: 1, id: "another".into() };
        assert_eq!(account(1, &[result((0, 0), 0, 1), again]).unstable_ids, [(0, 0)]);

        let mut shared = result((0, 1), 0, 1);
        shared.kind = Kind::Result { index: 0, count: 1, id: "(0, 0)/0".into() };
        assert_eq!(account(2, &[result((0, 0), 0, 1), shared]).unstable_ids, [(0, 1)]);
    }
}
