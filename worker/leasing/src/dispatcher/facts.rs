//! Finished offsets of partitions that are not held now. Workers tell every dispatcher they meet; if
//! the partition arrives within a minute, its records need not be lent again.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::dispatcher::record::{Partition, RecordId};

/// Kept per partition; the oldest go first.
const CAPACITY: usize = 10_000;
/// How long a fact is kept.
pub(crate) const KEPT: Duration = Duration::from_mins(1);

/// A bounded memory of facts. Losing one costs repeated work, nothing else.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    finished: HashMap<Partition, VecDeque<(Duration, i64)>>,
}

impl Facts {
    pub(crate) fn remember(&mut self, now: Duration, id: RecordId) {
        let offsets = self.finished.entry(id.partition).or_default();
        if offsets.len() == CAPACITY {
            offsets.pop_front();
        }
        offsets.push_back((now, id.offset));
    }

    /// Hands over what is known about a partition and `applies` to it now.
    pub(crate) fn take(&mut self, partition: Partition, applies: impl Fn(i64) -> bool) -> Vec<i64> {
        let Some(offsets) = self.finished.get_mut(&partition) else { return Vec::new() };
        let mut taken = Vec::new();
        offsets.retain(|&(_, offset)| {
            let take = applies(offset);
            taken.extend(take.then_some(offset));
            !take
        });
        taken
    }

    /// Drops what was remembered about a partition until `asked`: where it ends has been asked since, and whatever
    /// had a record then lies before that end. What lies beyond it was never true.
    pub(crate) fn drop_older(&mut self, partition: Partition, asked: Duration) {
        if let Some(offsets) = self.finished.get_mut(&partition) {
            offsets.retain(|&(at, _)| at > asked);
        }
    }

    pub(crate) fn expire(&mut self, now: Duration) {
        self.finished.retain(|_, offsets| {
            while offsets.front().is_some_and(|&(at, _)| at + KEPT <= now) {
                offsets.pop_front();
            }
            !offsets.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Partition = Partition { topic: 0, number: 0 };

    fn record(offset: i64) -> RecordId {
        RecordId { partition: HERE, offset }
    }

    #[test]
    fn facts_are_kept_for_a_minute_and_handed_over_once() {
        let mut facts = Facts::default();
        facts.remember(Duration::from_secs(0), record(1));
        facts.remember(Duration::from_secs(30), record(2));
        facts.expire(Duration::from_mins(1));
        assert!(facts.take(HERE, |offset| offset < 2).is_empty());
        assert_eq!(facts.take(HERE, |_| true), [2]);
        assert!(facts.take(HERE, |_| true).is_empty());
    }

    #[test]
    fn what_lies_beyond_an_end_that_was_asked_for_later_is_dropped() {
        let mut facts = Facts::default();
        facts.remember(Duration::from_secs(1), record(7));
        facts.remember(Duration::from_secs(3), record(8));
        facts.drop_older(HERE, Duration::from_secs(2));
        assert_eq!(facts.take(HERE, |_| true), [8], "the end may have moved after it was asked for");
    }

    #[test]
    fn the_oldest_make_room() {
        let mut facts = Facts::default();
        for offset in 0..CAPACITY as i64 + 5 {
            facts.remember(Duration::ZERO, record(offset));
        }
        let kept = facts.take(HERE, |_| true);
        assert_eq!((kept.len(), kept[0]), (CAPACITY, 5));
    }
}
