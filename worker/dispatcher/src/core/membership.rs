//! Coming, going and committing: what the core does as a member of the group.
//!
//! A rebalance is a rendezvous: partitions are assigned once their positions are known, and given up
//! once their outcomes are committed, or half a second has passed. All commits of a partition have
//! ended before it is given up, because the broker does not check who owns it.

use std::sync::Arc;
use std::time::Duration;

use imagejob_protocol::reasons::ProblemReason;
use tracing::{info, warn};

use super::Core;
use crate::clock::Moment;
use crate::commit::Batch;
use crate::consumer::{Group, commit, leave, poll};
use crate::position::Start;
use crate::record::Partition;
use crate::signals::GroupEvent;

/// Pause between commits.
const COMMIT_PAUSE: Duration = Duration::from_millis(500);
/// How long outcomes are waited for before a partition is given up. librdkafka fetches nothing for
/// the partitions that stay meanwhile.
const HANDOVER: Duration = Duration::from_millis(500);
/// How long the last commit and leaving may take together.
const LEAVING: Duration = Duration::from_secs(4);

/// Where the core stands with the group.
#[derive(Default)]
pub(super) struct Membership {
    pub(super) group: Option<Group>,
    /// Grows with every consumer; answers about an older one are void.
    pub(super) epoch: u64,
    /// Partitions whose positions are being looked up.
    assigning: Vec<Partition>,
    revoking: Option<Revoking>,
    /// A commit is under way.
    committing: bool,
    next_commit: Duration,
}

struct Revoking {
    partitions: Vec<Partition>,
    /// Others have them already: commit nothing.
    lost: bool,
    until: Duration,
    /// The last commit has begun.
    committed: bool,
}

impl Core {
    /// Acts on what librdkafka noted.
    pub(super) fn follow_group(&mut self) {
        for partition in self.signals.take_readable() {
            self.questions.ends_may_have_moved();
            self.desk.readable(partition);
        }
        let events = match (&self.membership.group, &self.questions.outsider) {
            (Some(group), _) => group.poll(),
            (None, Some(outsider)) => poll(outsider),
            (None, None) => Vec::new(),
        };
        for event in events {
            self.on_group_event(event);
        }
        self.give_up_when_due();
    }

    /// Joins the group, with a new consumer.
    pub(super) fn join(&mut self, partitions: u32) {
        let group = &self.settings.consumer_group;
        match Group::join(&self.access, group, &self.topics, partitions, Arc::clone(&self.signals)) {
            Ok(joined) => {
                info!(group, partitions, "joining the group");
                self.membership =
                    Membership { group: Some(joined), epoch: self.membership.epoch + 1, ..Membership::default() };
            }
            Err(error) => {
                let message = format!("no consumer could be created: {error}");
                self.desk.problems.set(ProblemReason::BrokerUnreachable, message);
            }
        }
    }

    fn on_group_event(&mut self, event: GroupEvent) {
        match event {
            GroupEvent::Assigned(names) => {
                let partitions = self.partitions(&names);
                info!(partitions = partitions.len(), "assigned");
                self.desk.problems.clear(ProblemReason::NotAuthorized);
                self.membership.assigning.extend(partitions);
                self.ask_starts();
            }
            GroupEvent::Revoked { partitions, lost } => {
                let partitions = self.partitions(&partitions);
                info!(partitions = partitions.len(), lost, "revoked");
                self.membership.assigning.retain(|assigned| !partitions.contains(assigned));
                self.desk.close(&partitions);
                self.given_up();
                let until = self.clock.now().uptime + HANDOVER;
                self.membership.revoking = Some(Revoking { partitions, lost, until, committed: false });
            }
            GroupEvent::Error(error) => self.on_consumer_error(error),
        }
    }

    /// Asks where the assigned partitions begin; asked again until there is an answer.
    pub(super) fn ask_starts(&mut self) {
        let partitions = self.membership.assigning.clone();
        if partitions.is_empty() {
            return self.assign(Vec::new());
        }
        if let Some(group) = &self.membership.group {
            self.questions.starts(group.handle(), self.membership.epoch, partitions);
        }
    }

