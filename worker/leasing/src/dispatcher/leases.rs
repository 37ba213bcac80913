//! Records on loan: who has them and until when.
//!
//! A loan is not `Clone` and leaves the table by value, so each is settled exactly once: by an
//! outcome, by its deadline, or with its partition.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::dispatcher::record::{Partition, Record, RecordId};
use crate::dispatcher::workers::{SessionId, WorkerKey};

/// A loan ends this long after it was made or last extended.
pub(crate) const INTERVAL: Duration = Duration::from_secs(10);

/// One record on loan.
#[must_use]
#[derive(Debug)]
pub(crate) struct Loan {
    pub(crate) worker: WorkerKey,
    /// The stream over which it was lent and whose credit it uses; `None` for work that the worker
    /// announced, which it got otherwise.
    pub(crate) stream: Option<SessionId>,
    pub(crate) since: Duration,
    deadline: Duration,
    /// From the record's timestamp to this loan, if it was the first.
    pub(crate) wait: Option<Duration>,
    /// `None` for work that a worker announced and that was not read here yet: the record then lies
    /// at or beyond the partition's position and is filled in when the reader passes it.
    pub(crate) record: Option<Record>,
}

/// All loans of this dispatcher.
#[derive(Debug, Default)]
pub(crate) struct Loans {
    loans: HashMap<RecordId, Loan>,
    bytes: usize,
}

impl Loans {
    pub(crate) fn len(&self) -> usize {
        self.loans.len()
    }

    /// Memory of the records on loan, bytes.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The worker that has this record.
    pub(crate) fn worker_of(&self, id: RecordId) -> Option<WorkerKey> {
        self.loans.get(&id).map(|loan| loan.worker)
    }

    /// Notes that a record was lent at `now` over `stream`; there must be no loan of it.
    pub(crate) fn lend(
        &mut self,
        now: Duration,
        worker: WorkerKey,
        stream: Option<SessionId>,
        wait: Option<Duration>,
        record: Record,
    ) {
        let (id, record) = (record.id, Some(record));
        let loan = Loan { worker, stream, since: now, deadline: now + INTERVAL, wait, record };
        self.insert(id, loan);
    }

    /// Notes that a worker has a record that was not lent over its present stream; there must be no
    /// loan of it.
    pub(crate) fn adopt(&mut self, now: Duration, id: RecordId, worker: WorkerKey, record: Option<Record>) {
        let deadline = now + INTERVAL;
        let loan = Loan { worker, stream: None, since: now, deadline, wait: None, record };
        self.insert(id, loan);
    }

    /// Fills in the record of a loan that was announced before the record was read. Gives it back where
    /// there is no such loan.
    pub(crate) fn attach(&mut self, record: Record) -> Option<Record> {
        match self.loans.get_mut(&record.id) {
            Some(loan) if loan.record.is_none() => {
                self.bytes += record.bytes();
                loan.record = Some(record);
                None
            }
            _ => Some(record),
        }
    }

    /// Starts the deadline anew, if this worker has the record.
    pub(crate) fn extend(&mut self, now: Duration, id: RecordId, worker: WorkerKey) {
        if let Some(loan) = self.loans.get_mut(&id).filter(|loan| loan.worker == worker) {
            loan.deadline = now + INTERVAL;
        }
    }

    /// Ends the loan of a record.
    pub(crate) fn remove(&mut self, id: RecordId) -> Option<Loan> {
        let loan = self.loans.remove(&id)?;
        self.bytes -= loan.record.as_ref().map_or(0, Record::bytes);
        Some(loan)
    }

    /// Ends the loan of a record if this worker has it.
    pub(crate) fn remove_from(&mut self, id: RecordId, worker: WorkerKey) -> Option<Loan> {
        if self.worker_of(id)? == worker { self.remove(id) } else { None }
    }

    /// Records whose deadline has passed.
    pub(crate) fn overdue(&self, now: Duration) -> Vec<RecordId> {
        self.ids(|_, loan| loan.deadline <= now)
    }

