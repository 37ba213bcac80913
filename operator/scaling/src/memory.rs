//! What one decision hands to the next: which counts were needed over the stabilization window,
//! and what was learned about the workers.
//!
//! Starts empty after every restart of the program; the first window after that never shrinks,
//! because nobody knows what was needed before.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::budget::{Spending, Spent};
use crate::downstream::Downstream;
use crate::learned::Learned;
use crate::observation::Observation;
use crate::policy::Policy;
use crate::season::{Learning, Recorder, Season};

/// What was learned, and the highest count needed over a sliding window in amortised constant time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Memory {
    /// The first decision; none before it.
    since: Option<Timestamp>,
    /// Counts that may still become the maximum: instants rise, counts fall.
    needed: VecDeque<(Timestamp, u32)>,
    pub(crate) learned: Learned,
    pub(crate) recorder: Recorder,
    pub(crate) spending: Spending,
    pub(crate) downstream: Downstream,
}

impl Memory {
    /// A memory that expects a record to hold a slot for `service`, as from an earlier run.
    pub fn expecting(service: Duration) -> Self {
        Self { learned: Learned::expecting(service), ..Self::default() }
    }

    /// With what the weeks before have needed, as from an earlier run.
    #[must_use]
    pub fn knowing(self, season: Arc<Season>) -> Self {
        Self { recorder: Recorder::knowing(season), ..self }
    }

    /// With what was spent on a day, as by an earlier run.
    #[must_use]
    pub fn having_spent(self, spent: Spent) -> Self {
        Self { spending: Spending::from(spent), ..self }
    }

    /// What was spent on the day of the last decision; none without a budget.
    pub fn spent(&self) -> Option<Spent> {
        self.spending.spent()
    }

    /// What the weeks have needed; none before the first record came.
    pub fn season(&self) -> Option<&Arc<Season>> {
        self.recorder.season.as_ref()
    }

    /// With nothing but the weeks and what was spent: what was needed a moment ago is not known.
    #[must_use]
    pub fn without_window(&self) -> Self {
        Self { recorder: self.recorder.clone(), spending: self.spending, ..Self::default() }
    }

    /// With what one more look teaches about the week. `wait`: how long records may wait as planned.
    pub(crate) fn record(self, seen: &Observation, learning: &Learning, wait: Duration) -> Self {
        Self { recorder: self.recorder.after(seen, learning, wait), ..self }
    }

    /// With what one more look teaches and costs.
    pub(crate) fn learn(&self, seen: &Observation, policy: &Policy) -> Self {
        let spend = |budget| self.spending.after(seen.now, seen.workers.applied, budget);
        let (needed, recorder) = (self.needed.clone(), self.recorder.clone());
        Self {
            since: self.since,
            needed,
            learned: self.learned.after(seen),
            recorder,
            spending: policy.budget.as_ref().map(spend).unwrap_or_default(),
            downstream: self.downstream.after(seen, policy.slots.get()),
        }
    }

    /// The memory after `count` workers were needed at `now`, forgetting what lies more than
    /// `window` back. Entries of a clock that was set back since count as of `now`.
    pub(crate) fn remember(&self, now: Timestamp, window: Duration, count: u32) -> Self {
        let kept = self.needed.iter().map(|(at, n)| (*at.min(&now), *n));
        let kept = kept.filter(|(at, n)| elapsed(*at, now) < window && *n > count);
        let needed = kept.chain([(now, count)]).collect();
        let since = Some(self.since.map_or(now, |since| since.min(now)));
        let (recorder, downstream) = (self.recorder.clone(), self.downstream.clone());
        Self { since, needed, learned: self.learned, recorder, spending: self.spending, downstream }
    }

    /// The highest count of the window and the last instant at which it was needed.
    pub(crate) fn highest(&self) -> Option<(Timestamp, u32)> {
        self.needed.front().copied()
    }

    /// How much of the first window after a start is still to come; none once it is over.
    pub(crate) fn warming_up(&self, now: Timestamp, window: Duration) -> Option<Duration> {
        let seen = self.since.map_or(Duration::ZERO, |since| elapsed(since, now));
        window.checked_sub(seen).filter(|left| !left.is_zero())
    }
}

/// Time from `earlier` to `later`; zero if it is the other way round.
pub(crate) fn elapsed(earlier: Timestamp, later: Timestamp) -> Duration {
    let elapsed: SignedDuration = later.duration_since(earlier);
    Duration::try_from(elapsed).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn the_highest_of_the_window_is_kept_and_then_forgotten() {
        let window = Duration::from_secs(30);
        let mut memory = Memory::default();
        let story = [(0, 3, 3), (10, 8, 8), (20, 2, 8), (39, 5, 8), (40, 5, 5), (69, 1, 5), (70, 1, 1)];
        for (second, count, highest) in story {
            memory = memory.remember(at(second), window, count);
            assert_eq!(memory.highest().map(|(_, n)| n), Some(highest), "at {second} s");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_forgets_nothing() {
        let window = Duration::from_secs(30);
        let memory = Memory::default().remember(at(3_600), window, 9).remember(at(0), window, 1);
        assert_eq!(memory.highest(), Some((at(0), 9)));
        assert_eq!(memory.warming_up(at(10), window), Some(Duration::from_secs(20)));
        assert_eq!(memory.warming_up(at(30), window), None);
    }
}
