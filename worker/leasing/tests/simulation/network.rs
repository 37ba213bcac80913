//! Streams between workers and dispatchers: in order, late, and lost with all that is on its way when they break.

use std::collections::BTreeMap;

use imagejob_leasing::dispatcher::SessionId;

/// One life of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProcessId(pub(crate) u64);

/// The two ends of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Worker,
    Dispatcher,
}

/// One way of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Way {
    /// Nothing arrives before this: messages keep their order.
    pub(crate) clear_at: u64,
    /// Messages on their way.
    pub(crate) in_transit: usize,
    /// Whoever should receive does not know of the end yet.
    pub(crate) open: bool,
}

/// A stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) worker: ProcessId,
    pub(crate) dispatcher: ProcessId,
    pub(crate) to_worker: Way,
    pub(crate) to_dispatcher: Way,
    /// Half-open: what is sent gets nowhere.
    pub(crate) silent: bool,
}

impl Link {
    pub(crate) fn way_to(&mut self, end: End) -> &mut Way {
        match end {
            End::Worker => &mut self.to_worker,
            End::Dispatcher => &mut self.to_dispatcher,
        }
    }
}

/// All streams.
#[derive(Default)]
pub(crate) struct Network {
    links: BTreeMap<SessionId, Link>,
    next: u64,
}

impl Network {
    /// A stream that its worker has just begun.
    pub(crate) fn open(&mut self, worker: ProcessId, dispatcher: ProcessId) -> SessionId {
        self.next += 1;
        let way = Way { open: true, ..Way::default() };
        let link = Link { worker, dispatcher, to_worker: way, to_dispatcher: way, silent: false };
        self.links.insert(SessionId(self.next), link);
        SessionId(self.next)
    }

    pub(crate) fn get(&self, session: SessionId) -> Option<&Link> {
        self.links.get(&session)
    }

    /// When a message that is sent now with this latency arrives; `None` if it never does.
    pub(crate) fn send(&mut self, now: u64, session: SessionId, to: End, latency: u64) -> Option<u64> {
        let link = self.links.get_mut(&session).filter(|link| !link.silent)?;
        let way = link.way_to(to);
        if !way.open {
            return None;
        }
        way.clear_at = way.clear_at.max(now + latency);
        way.in_transit += 1;
        Some(way.clear_at)
    }

    /// A message has come through; whether its receiver still listens.
    pub(crate) fn arrive(&mut self, session: SessionId, at: End) -> bool {
        let Some(link) = self.links.get_mut(&session) else { return false };
        let way = link.way_to(at);
        way.in_transit = way.in_transit.saturating_sub(1);
        way.open
    }

    /// This end hears nothing more. The stream is forgotten when both do not.
    pub(crate) fn close(&mut self, session: SessionId, end: End) {
        if let Some(link) = self.links.get_mut(&session) {
            link.way_to(end).open = false;
            if !link.to_worker.open && !link.to_dispatcher.open {
                self.links.remove(&session);
            }
        }
    }

    /// What is sent gets nowhere from now on.
    pub(crate) fn silence(&mut self, session: SessionId) {
        if let Some(link) = self.links.get_mut(&session) {
            link.silent = true;
        }
    }

    /// Streams of a process.
    pub(crate) fn of(&self, process: ProcessId) -> Vec<SessionId> {
        let links = self.links.iter().filter(|(_, link)| link.worker == process || link.dispatcher == process);
        links.map(|(&session, _)| session).collect()
    }

    /// All streams.
    pub(crate) fn sessions(&self) -> Vec<SessionId> {
        self.links.keys().copied().collect()
    }
}
