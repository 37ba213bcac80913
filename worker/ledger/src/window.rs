//! The finished offsets of one partition, and how often unfinished ones have failed.
//!
//! Finished offsets are kept as runs, because work finishes almost in order: a partition with 256
//! records on loan has at most 256 holes, whatever the distance between its ends. A gap of a million
//! compacted offsets is one run too.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::codec::MARKS_BUDGET;

/// Most offsets between the commit position and the newest record taken on: 1,048,576.
pub const MAX_WINDOW: u64 = 1 << 20;

/// How often the work on one unfinished record went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attempts {
    /// A worker said that it failed.
    pub failures: u32,
    /// The worker vanished while it had the record.
    pub losses: u32,
}

/// What [`Window::finish`] did.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The commit position moved.
    Advanced,
    /// Noted beyond the commit position.
    Noted,
    /// It was finished before; nothing changed.
    Repeated,
}

/// The ledger of one partition in memory.
///
/// Invariants: runs are disjoint, not adjacent, not empty and start beyond `base`, so `base` is the
/// lowest unfinished offset; only unfinished offsets have attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    base: i64,
    /// Start of each finished run -> its end, exclusive.
    runs: BTreeMap<i64, i64>,
    finished_beyond: u64,
    attempts: BTreeMap<i64, Attempts>,
}

impl Window {
    /// A window in which everything below `base` is finished and nothing else.
    pub const fn new(base: i64) -> Self {
        Self { base, runs: BTreeMap::new(), finished_beyond: 0, attempts: BTreeMap::new() }
    }

    /// The lowest unfinished offset: what to commit as the next offset to read.
    pub const fn base(&self) -> i64 {
        self.base
    }

    /// One past the highest finished offset; equals [`base`](Self::base) when nothing beyond it is.
    pub fn top(&self) -> i64 {
        self.runs.last_key_value().map_or(self.base, |(_, &end)| end)
    }

    /// How many offsets beyond the commit position are finished.
    pub const fn finished_beyond(&self) -> u64 {
        self.finished_beyond
    }

    /// How many offsets below `end` are unfinished, for an `end` at or above [`top`](Self::top).
    pub fn unfinished_below(&self, end: i64) -> u64 {
        distance(self.base, end.max(self.top())) - self.finished_beyond
    }

    /// Whether the outcome of the record at `offset` is already durable.
    pub fn is_finished(&self, offset: i64) -> bool {
        offset < self.base || self.run_at_or_before(offset).is_some_and(|(_, end)| offset < end)
    }

    /// Marks one offset as finished and forgets its attempts.
    pub fn finish(&mut self, offset: i64) -> Finish {
        let base = self.base;
        if self.mark(offset..offset.saturating_add(1)) == 0 {
            Finish::Repeated
        } else if self.base == base {
            Finish::Noted
        } else {
            Finish::Advanced
        }
    }

    /// Marks offsets that hold no record (compacted away, or transaction markers) as finished.
    /// Returns how many were not finished before.
    pub fn mark_gap(&mut self, offsets: Range<i64>) -> u64 {
        self.mark(offsets)
    }

    /// Counts one failure of an unfinished offset and returns its attempts so far. A finished offset
    /// keeps none.
    pub fn note_failure(&mut self, offset: i64) -> Attempts {
        self.note(offset, |attempts| attempts.failures = attempts.failures.saturating_add(1))
    }

    /// Counts one worker that vanished with an unfinished offset, and returns its attempts so far. A
    /// finished offset keeps none.
    pub fn note_loss(&mut self, offset: i64) -> Attempts {
        self.note(offset, |attempts| attempts.losses = attempts.losses.saturating_add(1))
    }

    /// A worker that was counted as vanished is still there.
    pub fn take_back_loss(&mut self, offset: i64) {
        if let Some(attempts) = self.attempts.get_mut(&offset) {
            attempts.losses = attempts.losses.saturating_sub(1);
            if *attempts == Attempts::default() {
                self.attempts.remove(&offset);
            }
        }
    }

    /// What went wrong with `offset` so far.
    pub fn attempts(&self, offset: i64) -> Attempts {
        self.attempts.get(&offset).copied().unwrap_or_default()
    }

