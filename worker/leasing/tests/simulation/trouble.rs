//! What goes wrong. Each schedule has some kinds of trouble and not others, so that rare combinations come up.

use std::num::NonZeroU32;

use imagejob_leasing::dispatcher::SessionId;
use imagejob_protocol::settings::{OnExhausted, Retry};
use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use crate::broker::Nature;
use crate::dispatcher::MAX_ATTEMPTS;
use crate::network::ProcessId;
use crate::violation::Violation;
use crate::world::{Event, World};

/// One kind of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    WorkerDies,
    WorkerEnds,
    WorkerStalls,
    DispatcherDies,
    DispatcherEnds,
    DispatcherStalls,
    StreamBreaks,
    StreamFallsSilent,
    CommitsFail,
    Suspension,
    GroupGrows,
    TopicRecreated,
}

/// With these nobody forgets what is done, so nothing may be done twice.
const CALM: [Trouble; 5] =
    [Trouble::DispatcherDies, Trouble::DispatcherEnds, Trouble::CommitsFail, Trouble::Suspension, Trouble::GroupGrows];
const STORM: [Trouble; 7] = [
    Trouble::WorkerDies,
    Trouble::WorkerEnds,
    Trouble::WorkerStalls,
    Trouble::DispatcherStalls,
    Trouble::StreamBreaks,
    Trouble::StreamFallsSilent,
    Trouble::TopicRecreated,
];

/// Most jobs keep what they give up.
const LAST_RESORTS: [OnExhausted; 4] =
    [OnExhausted::DeadLetter, OnExhausted::DeadLetter, OnExhausted::Skip, OnExhausted::Block];

/// What a schedule has in store.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) kinds: Vec<Trouble>,
    /// Nothing goes wrong any more from here on, ms.
    pub(crate) until: u64,
    /// Longest pause between two troubles, ms.
    pause: u64,
    /// Records that fail or kill.
    bad_records: bool,
    /// When records are tried again, and what becomes of those that are given up.
    pub(crate) retry: Retry,
    /// Records a second of all dispatchers.
    pub(crate) rate_limit: Option<NonZeroU32>,
    /// Longest ordinary work, ms.
    pub(crate) work: u64,
    /// Work that takes longer than a lease interval.
    pub(crate) long_items: bool,
    /// Processes die with their nodes now and then: nobody closes their connections.
    pub(crate) nodes_die: bool,
    /// All dispatchers share one address.
    pub(crate) one_address: bool,
}

impl Plan {
    pub(crate) fn draw(random: &mut StdRng, calm: bool) -> Self {
        let storm: &[Trouble] = if calm { &[] } else { &STORM };
        let kinds = CALM.iter().chain(storm).copied().filter(|_| random.random_bool(0.4)).collect();
        Self {
            kinds,
            until: random.random_range(3_000..25_000),
            pause: random.random_range(200..6_000),
            bad_records: !calm && random.random_bool(0.5),
            retry: Retry {
                max_attempts: MAX_ATTEMPTS,
                initial_backoff_ms: 100,
                max_backoff_ms: 1_000,
                max_age_ms: random.random_bool(0.2).then(|| random.random_range(500..20_000)),
                on_exhausted: *LAST_RESORTS.choose(random).unwrap_or(&OnExhausted::DeadLetter),
            },
            rate_limit: NonZeroU32::new(random.random_range(10..200)).filter(|_| random.random_bool(0.25)),
            work: *[20, 200, 2_000].choose(random).unwrap_or(&20),
            long_items: random.random_bool(0.2),
            nodes_die: !calm && random.random_bool(0.3),
            // Behind one address a new dispatcher is found by chance, which may take longer than it waits.
            one_address: !calm && random.random_bool(0.3),
        }
    }

    /// Up to `most` records of any nature.
    pub(crate) fn records(&self, random: &mut StdRng, most: usize) -> Vec<Option<Nature>> {
        let count = random.random_range(0..=most);
        let nature = |random: &mut StdRng| match random.random_range(0..100) {
            0..5 => None,
            5..8 if self.bad_records => Some(Nature::Broken),
            8..12 if self.bad_records => Some(Nature::Flaky(random.random_range(1..5))),
            12 if self.bad_records => Some(Nature::Killer),
            _ => Some(Nature::Good),
        };
        (0..count).map(|_| nature(random)).collect()
    }
}

impl World {
    /// Something goes wrong, and later something else.
    pub(crate) fn trouble(&mut self) -> Result<(), Violation> {
        if self.now >= self.plan.until {
            return Ok(());
        }
        self.after(50, self.plan.pause.max(50), Event::Trouble);
        let Some(&kind) = self.plan.kinds.choose(&mut self.random) else { return Ok(()) };
        match kind {
            Trouble::WorkerDies => self.any_worker().map_or(Ok(()), |id| self.kill_worker(id)),
            Trouble::WorkerEnds => self.any_worker().map_or(Ok(()), |id| self.end_worker(id)),
            Trouble::WorkerStalls => self.any_worker().map_or(Ok(()), |id| self.stall(id)),
            Trouble::DispatcherDies => self.any_dispatcher().map_or(Ok(()), |id| self.kill_dispatcher(id)),
            Trouble::DispatcherEnds => self.any_dispatcher().map_or(Ok(()), |id| self.end_dispatcher(id)),
            Trouble::DispatcherStalls => self.any_dispatcher().map_or(Ok(()), |id| self.stall(id)),
            Trouble::StreamBreaks => {
                if let Some(session) = self.any_session() {
                    self.break_stream(session);
                }
                Ok(())
            }
            Trouble::StreamFallsSilent => {
                if let Some(session) = self.any_session() {
                    self.network.silence(session);
                    // Ten seconds until keepalive notices, at each end by itself.
                    self.after(9_000, 10_500, Event::HangUp(session));
                    self.after(9_000, 10_500, Event::Ended(session));
                }
                Ok(())
            }
            Trouble::CommitsFail => {
                self.broker.commits_fail_until = self.now + self.random.random_range(100..4_000);
                Ok(())
            }
            Trouble::Suspension => {
                self.after(100, 3_000, Event::Resumption);
                self.suspend(true)
            }
            Trouble::GroupGrows => self.grow(),
            Trouble::TopicRecreated => self.recreate_topic(),
        }
    }

