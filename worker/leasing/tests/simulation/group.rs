//! The consumer group: who comes, who goes, who is told what.

use imagejob_leasing::dispatcher::Partition;
use rand::Rng as _;

use crate::dispatcher::{Rebalance, partition};
use crate::dispatching::Told;
use crate::network::{End, ProcessId};
use crate::violation::Violation;
use crate::world::{Event, World};

/// After so long without a heartbeat a member is forgotten, ms.
const SESSION: u64 = 6_000;
/// How long outcomes are waited for when a dispatcher ends, ms.
const DRAIN: u64 = 500;

impl World {
    pub(crate) fn joins(&mut self, id: ProcessId) -> Result<(), Violation> {
        if self.dispatchers.get(&id).is_some_and(|dispatcher| dispatcher.leaving.is_none()) {
            self.broker.join(id);
            let member = self.broker.members.get(&id).copied();
            if let Some(dispatcher) = self.dispatchers.get_mut(&id) {
                dispatcher.member = member;
            }
            self.rebalance();
        }
        Ok(())
    }

    pub(crate) fn leaves(&mut self, id: ProcessId) -> Result<(), Violation> {
        let Some(dispatcher) = self.dispatchers.remove(&id) else { return Ok(()) };
        for session in self.network.of(id) {
            self.hang_up_from(session, End::Dispatcher);
        }
        self.forget_member(id);
        self.after(100, 3_000, Event::StartDispatcher(dispatcher.address));
        Ok(())
    }

    pub(crate) fn session_expires(&mut self, id: ProcessId) -> Result<(), Violation> {
        let answers = self.dispatchers.contains_key(&id) && !self.stalled.contains_key(&id);
        if self.broker.members.contains_key(&id) && !answers {
            if let Some(dispatcher) = self.dispatchers.get_mut(&id) {
                dispatcher.expired = true;
            }
            self.forget_member(id);
        }
        Ok(())
    }

    fn forget_member(&mut self, id: ProcessId) {
        self.broker.members.remove(&id);
        for (number, partition) in self.broker.partitions.iter_mut().enumerate() {
            if partition.owner == Some(id) {
                partition.owner = None;
                self.broker.revoking.remove(&number);
            }
        }
        self.rebalance();
    }

    /// Gives partitions to whoever should have them; those of others are asked for first. Waits for members
    /// that do not answer.
    fn rebalance(&mut self) {
        let silent = |id: &ProcessId| !self.dispatchers.contains_key(id) || self.stalled.contains_key(id);
        self.rebalance_waits = self.broker.members.keys().any(silent);
        if self.rebalance_waits {
            return;
        }
        let (mut given, mut taken) = (Told::new(), Told::new());
        for (number, target) in self.broker.targets() {
            match self.broker.partitions[number].owner {
                None => {
                    self.broker.partitions[number].owner = Some(target);
                    given.entry(target).or_default().push(partition(number));
                }
                Some(owner) if owner != target && self.broker.revoking.insert(number) => {
                    taken.entry(owner).or_default().push(partition(number));
                }
                Some(_) => {}
            }
        }
        for (id, partitions) in taken {
            self.tell(id, Rebalance::Revoked(partitions, false));
        }
        for (id, partitions) in given {
            self.tell(id, Rebalance::Assigned(partitions));
        }
    }