    /// Whether a record at `offset` may be taken on: afterwards every offset up to it may finish in
    /// any order and [`encode`](crate::encode) still fits.
    ///
    /// Either a bitmap fits (18,080 offsets), or the worst runs do. The worst case is that all
    /// unfinished offsets lie apart: each costs a hole of one byte and a run of one byte, plus one
    /// byte for each run of 128 offsets or more, plus another for each of 16,384 or more, and so on.
    /// With 256 unfinished offsets over 1,000,000: 512 + 2 + 256 + 61 = 831 of 2,260 bytes.
    ///
    /// The lowest unfinished offset is always admitted, because finishing it only shrinks the window.
    pub fn admits(&self, offset: i64) -> bool {
        if offset <= self.base {
            return true;
        }
        let end = offset.saturating_add(1).max(self.top());
        let span = distance(self.base, end);
        if span > MAX_WINDOW {
            return false;
        }
        let bitmap = span.div_ceil(8);
        bitmap.min(worst_runs_len(span - self.finished_beyond, span)) <= MARKS_BUDGET
    }

    /// Finished runs beyond the commit position, ascending, as half-open ranges.
    pub fn runs(&self) -> impl Iterator<Item = Range<i64>> + '_ {
        self.runs.iter().map(|(&start, &end)| start..end)
    }

    /// Unfinished offsets with attempts, ascending.
    pub fn all_attempts(&self) -> impl Iterator<Item = (i64, Attempts)> + '_ {
        self.attempts.iter().map(|(&offset, &attempts)| (offset, attempts))
    }

    /// Sets the attempts of an unfinished offset, as read back from a ledger.
    pub(crate) fn set_attempts(&mut self, offset: i64, attempts: Attempts) {
        if !self.is_finished(offset) && attempts != Attempts::default() {
            self.attempts.insert(offset, attempts);
        }
    }

    fn note(&mut self, offset: i64, count: impl FnOnce(&mut Attempts)) -> Attempts {
        if self.is_finished(offset) {
            return Attempts::default();
        }
        let attempts = self.attempts.entry(offset).or_default();
        count(attempts);
        *attempts
    }

    fn mark(&mut self, offsets: Range<i64>) -> u64 {
        let (from, to) = (offsets.start.max(self.base), offsets.end);
        if from >= to {
            return 0;
        }
        self.forget_attempts(from, to);
        let (run, already) = self.absorb(from, to);
        let newly = distance(from, to) - already;
        self.finished_beyond += newly;
        if run.start == self.base {
            self.base = run.end;
            self.finished_beyond -= distance(run.start, run.end);
        } else {
            self.runs.insert(run.start, run.end);
        }
        newly
    }

    /// Removes the runs that touch `from..to` and returns their union with it, and how many offsets
    /// of `from..to` they held.
    fn absorb(&mut self, from: i64, to: i64) -> (Range<i64>, u64) {
        let (mut start, mut end, mut already) = (from, to, 0);
        while let Some((run_start, run_end)) = self.run_at_or_before(end) {
            if run_end < start {
                break;
            }
            already += distance(run_start.max(from), run_end.min(to));
            start = start.min(run_start);
            end = end.max(run_end);
            self.runs.remove(&run_start);
        }
        (start..end, already)
    }

    fn forget_attempts(&mut self, from: i64, to: i64) {
        while let Some((&offset, _)) = self.attempts.range(from..to).next() {
            self.attempts.remove(&offset);
        }
    }

    fn run_at_or_before(&self, offset: i64) -> Option<(i64, i64)> {
        self.runs.range(..=offset).next_back().map(|(&start, &end)| (start, end))
    }
}

/// Most bytes that the runs take over `span` offsets, however many of the `unfinished` ones finish.
fn worst_runs_len(unfinished: u64, span: u64) -> u64 {
    let holes = unfinished.min(span / 2);
    2 * holes + longer_than_a_byte(holes, unfinished) + longer_than_a_byte(holes, span)
}

/// Most bytes beyond the first that `count` varints with the given sum can take.
fn longer_than_a_byte(count: u64, sum: u64) -> u64 {
    (1..=8).map(|bytes| count.min(sum >> (7 * bytes))).sum()
}

/// Offsets in `from..to`; 0 when it is empty.
fn distance(from: i64, to: i64) -> u64 {
    u64::try_from(i128::from(to) - i128::from(from)).unwrap_or(0)
}