    /// Whatever is wrong is put right.
    pub(crate) fn end_trouble(&mut self) {
        self.broker.commits_fail_until = 0;
        self.at(self.now, Event::Resumption);
        for id in self.stalled.keys().copied().collect::<Vec<_>>() {
            self.at(self.now, Event::Resume(id));
        }
    }

    pub(crate) fn suspend(&mut self, suspended: bool) -> Result<(), Violation> {
        self.suspended = suspended;
        for dispatcher in self.dispatchers.values_mut() {
            dispatcher.desk.suspend(suspended);
        }
        Ok(())
    }

    /// One dispatcher more, three at most.
    fn grow(&mut self) -> Result<(), Violation> {
        if self.addresses < 3 {
            self.addresses += 1;
            let peers = self.addresses as u32;
            for dispatcher in self.dispatchers.values_mut() {
                dispatcher.desk.expect_peers(peers);
            }
            for id in self.workers.keys().copied().collect::<Vec<_>>() {
                self.after(0, 500, Event::Dial(id));
            }
            return self.start_dispatcher(self.addresses - 1);
        }
        Ok(())
    }

    /// A process is stopped for some time, as by a frozen node.
    fn stall(&mut self, id: ProcessId) -> Result<(), Violation> {
        let pause = if self.random.random_bool(0.5) { 1_000 } else { 20_000 };
        let pause = self.random.random_range(50..pause);
        self.stalled.insert(id, Vec::new());
        self.at(self.now + pause, Event::Resume(id));
        if self.dispatchers.contains_key(&id) && pause > 6_000 {
            self.at(self.now + 6_000, Event::SessionExpires(id));
        }
        if pause > 10_000 {
            for session in self.network.of(id) {
                self.at(self.now + 10_000, Event::HangUp(session));
                self.at(self.now + 10_000, Event::Ended(session));
            }
        }
        Ok(())
    }

    /// It goes on where it was, with all that came meanwhile.
    pub(crate) fn resume(&mut self, id: ProcessId) -> Result<(), Violation> {
        for event in self.stalled.remove(&id).unwrap_or_default() {
            self.happen(event)?;
        }
        self.rejoin_if_expired(id)
    }

    /// All programs end, and come back to a topic of the same name that is shorter than what was committed.
    fn recreate_topic(&mut self) -> Result<(), Violation> {
        for id in self.dispatchers.keys().copied().collect::<Vec<_>>() {
            self.kill_dispatcher(id)?;
        }
        for id in self.workers.keys().copied().collect::<Vec<_>>() {
            self.kill_worker(id)?;
        }
        let shorter = |committed: &imagejob_leasing::dispatcher::Committed| {
            let top = imagejob_ledger::decode(&committed.metadata).map_or(0, |ledger| ledger.window.top());
            if committed.offset > 0 { committed.offset } else { top }
        };
        let mut logs = Vec::new();
        for number in 0..self.broker.partitions.len() {
            let limit = self.broker.partitions[number].committed.as_ref().map(shorter);
            let mut log = self.plan.records(&mut self.random, 40);
            if let Some(limit) = limit.filter(|&limit| limit > 0) {
                log.truncate(limit as usize - 1);
            }
            logs.push(log);
        }
        self.forget_what_is_on_its_way();
        self.broker.recreate(self.now, logs);
        Ok(())
    }

    /// When others notice that a process is dead, ms: its system closes its connections, unless that is dead too.
    pub(crate) fn end_of_connections(&mut self) -> (u64, u64) {
        if self.plan.nodes_die && self.random.random_bool(0.2) { (9_000, 10_500) } else { (0, 5) }
    }

    /// What is on its way may still arrive, at each end.
    fn break_stream(&mut self, session: SessionId) {
        self.after(0, 40, Event::HangUp(session));
        self.after(0, 40, Event::Ended(session));
    }

    fn any_worker(&mut self) -> Option<ProcessId> {
        let all: Vec<_> = self.workers.keys().copied().filter(|id| !self.stalled.contains_key(id)).collect();
        all.choose(&mut self.random).copied()
    }

    fn any_dispatcher(&mut self) -> Option<ProcessId> {
        let all: Vec<_> = self.dispatchers.keys().copied().filter(|id| !self.stalled.contains_key(id)).collect();
        all.choose(&mut self.random).copied()
    }

    fn any_session(&mut self) -> Option<SessionId> {
        self.network.sessions().choose(&mut self.random).copied()
    }
}
