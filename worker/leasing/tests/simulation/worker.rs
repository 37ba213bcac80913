//! A worker process: the production desk, work that takes its time, and a dialler.

use std::collections::BTreeMap;

use imagejob_leasing::dispatcher::SessionId;
use imagejob_leasing::worker::Desk;
use imagejob_leasing::worker::held::Position;

/// A worker process.
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) slots: u32,
    pub(crate) desk: Desk,
    /// Streams that were welcomed, by the dispatcher's name.
    pub(crate) streams: BTreeMap<String, SessionId>,
    /// A stream that waits for its welcome.
    pub(crate) dialling: Option<SessionId>,
    /// The next address to dial.
    pub(crate) turn: usize,
    /// What is being worked on, and the number of that attempt.
    pub(crate) items: BTreeMap<Position, u64>,
    /// It takes no more leases, and ends when it has none.
    pub(crate) draining: bool,
}

impl Worker {
    pub(crate) fn new(name: String, slots: u32) -> Self {
        Self {
            desk: Desk::new(name.clone(), slots),
            name,
            slots,
            streams: BTreeMap::new(),
            dialling: None,
            turn: 0,
            items: BTreeMap::new(),
            draining: false,
        }
    }

    /// The dispatcher at the other end of a stream.
    pub(crate) fn dispatcher_of(&self, session: SessionId) -> Option<String> {
        self.streams.iter().find(|&(_, &known)| known == session).map(|(name, _)| name.clone())
    }
}
