//! Partitions that come and go, and when the ledger is committed.
//!
//! A rebalance is a rendezvous: partitions are read once their positions are known, and given up once
//! their outcomes are committed, or half a second has passed. All commits of a partition have ended
//! before it is given up, because the broker does not check who owns it.

use std::time::Duration;

use crate::dispatcher::commit::Batch;
use crate::dispatcher::desk::Desk;
use crate::dispatcher::moment::Moment;
use crate::dispatcher::position::Start;
use crate::dispatcher::record::Partition;

/// Pause between commits.
const COMMIT_PAUSE: Duration = Duration::from_millis(500);
/// How long outcomes are waited for before a partition is given up. librdkafka fetches nothing for
/// the partitions that stay meanwhile.
const HANDOVER: Duration = Duration::from_millis(500);

/// What the member of the group is to do, in order.
#[derive(Debug, PartialEq)]
pub enum Errand {
    /// Ask the broker where these begin; [`Membership::begin`] takes the answer.
    AskStarts(Vec<Partition>),
    /// Agree to the assignment and read these from these offsets.
    Read(Vec<(Partition, i64)>),
    /// Store this; [`Membership::committed`] takes the answer.
    Commit(Batch),
    /// Agree to the revocation: these are others' from now on.
    GiveUp(Vec<Partition>),
}

/// Where a dispatcher stands with its group.
#[derive(Debug, Default)]
pub struct Membership {
    /// Partitions whose positions are being looked up.
    assigning: Vec<Partition>,
    revoking: Option<Revoking>,
    /// A commit is under way.
    committing: bool,
    next_commit: Duration,
    errands: Vec<Errand>,
}

#[derive(Debug)]
struct Revoking {
    partitions: Vec<Partition>,
    /// Others have them already: commit nothing.
    lost: bool,
    until: Duration,
    /// The last commit has begun.
    committed: bool,
}

impl Membership {
    /// What is to be done now.
    pub fn take_errands(&mut self) -> Vec<Errand> {
        std::mem::take(&mut self.errands)
    }

    /// The group gives us partitions.
    pub fn assigned(&mut self, partitions: &[Partition]) {
        self.assigning.extend(partitions);
        self.ask_starts();
    }

    /// Asks where the assigned partitions begin; asked again until there is an answer.
    pub fn ask_starts(&mut self) {
        let partitions = self.assigning.clone();
        let agree = partitions.is_empty();
        self.errands.push(if agree { Errand::Read(Vec::new()) } else { Errand::AskStarts(partitions) });
    }

    /// The positions are known: reading begins, and they are committed at once.
    pub fn begin(&mut self, now: Moment, desk: &mut Desk, starts: Vec<(Partition, Start)>) {
        let mut positions = Vec::with_capacity(starts.len());
        for (partition, start) in starts {
            let before = self.assigning.len();
            self.assigning.retain(|&assigned| assigned != partition);
            if self.assigning.len() < before {
                positions.push((partition, start.window.base()));
                desk.hold(now, partition, start);
            }
        }
        self.errands.push(Errand::Read(positions));
        self.next_commit = now.uptime;
    }

    /// The group takes partitions from us; `lost` where others have them already.
    pub fn revoked(&mut self, now: Moment, desk: &mut Desk, partitions: Vec<Partition>, lost: bool) {
        self.assigning.retain(|assigned| !partitions.contains(assigned));
        desk.close(&partitions);
        self.give_up(now, desk);
        let until = now.uptime + HANDOVER;
        self.revoking = Some(Revoking { partitions, lost, until, committed: false });
    }

    /// Gives up what is revoked, once its outcomes are committed.
    pub fn give_up_when_due(&mut self, now: Moment, desk: &mut Desk) {
        let Some(revoking) = &mut self.revoking else { return };
        if revoking.lost {
            return self.give_up(now, desk);
        }
        let waiting = desk.on_loan_of(&revoking.partitions) > 0 && now.uptime < revoking.until;
        if self.committing || (waiting && !revoking.committed) {
            return;
        }
        if revoking.committed {
            return self.give_up(now, desk);
        }
        revoking.committed = true;
        self.commit(now, desk);
    }

    /// Commits twice a second; while partitions are given up, only for that.
    pub fn commit_when_due(&mut self, now: Moment, desk: &mut Desk) {
        if self.revoking.is_none() && !self.committing && now.uptime >= self.next_commit {
            self.next_commit = now.uptime + COMMIT_PAUSE;
            self.commit(now, desk);
        }
    }

    /// A commit has ended. One that failed is no harm: the next says more, and if partitions are gone
    /// by then, workers tell their next holder what they did.
    pub fn committed(&mut self, now: Moment, desk: &mut Desk, batch: &Batch, stored: bool) {
        self.committing = false;
        if stored { desk.committed(now.uptime, batch) } else { desk.not_committed(now.uptime, batch) }
    }

    fn commit(&mut self, now: Moment, desk: &mut Desk) {
        let batch = desk.take_commit();
        if batch.entries.is_empty() {
            desk.committed(now.uptime, &batch);
        } else {
            self.committing = true;
            self.errands.push(Errand::Commit(batch));
        }
    }

    fn give_up(&mut self, now: Moment, desk: &mut Desk) {
        if let Some(Revoking { partitions, .. }) = self.revoking.take() {
            desk.release(now, &partitions);
            self.errands.push(Errand::GiveUp(partitions));
        }
    }
}
