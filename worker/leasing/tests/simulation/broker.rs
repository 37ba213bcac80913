//! The broker: logs, what became of each record, committed offsets, and the group that shares the partitions.

use std::collections::{BTreeMap, BTreeSet};

use imagejob_leasing::dispatcher::{Batch, Committed};
use imagejob_ledger::{Log, MAX_ENCODED_LEN, decode};

use crate::bugs::Bug;
use crate::network::ProcessId;
use crate::violation::{Violation, ensure};

/// What working on a record leads to, each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// A result.
    Good,
    /// A permanent failure.
    Broken,
    /// This many transient failures, then a result.
    Flaky(u32),
    /// The end of the worker.
    Killer,
}

/// One offset, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// `None` where the log has no record: compaction, a transaction's marker.
    pub(crate) nature: Option<Nature>,
    /// Results in the result topic.
    pub(crate) results: u32,
    /// Dead letters.
    pub(crate) letters: u32,
    /// Given up, counted and kept nowhere.
    pub(crate) skips: u32,
    /// When it was appended, ms.
    pub(crate) appended: u64,
    /// Leases that left a dispatcher.
    pub(crate) leases: u32,
    /// Failures said by workers.
    pub(crate) failures: u32,
}

/// One partition.
#[derive(Default)]
pub(crate) struct Partition {
    /// From offset 0 on.
    pub(crate) entries: Vec<Entry>,
    pub(crate) committed: Option<Committed>,
    pub(crate) owner: Option<ProcessId>,
}

/// What a process is called from when it joins until it leaves or is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemberId(u64);

/// See the module.
pub(crate) struct Broker {
    pub(crate) partitions: Vec<Partition>,
    /// Members in the group's eyes: a dead one stays until its session expires.
    pub(crate) members: BTreeMap<ProcessId, MemberId>,
    /// Joins so far.
    joins: u64,
    /// Commits fail until then.
    pub(crate) commits_fail_until: u64,
    /// Partitions whose owner was asked to give them up.
    pub(crate) revoking: BTreeSet<usize>,
}

impl Partition {
    pub(crate) fn end(&self) -> i64 {
        self.entries.len() as i64
    }

    pub(crate) fn log(&self) -> Log {
        Log { start: 0, end: self.end(), topic: None }
    }

    fn ended(&self, offset: i64) -> bool {
        let entry = &self.entries[offset as usize];
        entry.nature.is_none() || entry.results > 0 || entry.letters + entry.skips > 0
    }

    /// Whether what is committed is about another log: this one is shorter.
    pub(crate) fn is_another_log(&self) -> bool {
        let top = |committed: &Committed| decode(&committed.metadata).map_or(0, |ledger| ledger.window.top());
        self.committed.as_ref().is_some_and(|committed| committed.offset.max(top(committed)) > self.end())
    }

    /// Whether everything is committed as finished, but for offsets without a record at the end.
    pub(crate) fn is_done(&self) -> bool {
        let last = self.entries.iter().rposition(|entry| entry.nature.is_some());
        let next = self.committed.as_ref().map_or(0, |committed| committed.offset);
        !self.is_another_log() && last.is_none_or(|last| next > last as i64)
    }
}

impl Broker {
    pub(crate) fn new(logs: Vec<Vec<Option<Nature>>>) -> Self {
        let partitions = logs.into_iter().map(|log| Partition { entries: entries(log, 0), ..Partition::default() });
        let partitions = partitions.collect();
        Self { partitions, members: BTreeMap::new(), joins: 0, commits_fail_until: 0, revoking: BTreeSet::new() }
    }

    /// Appends to a log.
    pub(crate) fn produce(&mut self, now: u64, partition: usize, natures: Vec<Option<Nature>>) {
        self.partitions[partition].entries.extend(entries(natures, now));
    }

