//! Belonging to the group: runs the errands of the [`Membership`], which decides, over librdkafka.

use std::sync::Arc;
use std::time::Duration;

use imagejob_leasing::dispatcher::{Batch, Errand, Membership, Moment, Partition, Start};
use imagejob_protocol::reasons::ProblemReason;
use tracing::{info, warn};

use super::Core;
use crate::consumer::{Group, commit, leave, poll};
use crate::signals::GroupEvent;

/// How long the last commit and leaving may take together.
const LEAVING: Duration = Duration::from_secs(4);

/// Where the core stands with the group.
#[derive(Default)]
pub(super) struct Belonging {
    pub(super) group: Option<Group>,
    /// Grows with every consumer; answers about an older one are void.
    pub(super) epoch: u64,
    pub(super) membership: Membership,
}

impl Core {
    /// Acts on what librdkafka noted.
    pub(super) fn follow_group(&mut self) {
        for partition in self.signals.take_readable() {
            self.questions.ends_may_have_moved();
            self.desk.readable(partition);
        }
        let events = match (&self.belonging.group, &self.questions.outsider) {
            (Some(group), _) => group.poll(),
            (None, Some(outsider)) => poll(outsider),
            (None, None) => Vec::new(),
        };
        for event in events {
            self.on_group_event(event);
        }
        self.belonging.membership.give_up_when_due(self.clock.now(), &mut self.desk);
        self.run_errands();
    }

    /// Joins the group, with a new consumer.
    pub(super) fn join(&mut self, partitions: u32) {
        let (group, protocol) = (&self.settings.consumer_group, self.settings.group_protocol);
        match Group::join(&self.access, group, protocol, &self.topics, partitions, Arc::clone(&self.signals)) {
            Ok(joined) => {
                info!(group, ?protocol, partitions, "joining the group");
                self.questions.belong();
                let epoch = self.belonging.epoch + 1;
                self.belonging = Belonging { group: Some(joined), epoch, membership: Membership::default() };
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
                self.belonging.membership.assigned(&partitions);
            }
            GroupEvent::Revoked { partitions, lost } => {
                let partitions = self.partitions(&partitions);
                info!(partitions = partitions.len(), lost, "revoked");
                self.belonging.membership.revoked(self.clock.now(), &mut self.desk, partitions, lost);
            }
            GroupEvent::Error(error) => self.on_consumer_error(error),
        }
        self.run_errands();
    }

    /// Does what the membership asks for.
    pub(super) fn run_errands(&mut self) {
        for errand in self.belonging.membership.take_errands() {
            let Some(group) = &mut self.belonging.group else { return };
            let (handle, epoch) = (group.handle(), self.belonging.epoch);
            let agreed = match errand {
                Errand::AskStarts(partitions) => {
                    self.questions.starts(handle, epoch, partitions);
                    continue;
                }
                Errand::Commit(batch) => {
                    self.questions.commit(handle, epoch, batch);
                    continue;
                }
                Errand::Read(positions) => group.assign(&positions),
                Errand::GiveUp(partitions) => group.unassign(&partitions),
            };
            if let Err(error) = agreed {
                return self.recreate(format!("the rebalance was not taken: {error}"));
            }
        }
    }

    /// The positions that were asked for are known.
    pub(super) fn begin(&mut self, now: Moment, starts: Vec<(Partition, Start)>) {
        for (partition, start) in &starts {
            let (topic, partition) = (self.topics.name(*partition), partition.number);
            if start.expired > 0 {
                warn!(topic, partition, records = start.expired, "deleted by retention before they were read");
            }
            if let Some(void) = start.void {
                warn!(topic, partition, reason = void.as_str(), "the ledger is void");
            }
        }
        let partitions: Vec<_> = starts.iter().map(|&(partition, _)| partition).collect();
        self.belonging.membership.begin(now, &mut self.desk, starts);
        self.run_errands();
        if let Some(group) = &self.belonging.group {
            self.questions.history(group.handle(), now, partitions);
            self.ready();
        }
    }

    pub(super) fn commit_when_due(&mut self, now: Moment) {
        self.belonging.membership.commit_when_due(now, &mut self.desk);
        self.run_errands();
    }

    /// A commit has ended.
    pub(super) fn on_committed(&mut self, now: Moment, batch: &Batch, result: Result<(), String>) {
        let stored = match result {
            Ok(()) => true,
            Err(error) => {
                info!(error, "commit failed, another follows");
                false
            }
        };
        self.belonging.membership.committed(now, &mut self.desk, batch, stored);
    }

    /// The consumer is beyond repair: everything it held is given up without a commit, and a new one
    /// begins where the last commit left off.
    pub(super) fn recreate(&mut self, message: String) {
        warn!(message, "the consumer is replaced by a new one");
        let now = self.clock.now();
        self.desk.release(now, &self.desk.held());
        self.desk.problems.happened(now.uptime, ProblemReason::ConsumerRecreated, message);
        if let Some(group) = self.belonging.group.take() {
            let handle = group.into_handle();
            tokio::task::spawn_blocking(move || leave(handle, LEAVING));
        }
        self.belonging = Belonging { epoch: self.belonging.epoch + 1, ..Belonging::default() };
        self.questions.begin_again();
    }

    /// The last commit, and a farewell that lets others have the partitions at once.
    pub(super) async fn leave(mut self) {
        let Some(group) = self.belonging.group.take() else { return };
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
        self.belonging.epoch == epoch
    }
}