    /// With the next heartbeat, in order.
    fn tell(&mut self, id: ProcessId, rebalance: Rebalance) {
        let heartbeat = self.random.random_range(0..500);
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return };
        dispatcher.told_at = dispatcher.told_at.max(self.now + heartbeat);
        let at = dispatcher.told_at;
        self.at(at, Event::Group(id, rebalance));
    }

    pub(crate) fn told_rebalance(&mut self, id: ProcessId, rebalance: Rebalance) -> Result<(), Violation> {
        if let Some(dispatcher) = self.dispatchers.get_mut(&id) {
            dispatcher.rebalances.push_back(rebalance);
            self.next_rebalance(id);
        }
        Ok(())
    }

    fn next_rebalance(&mut self, id: ProcessId) {
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return };
        if dispatcher.rebalancing || dispatcher.leaving.is_some() {
            return;
        }
        let Some(rebalance) = dispatcher.rebalances.pop_front() else { return };
        dispatcher.rebalancing = true;
        match rebalance {
            Rebalance::Assigned(partitions) => {
                dispatcher.owned.extend(&partitions);
                dispatcher.membership.assigned(&partitions);
            }
            Rebalance::Revoked(partitions, lost) => {
                let now = dispatcher.moment(self.now);
                dispatcher.membership.revoked(now, &mut dispatcher.desk, partitions, lost);
            }
        }
        // Its errands are run when time passes for it next.
    }

    /// A rebalance is agreed to.
    pub(crate) fn agreed(&mut self, id: ProcessId) {
        if let Some(dispatcher) = self.dispatchers.get_mut(&id) {
            dispatcher.rebalancing = false;
            self.next_rebalance(id);
        }
    }

    pub(crate) fn gave_up(&mut self, id: ProcessId, partitions: &[Partition]) {
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return };
        for partition in partitions {
            dispatcher.queues.remove(partition);
            dispatcher.owned.remove(partition);
            let number = partition.number as usize;
            if self.broker.partitions[number].owner == Some(id) {
                self.broker.partitions[number].owner = None;
                self.broker.revoking.remove(&number);
            }
        }
        // What it gives up in good order before it learns that it was forgotten is not all that it lost.
        if dispatcher.expired && dispatcher.owned.is_empty() {
            dispatcher.expired = false;
            self.after(1, 500, Event::Joins(id));
        }
        self.rebalance();
        self.agreed(id);
    }

    /// A dispatcher that the group has forgotten meanwhile learns that its partitions are others'.
    pub(crate) fn rejoin_if_expired(&mut self, id: ProcessId) -> Result<(), Violation> {
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return Ok(()) };
        if dispatcher.expired {
            // What it was about to be told is void.
            dispatcher.rebalances.clear();
            let owned = dispatcher.owned.iter().copied().collect();
            dispatcher.rebalances.push_back(Rebalance::Revoked(owned, true));
            self.next_rebalance(id);
        } else {
            self.rebalance();
        }
        Ok(())
    }

    /// SIGKILL.
    pub(crate) fn kill_dispatcher(&mut self, id: ProcessId) -> Result<(), Violation> {
        let Some(dispatcher) = self.dispatchers.remove(&id) else { return Ok(()) };
        self.stalled.remove(&id);
        for session in self.network.of(id) {
            let (least, most) = self.end_of_connections();
            self.after(least, most, Event::Ended(session));
            self.network.close(session, End::Dispatcher);
        }
        self.at(self.now + SESSION, Event::SessionExpires(id));
        self.after(100, 3_000, Event::StartDispatcher(dispatcher.address));
        Ok(())
    }

    /// SIGTERM: nothing more is lent, outcomes are waited for, the last commit, farewell.
    pub(crate) fn end_dispatcher(&mut self, id: ProcessId) -> Result<(), Violation> {
        if let Some(dispatcher) = self.dispatchers.get_mut(&id) {
            dispatcher.leaving.get_or_insert(self.now + DRAIN);
        }
        Ok(())
    }

    pub(crate) fn leave_when_drained(&mut self, id: ProcessId) -> Result<(), Violation> {
        let Some(dispatcher) = self.dispatchers.get_mut(&id) else { return Ok(()) };
        let due = dispatcher.leaving.is_some_and(|until| self.now >= until || dispatcher.desk.on_loan() == 0);
        if due && !std::mem::replace(&mut dispatcher.left, true) {
            let (member, batch) = (dispatcher.member, dispatcher.desk.take_commit());
            // After whatever is still on its way: one connection carries all, the farewell too.
            self.at(self.now + 65, Event::CommitArrives(id, member, batch));
            self.at(self.now + 130, Event::Leaves(id));
        }
        Ok(())
    }
}