    /// The topic is deleted and created again while the group is empty; what is committed stays.
    pub(crate) fn recreate(&mut self, now: u64, logs: Vec<Vec<Option<Nature>>>) {
        self.members.clear();
        self.revoking.clear();
        for (partition, log) in self.partitions.iter_mut().zip(logs) {
            partition.entries = entries(log, now);
            partition.owner = None;
        }
    }

    /// A process joins the group. Whoever is in it stays what it is.
    pub(crate) fn join(&mut self, process: ProcessId) {
        self.joins += 1;
        self.members.entry(process).or_insert(MemberId(self.joins));
    }

    /// A commit arrives. Whether it is stored, which it is not from a member that was forgotten and has
    /// joined anew since; a violation if it claims what is not so.
    pub(crate) fn commit(&mut self, now: u64, from: Option<MemberId>, batch: &Batch) -> Result<bool, Violation> {
        let is_member = from.is_some_and(|from| self.members.values().any(|member| *member == from));
        if !is_member || now < self.commits_fail_until {
            return Ok(false);
        }
        for entry in &batch.entries {
            let partition = &mut self.partitions[entry.partition.number as usize];
            ensure(entry.metadata.len() <= MAX_ENCODED_LEN, || format!("{} characters", entry.metadata.len()))?;
            let ledger = decode(&entry.metadata).map_err(|damage| Violation(damage.to_string()))?;
            let window = ledger.window;
            ensure(window.base() == entry.offset, || format!("{entry:?} is about {}", window.base()))?;
            ensure(window.top() <= partition.end(), || format!("{entry:?} ends beyond the log"))?;
            for offset in 0..window.top().max(window.base()) {
                let so = partition.ended(offset) || !window.is_finished(offset);
                ensure(so, || format!("{}/{offset} is committed and has not ended", entry.partition.number))?;
            }
            let before = partition.committed.as_ref().map_or(0, |committed| committed.offset);
            let back = entry.offset < before && before <= partition.end();
            ensure(!back, || format!("{} went back from {before} to {}", entry.partition.number, entry.offset))?;
            partition.committed = Some(Committed { offset: entry.offset, metadata: entry.metadata.clone() });
        }
        Ok(true)
    }

    /// Who should have which partition: as even as possible, moving as few as possible.
    pub(crate) fn targets(&self) -> BTreeMap<usize, ProcessId> {
        let mut loads: BTreeMap<ProcessId, usize> = self.members.keys().map(|&member| (member, 0)).collect();
        let most = self.partitions.len().div_ceil(self.members.len().max(1));
        let mut targets = BTreeMap::new();
        for (number, partition) in self.partitions.iter().enumerate() {
            if let Some(owner) = partition.owner
                && let Some(load) = loads.get_mut(&owner)
                && *load < most
            {
                *load += 1;
                targets.insert(number, owner);
            }
        }
        for number in 0..self.partitions.len() {
            let least = loads.iter().min_by_key(|(_, load)| **load).map(|(&member, _)| member);
            if !targets.contains_key(&number)
                && let Some(member) = least
            {
                *loads.entry(member).or_default() += 1;
                targets.insert(number, member);
            }
        }
        targets
    }

    /// The next record of a partition at or after `position`.
    pub(crate) fn read(&self, partition: usize, position: i64, bug: Option<Bug>) -> Option<i64> {
        let entries = self.partitions[partition].entries.iter().enumerate().skip(position as usize);
        let mut records = entries.filter(|(_, entry)| entry.nature.is_some()).map(|(offset, _)| offset as i64);
        let next = records.next()?;
        // Every seventh record gets lost in the client.
        let lost = bug == Some(Bug::RecordsGoAstray) && next % 7 == 3;
        if lost { records.next() } else { Some(next) }
    }
}

fn entries(log: Vec<Option<Nature>>, appended: u64) -> Vec<Entry> {
    let entry = |nature| Entry { nature, results: 0, letters: 0, skips: 0, appended, leases: 0, failures: 0 };
    log.into_iter().map(entry).collect()
}
