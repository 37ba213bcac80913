//! What this worker holds and has lately finished. Pure.
//!
//! A result is a fact that stays true when its dispatcher dies, and a new dispatcher that hears
//! of it does not lease the record again. So finished records are remembered until a dispatcher
//! says that a committed ledger has them, and announced to every dispatcher that asks.

use std::collections::{BTreeMap, HashSet, VecDeque};

use imagejob_protocol::wire;

use crate::worker::offers::DispatcherId;

/// Finished records remembered per dispatcher, and again for those whose dispatcher is gone. At
/// 100 bytes each this is 0.8 MiB; a dispatcher commits twice a second, so it is reached only
/// above 16,000 records/s.
const REMEMBERED: usize = 8_192;

/// A source record's address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Source topic.
    pub topic: String,
    /// Source partition.
    pub partition: i32,
    /// Source offset.
    pub offset: i64,
}

impl From<wire::Position> for Position {
    fn from(wire: wire::Position) -> Self {
        Self { topic: wire.topic, partition: wire.partition, offset: wire.offset }
    }
}

impl From<&Position> for wire::Position {
    fn from(position: &Position) -> Self {
        Self { topic: position.topic.clone(), partition: position.partition, offset: position.offset }
    }
}

/// Who lent a record that is in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lender {
    /// A dispatcher whose stream is up.
    Dispatcher(DispatcherId),
    /// One that is gone: the outcome goes to whoever holds the partition now.
    Gone,
}

/// All that is in progress, and what was finished lately. In order, so that what follows does not depend on a
/// table's layout.
#[derive(Debug, Default)]
pub struct Held {
    in_progress: BTreeMap<Position, Lender>,
    /// Finished and told to this dispatcher in its Outcomes of that sequence.
    told: BTreeMap<DispatcherId, VecDeque<(u64, Position)>>,
    /// Finished, and nobody has said that it is durable.
    untold: VecDeque<Position>,
    /// All of these.
    finished: HashSet<Position>,
}

impl Held {
    /// Takes a lease. `Some` is who lent the record before, if it is in progress here already: the
    /// work goes on, its outcome goes to the newest lender.
    pub fn lease(&mut self, position: Position, dispatcher: &str) -> Option<Lender> {
        self.in_progress.insert(position, Lender::Dispatcher(dispatcher.to_owned()))
    }

    /// Ends a lease, whatever its outcome; who lent it, if it was in progress.
    pub fn end(&mut self, position: &Position) -> Option<Lender> {
        self.in_progress.remove(position)
    }

    /// Remembers a finished record that was told to `dispatcher` in Outcomes `sequence`.
    pub fn told(&mut self, position: Position, dispatcher: &str, sequence: u64) {
        self.finished.insert(position.clone());
        let told = self.told.entry(dispatcher.to_owned()).or_default();
        told.push_back((sequence, position));
        if told.len() > REMEMBERED
            && let Some((_, oldest)) = told.pop_front()
        {
            self.finished.remove(&oldest);
        }
    }

    /// Remembers a finished record whose lender is gone.
    pub fn untold(&mut self, position: Position) {
        self.finished.insert(position.clone());
        self.untold.push_back(position);
        if self.untold.len() > REMEMBERED
            && let Some(oldest) = self.untold.pop_front()
        {
            self.finished.remove(&oldest);
        }
    }

    /// Finished here, and not known to be durable: whoever lends it again was not told.
    pub fn remembers(&self, position: &Position) -> bool {
        self.finished.contains(position)
    }

    /// A committed ledger has all that this dispatcher was told up to `sequence`.
    pub fn durable(&mut self, dispatcher: &str, sequence: u64) {
        if let Some(told) = self.told.get_mut(dispatcher) {
            while let Some((_, durable)) = told.pop_front_if(|(at, _)| *at <= sequence) {
                self.finished.remove(&durable);
            }
        }
    }

    /// A stream broke: what it lent has no lender, what it was told may be lost with it. Gives what it was
    /// told and is not known to be durable.
    pub fn disconnected(&mut self, dispatcher: &str) -> Vec<Position> {
        for lender in self.in_progress.values_mut() {
            if *lender == Lender::Dispatcher(dispatcher.to_owned()) {
                *lender = Lender::Gone;
            }
        }
        let told: Vec<_> = self.told.remove(dispatcher).unwrap_or_default().into_iter().map(|(_, at)| at).collect();
        for position in &told {
            self.untold(position.clone());
        }
        told
    }

    /// Whether it is in progress.
    pub fn has(&self, position: &Position) -> bool {
        self.in_progress.contains_key(position)
    }

    /// What a dispatcher's deadlines depend on: what it lent, and what nobody else answers for.
    pub fn to_extend(&self, dispatcher: &str) -> Vec<wire::Position> {
        let concerns = |lender: &Lender| match lender {
            Lender::Dispatcher(id) => id == dispatcher,
            Lender::Gone => true,
        };
        self.in_progress.iter().filter(|(_, lender)| concerns(lender)).map(|(position, _)| position.into()).collect()
    }

    /// All that is known about the records that `concerned` selects.
    pub fn announce(&self, concerned: impl Fn(&Position) -> bool) -> wire::Announce {
        let told = self.told.values().flatten().map(|(_, position)| position);
        wire::Announce {
            in_progress: self.in_progress.keys().filter(|p| concerned(p)).map(Into::into).collect(),
            finished: told.chain(&self.untold).filter(|p| concerned(p)).map(Into::into).collect(),
        }
    }

    /// What is in progress, to be given back.
    pub fn positions(&self) -> Vec<Position> {
        self.in_progress.keys().cloned().collect()
    }

    /// Nothing is in progress.
    pub fn is_empty(&self) -> bool {
        self.in_progress.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64) -> Position {
        Position { topic: "photos".into(), partition: 0, offset }
    }

    fn offsets(positions: &[wire::Position]) -> Vec<i64> {
        let mut offsets: Vec<i64> = positions.iter().map(|position| position.offset).collect();
        offsets.sort_unstable();
        offsets
    }

    #[test]
    fn what_was_told_is_forgotten_when_durable_and_kept_when_the_dispatcher_dies() {
        let mut held = Held::default();
        for (offset, sequence) in [(1, 1), (2, 1), (3, 2), (4, 3)] {
            assert_eq!(held.lease(at(offset), "a"), None);
            assert_eq!(held.end(&at(offset)), Some(Lender::Dispatcher("a".into())));
            held.told(at(offset), "a", sequence);
        }
        held.durable("a", 2);
        assert_eq!(offsets(&held.announce(|_| true).finished), [4]);
        assert!(held.remembers(&at(4)) && !held.remembers(&at(3)));
        held.disconnected("a");
        assert_eq!(offsets(&held.announce(|_| true).finished), [4]);
        assert!(held.remembers(&at(4)));
    }

    #[test]
    fn a_record_without_lender_is_extended_everywhere() {
        let mut held = Held::default();
        held.lease(at(1), "a");
        held.lease(at(2), "b");
        held.disconnected("a");
        assert_eq!(offsets(&held.to_extend("b")), [1, 2]);
        assert_eq!(held.lease(at(1), "b"), Some(Lender::Gone), "adopted by the next dispatcher, not started again");
        assert_eq!(held.end(&at(1)), Some(Lender::Dispatcher("b".into())));
        assert_eq!(held.end(&at(1)), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut held = Held::default();
        for offset in 0..20_000 {
            held.told(at(offset), "a", 1);
        }
        held.disconnected("a");
        assert_eq!(held.announce(|_| true).finished.len(), REMEMBERED);
    }
}
