//! Records that were read and are neither on loan nor finished: in backoff, handed back by a worker,
//! or left by one that vanished.
//!
//! Bounded by whoever fills it: reading stops while it is full, so it holds at most its capacity plus
//! what was on loan.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::dispatcher::record::{Partition, Record, RecordId};

/// Who may have a record next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Company {
    /// Any worker with a free slot.
    Any,
    /// A worker that has nothing else.
    Alone,
}

#[derive(Debug)]
struct Waiting {
    due: Duration,
    company: Company,
    record: Record,
}

/// What waits of one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PenSummary {
    /// Records not due yet.
    pub(crate) in_backoff: u64,
    /// Records that are due.
    pub(crate) due: u64,
    /// For how long the longest due record has been due.
    pub(crate) longest_due: Duration,
}

/// The pen.
#[derive(Debug)]
pub(crate) struct Pen {
    capacity: usize,
    records: HashMap<RecordId, Waiting>,
    /// Two orders by due time, one per [`Company`].
    any: BTreeSet<(Duration, RecordId)>,
    alone: BTreeSet<(Duration, RecordId)>,
    bytes: usize,
}

impl Pen {
    /// `capacity` in records.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, records: HashMap::new(), any: BTreeSet::new(), alone: BTreeSet::new(), bytes: 0 }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= self.capacity
    }

    /// Memory of the records in it, bytes.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts a record in until the uptime `due`.
    pub(crate) fn put(&mut self, record: Record, due: Duration, company: Company) {
        self.take(record.id);
        self.bytes += record.bytes();
        self.order(company).insert((due, record.id));
        self.records.insert(record.id, Waiting { due, company, record });
    }

    /// Takes a certain record out, whether due or not.
    pub(crate) fn take(&mut self, id: RecordId) -> Option<Record> {
        let Waiting { due, company, record } = self.records.remove(&id)?;
        self.order(company).remove(&(due, id));
        self.bytes -= record.bytes();
        Some(record)
    }

    /// Takes the record out that has been due longest, if one is.
    pub(crate) fn take_due(&mut self, now: Duration, company: Company) -> Option<Record> {
        let &(due, id) = self.order(company).first()?;
        if due <= now { self.take(id) } else { None }
    }

    /// Whether a record is due.
    pub(crate) fn has_due(&mut self, now: Duration, company: Company) -> bool {
        self.order(company).first().is_some_and(|&(due, _)| due <= now)
    }

    /// What waits, by partition.
    pub(crate) fn summary(&self, now: Duration) -> HashMap<Partition, PenSummary> {
        let mut summaries: HashMap<_, PenSummary> = HashMap::new();
        for &(due, id) in self.any.iter().chain(&self.alone) {
            let summary = summaries.entry(id.partition).or_default();
            match now.checked_sub(due) {
                Some(since) => {
                    summary.due += 1;
                    summary.longest_due = summary.longest_due.max(since);
                }
                None => summary.in_backoff += 1,
            }
        }
        summaries
    }

    /// Forgets the records of a partition.
    pub(crate) fn forget(&mut self, partition: Partition) {
        let of_it = |id: &RecordId| id.partition == partition;
        let ids: Vec<_> = self.records.keys().copied().filter(of_it).collect();
        for id in ids {
            self.take(id);
        }
    }

    fn order(&mut self, company: Company) -> &mut BTreeSet<(Duration, RecordId)> {
        match company {
            Company::Any => &mut self.any,
            Company::Alone => &mut self.alone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_millis(20);

    fn record(offset: i64) -> Record {
        let id = RecordId { partition: Partition { topic: 0, number: 0 }, offset };
        Record { id, timestamp_ms: 0, key: None, value: None, headers: Vec::new() }
    }

    fn pen() -> Pen {
        let mut pen = Pen::new(4);
        for (offset, due, company) in
            [(1, 30, Company::Any), (2, 10, Company::Any), (3, 20, Company::Any), (4, 5, Company::Alone)]
        {
            pen.put(record(offset), Duration::from_millis(due), company);
        }
        pen
    }

    #[test]
    fn it_gives_back_what_is_due_in_order() {
        let mut pen = pen();
        assert!(pen.is_full());
        let mut due = || pen.take_due(NOW, Company::Any).map(|record| record.id.offset);
        assert_eq!([due(), due(), due()], [Some(2), Some(3), None]);
        assert!(pen.has_due(NOW, Company::Alone));
        assert!(pen.take(record(4).id).is_some());
        assert!(!pen.has_due(NOW, Company::Alone));
    }

    #[test]
    fn it_says_what_waits_and_for_how_long() {
        let summary = pen().summary(NOW);
        let expected = PenSummary { in_backoff: 1, due: 3, longest_due: Duration::from_millis(15) };
        assert_eq!(summary, HashMap::from([(record(1).id.partition, expected)]));
    }

    #[test]
    fn a_record_is_in_it_once() {
        let mut pen = pen();
        pen.put(record(2), NOW, Company::Alone);
        assert_eq!(pen.records.len(), 4);
        assert_eq!(pen.bytes(), 4 * record(1).bytes());
        pen.forget(record(1).id.partition);
        assert_eq!((pen.records.len(), pen.bytes()), (0, 0));
        assert!(pen.any.is_empty() && pen.alone.is_empty());
    }
}