    /// Records that a worker has.
    pub(crate) fn of_worker(&self, worker: WorkerKey) -> Vec<RecordId> {
        self.ids(|_, loan| loan.worker == worker)
    }

    /// Records that a worker announced, by worker.
    pub(crate) fn announced(&self) -> BTreeMap<WorkerKey, Vec<RecordId>> {
        let mut announced: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (&id, loan) in self.loans.iter().filter(|(_, loan)| loan.stream.is_none()) {
            announced.entry(loan.worker).or_default().push(id);
        }
        announced
    }

    /// Records of a partition that are on loan.
    pub(crate) fn of_partition(&self, partition: Partition) -> Vec<RecordId> {
        self.ids(|id, _| id.partition == partition)
    }

    fn insert(&mut self, id: RecordId, loan: Loan) {
        self.bytes += loan.record.as_ref().map_or(0, Record::bytes);
        let previous = self.loans.insert(id, loan);
        debug_assert!(previous.is_none(), "{id:?} was on loan already");
    }

    /// In order, so that what follows does not depend on the table's layout.
    fn ids(&self, matches: impl Fn(&RecordId, &Loan) -> bool) -> Vec<RecordId> {
        let mut ids: Vec<_> = self.loans.iter().filter(|&(id, loan)| matches(id, loan)).map(|(&id, _)| id).collect();
        ids.sort_unstable();
        ids
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const A: WorkerKey = WorkerKey(1);
    const B: WorkerKey = WorkerKey(2);

    fn id(offset: i64) -> RecordId {
        RecordId { partition: Partition { topic: 0, number: 0 }, offset }
    }

    fn record(offset: i64) -> Record {
        Record { id: id(offset), timestamp_ms: 0, key: None, value: None, headers: Vec::new() }
    }

    fn lent_to_a(offsets: [i64; 2]) -> Loans {
        let mut loans = Loans::default();
        for offset in offsets {
            loans.lend(Duration::ZERO, A, Some(SessionId(1)), None, record(offset));
        }
        loans
    }

    #[test]
    fn a_loan_ends_ten_seconds_after_its_worker_last_extended_it() {
        let mut loans = lent_to_a([1, 2]);
        loans.extend(Duration::from_secs(6), id(1), A);
        loans.extend(Duration::from_secs(6), id(2), B);
        assert_eq!(loans.overdue(Duration::from_secs(9)), []);
        assert_eq!(loans.overdue(Duration::from_secs(10)), [id(2)]);
        assert_eq!(loans.overdue(Duration::from_secs(16)), [id(1), id(2)]);
    }

    #[test]
    fn only_its_worker_settles_a_loan_and_only_once() {
        let mut loans = lent_to_a([1, 2]);
        assert_eq!(loans.bytes(), 2 * record(1).bytes());
        assert!(loans.remove_from(id(1), B).is_none());
        assert_eq!(loans.remove_from(id(1), A).unwrap().record, Some(record(1)));
        assert!(loans.remove_from(id(1), A).is_none());
        assert!(loans.remove_from(id(2), A).is_some());
        assert_eq!((loans.len(), loans.bytes()), (0, 0));
    }

    #[test]
    fn announced_work_uses_no_credit() {
        let mut loans = Loans::default();
        loans.adopt(Duration::ZERO, id(1), A, None);
        assert_eq!(loans.worker_of(id(1)), Some(A));
        assert_eq!(loans.announced(), BTreeMap::from([(A, vec![id(1)])]));
        assert_eq!(loans.attach(record(2)), Some(record(2)), "not on loan");
        assert_eq!(loans.attach(record(1)), None, "read meanwhile");
        assert_eq!(loans.bytes(), record(1).bytes());
        let loan = loans.remove(id(1)).unwrap();
        assert_eq!((loan.stream, loan.record), (None, Some(record(1))));
    }
}
