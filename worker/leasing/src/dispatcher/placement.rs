//! Which worker gets the next record: the one with the least load, and among equals the one that has
//! waited longest.

use std::collections::BTreeSet;

use crate::dispatcher::workers::WorkerKey;

/// Where a worker stands in the order. Load is the share of its credit in use, in 1/65,536, so that a
/// worker of 64 slots takes eight records for each one that a worker of 8 slots takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seat {
    load: u32,
    turn: u64,
    worker: WorkerKey,
}

/// Workers with free credit, in order.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    seats: BTreeSet<Seat>,
    turn: u64,
}

impl Placement {
    /// Gives a worker a new place; none when it has no free credit. Returns the place, which is
    /// needed to move it again.
    pub(crate) fn rank(&mut self, worker: WorkerKey, old: Option<Seat>, busy: u32, credit: u32) -> Option<Seat> {
        if let Some(seat) = old {
            self.seats.remove(&seat);
        }
        if busy >= credit {
            return None;
        }
        self.turn += 1;
        let load = (u64::from(busy) << 16) / u64::from(credit);
        let seat = Seat { load: load as u32, turn: self.turn, worker };
        self.seats.insert(seat);
        Some(seat)
    }

    /// The worker that gets the next record.
    pub(crate) fn first(&self) -> Option<WorkerKey> {
        self.seats.first().map(|seat| seat.worker)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Lends `records` one after the other and returns how many each worker has.
    fn lend(credits: &[u32], records: u32) -> Vec<u32> {
        let mut placement = Placement::default();
        let mut seats: Vec<_> = credits
            .iter()
            .enumerate()
            .map(|(index, &credit)| placement.rank(WorkerKey(index as u64), None, 0, credit))
            .collect();
        let mut busy = vec![0; credits.len()];
        for _ in 0..records {
            let Some(WorkerKey(worker)) = placement.first() else { break };
            let index = worker as usize;
            busy[index] += 1;
            seats[index] = placement.rank(WorkerKey(worker), seats[index], busy[index], credits[index]);
        }
        busy
    }

    #[test]
    fn records_are_spread_in_proportion_to_credit() {
        assert_eq!(lend(&[8, 8, 8, 8], 8), [2, 2, 2, 2]);
        assert_eq!(lend(&[16, 8, 8], 16), [8, 4, 4]);
        assert_eq!(lend(&[4, 0, 4], 100), [4, 0, 4], "never more than the credit");
    }

    proptest! {
        #[test]
        fn equal_workers_never_differ_by_more_than_one(
            workers in 1..40_usize,
            credit in 1..70_u32,
            records in 0..3_000_u32,
        ) {
            let busy = lend(&vec![credit; workers], records);
            let (least, most) = (busy.iter().min().unwrap(), busy.iter().max().unwrap());
            prop_assert!(most - least <= 1 && *most <= credit);
            prop_assert_eq!(busy.iter().sum::<u32>(), records.min(credit * workers as u32));
        }
    }
}