    /// The positions are known: reading begins, and they are committed at once.
    pub(super) fn assign(&mut self, starts: Vec<(Partition, Start)>) {
        let still_ours = |(partition, _): &(Partition, Start)| self.membership.assigning.contains(partition);
        let starts: Vec<_> = starts.into_iter().filter(still_ours).collect();
        let Some(group) = &mut self.membership.group else { return };
        let positions: Vec<_> = starts.iter().map(|(partition, start)| (*partition, start.window.base())).collect();
        if let Err(error) = group.assign(&positions) {
            return self.recreate(format!("the assignment was not taken: {error}"));
        }
        let now = self.clock.now();
        let partitions: Vec<_> = starts.iter().map(|&(partition, _)| partition).collect();
        for (partition, start) in starts {
            let (topic, partition_number) = (self.topics.name(partition), partition.number);
            if start.expired > 0 {
                warn!(topic, partition_number, records = start.expired, "deleted by retention before they were read");
            }
            if let Some(void) = start.void {
                warn!(topic, partition_number, reason = void.as_str(), "the ledger is void");
            }
            self.desk.hold(now, partition, start);
        }
        self.membership.assigning.retain(|partition| !partitions.contains(partition));
        self.membership.next_commit = now.uptime;
        self.questions.history(group.handle(), now, partitions);
        self.ready();
    }

    fn give_up_when_due(&mut self) {
        let now = self.clock.now().uptime;
        let Some(revoking) = &mut self.membership.revoking else { return };
        if revoking.lost {
            return self.given_up();
        }
        let waiting = self.desk.on_loan_of(&revoking.partitions) > 0 && now < revoking.until;
        if self.membership.committing || (waiting && !revoking.committed) {
            return;
        }
        if revoking.committed {
            return self.given_up();
        }
        revoking.committed = true;
        self.commit();
    }

    fn given_up(&mut self) {
        let Some(Revoking { partitions, .. }) = self.membership.revoking.take() else { return };
        self.desk.release(&partitions);
        if let Some(group) = &mut self.membership.group
            && let Err(error) = group.unassign(&partitions)
        {
            self.recreate(format!("the revocation was not taken: {error}"));
        }
    }

    pub(super) fn commit_when_due(&mut self, now: Moment) {
        let Membership { revoking, committing, next_commit, .. } = &mut self.membership;
        if revoking.is_none() && !*committing && now.uptime >= *next_commit {
            *next_commit = now.uptime + COMMIT_PAUSE;
            self.commit();
        }
    }

    fn commit(&mut self) {
        let Some(group) = &self.membership.group else { return };
        let batch = self.desk.take_commit();
        if batch.entries.is_empty() {
            self.desk.committed(self.clock.now().uptime, &batch);
        } else {
            self.membership.committing = true;
            self.questions.commit(group.handle(), self.membership.epoch, batch);
        }
    }

    /// A commit has ended. One that failed is no harm: the next says more, and if partitions are gone
    /// by then, workers tell their next holder what they did.
    pub(super) fn on_committed(&mut self, batch: &Batch, result: Result<(), String>) {
        self.membership.committing = false;
        match result {
            Ok(()) => self.desk.committed(self.clock.now().uptime, batch),
            Err(error) => {
                info!(error, "commit failed, another follows");
                self.desk.not_committed(batch);
            }
        }
    }

    /// The consumer is beyond repair: everything it held is given up without a commit, and a new one
    /// begins where the last commit left off.
    pub(super) fn recreate(&mut self, message: String) {
        warn!(message, "the consumer is replaced by a new one");
        let now = self.clock.now();
        self.desk.release(&self.desk.held());
        self.desk.problems.happened(now.uptime, ProblemReason::ConsumerRecreated, message);
        if let Some(group) = self.membership.group.take() {
            let handle = group.into_handle();
            tokio::task::spawn_blocking(move || leave(handle, LEAVING));
        }
        self.membership = Membership { epoch: self.membership.epoch + 1, ..Membership::default() };
        self.questions.begin_again();
    }

    /// The last commit, and a farewell that lets others have the partitions at once.
    pub(super) async fn leave(mut self) {
        let Some(group) = self.membership.group.take() else { return };
        let batch = self.desk.take_commit();
        let (handle, topics) = (group.into_handle(), self.topics.clone());
        let left = tokio::task::spawn_blocking(move || {
            let result = commit(&handle, &topics, &batch.entries);
            leave(handle, LEAVING);
            result
        });
        match tokio::time::timeout(LEAVING, left).await {
            Ok(Ok(Ok(()))) => info!("committed and left the group"),
            Ok(Ok(Err(error))) => warn!(%error, "left the group without a last commit"),
            Ok(Err(_)) | Err(_) => warn!("left the group in haste"),
        }
    }

    fn partitions(&self, names: &[(String, i32)]) -> Vec<Partition> {
        names.iter().filter_map(|(topic, number)| self.topics.find(topic, *number)).collect()
    }

    /// Whether an answer concerns the present consumer.
    pub(super) fn is_current(&self, epoch: u64) -> bool {
        self.membership.epoch == epoch
    }
}
