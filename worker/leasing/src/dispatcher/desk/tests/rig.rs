//! A desk with a log, sessions and a clock that tests move.

use std::collections::HashMap;
use std::time::Duration;

use imagejob_ledger::Window;
use imagejob_protocol::settings::{OnExhausted, Retry};
use imagejob_protocol::wire::from_worker::Message as In;
use imagejob_protocol::wire::{self, FailureClass, from_dispatcher::Message as Out};

use crate::dispatcher::desk::{Desk, Limits, Room, Snapshot, Streams};
use crate::dispatcher::moment::Moment;
use crate::dispatcher::position::Start;
use crate::dispatcher::record::{Partition, Record, RecordId, Topics};
use crate::dispatcher::tally::Tally;
use crate::dispatcher::workers::SessionId;

pub(super) const HERE: Partition = Partition { topic: 0, number: 0 };
const SECOND: Partition = Partition { topic: 0, number: 1 };

const RETRY: Retry = Retry {
    max_attempts: 3,
    initial_backoff_ms: 1_000,
    max_backoff_ms: 60_000,
    max_age_ms: None,
    on_exhausted: OnExhausted::DeadLetter,
};

/// A partition that was never read before.
pub(super) fn fresh(end: i64) -> Start {
    Start { first_ever: true, ..resumed(Window::new(0), end) }
}

/// A partition with a past.
pub(super) fn resumed(window: Window, end: i64) -> Start {
    Start { window, end, first_ever: false, void: None, expired: 0 }
}

/// See the module. Helpers without a partition mean [`HERE`].
pub(super) struct Rig {
    pub(super) desk: Desk,
    pub(super) now: Moment,
    /// Records per partition.
    length: i64,
    removed: Vec<i64>,
    positions: HashMap<Partition, i64>,
    inboxes: HashMap<SessionId, Vec<Out>>,
    sequences: HashMap<SessionId, u64>,
    lent: HashMap<SessionId, Vec<i64>>,
}

/// Streams that take everything.
struct Inboxes<'a>(&'a mut HashMap<SessionId, Vec<Out>>);

impl Streams for Inboxes<'_> {
    fn room(&self, session: SessionId) -> Room {
        if self.0.contains_key(&session) { Room::Free } else { Room::Gone }
    }

    fn send(&mut self, session: SessionId, frame: wire::FromDispatcher) {
        self.0.get_mut(&session).unwrap().extend(frame.message);
    }
}

impl Rig {
    pub(super) fn new(length: i64) -> Self {
        Self::with_limits(length, Limits { pen_records: 100, record_bytes: 1 << 30 })
    }

    pub(super) fn with_retry(length: i64, change: impl FnOnce(&mut Retry)) -> Self {
        let mut retry = RETRY;
        change(&mut retry);
        Self::with(length, retry, Limits { pen_records: 100, record_bytes: 1 << 30 })
    }

    pub(super) fn with_limits(length: i64, limits: Limits) -> Self {
        Self::with(length, RETRY, limits)
    }

    fn with(length: i64, retry: Retry, limits: Limits) -> Self {
        let topics = Topics::new(&["photos".to_owned()]);
        Self {
            desk: Desk::new("d1".to_owned(), topics, retry, limits, 1),
            now: Moment { uptime: Duration::ZERO, unix_ms: 1_000_000 },
            length,
            removed: Vec::new(),
            positions: HashMap::new(),
            inboxes: HashMap::new(),
            sequences: HashMap::new(),
            lent: HashMap::new(),
        }
    }

    pub(super) fn remove(&mut self, offsets: &[i64]) {
        self.removed.extend(offsets);
    }

    pub(super) fn hold(&mut self, start: Start) {
        self.hold_partition(HERE, start);
    }

    pub(super) fn hold_second(&mut self, start: Start) {
        self.hold_partition(SECOND, start);
    }

    /// Without a word of the broker about its first position.
    pub(super) fn hold_unwritten(&mut self, start: Start) {
        self.positions.insert(HERE, start.window.base());
        self.desk.hold(self.now, HERE, start);
    }

    fn hold_partition(&mut self, partition: Partition, start: Start) {
        self.positions.insert(partition, start.window.base());
        let first_ever = start.first_ever;
        self.desk.hold(self.now, partition, start);
        if first_ever {
            self.commit();
        }
    }

    pub(super) fn connect(&mut self, session: SessionId, worker: &str, credit: u32) {
        self.connect_with(session, worker, credit, &[], &[]);
    }

    pub(super) fn connect_with(
        &mut self,
        session: SessionId,
        worker: &str,
        credit: u32,
        in_progress: &[i64],
        finished: &[i64],
    ) {
        let positions = |offsets: &[i64]| offsets.iter().map(|&offset| at(offset)).collect();
        let held = wire::Announce { in_progress: positions(in_progress), finished: positions(finished) };
        self.call(session, wire::Hello { worker_id: worker.to_owned(), slots: credit, held: Some(held) });
        self.say(session, In::Credit(wire::Credit { version: 1, leases: credit }));
    }

    /// A stream that says nothing after its first message.
    pub(super) fn call(&mut self, session: SessionId, hello: wire::Hello) {
        self.inboxes.insert(session, Vec::new());
        self.sequences.insert(session, 0);
        self.desk.hello(self.now, session, hello);
    }

    /// The worker's process dies, and the grace passes.
    pub(super) fn vanish(&mut self, session: SessionId) {
        self.desk.hang_up(self.now, session);
        self.pass(Duration::from_secs(3));
    }

    pub(super) fn say(&mut self, session: SessionId, message: In) {
        self.desk.receive(self.now, session, message);
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now.uptime += time;
        self.now.unix_ms += time.as_millis() as i64;
        self.desk.tick(self.now);
    }

    /// Lets the desk lend, and sorts what it says into inboxes.
    fn run(&mut self) {
        let Self { desk, positions, removed, length, now, .. } = self;
        desk.lend(*now, |partition| {
            let position = positions.get_mut(&partition)?;
            while removed.contains(position) {
                *position += 1;
            }
            let offset = *position;
            *position += 1;
            (offset < *length).then(|| record(partition, offset))
        });
        desk.post(&mut Inboxes(&mut self.inboxes));
    }

    /// What a worker was sent, leases apart.
    pub(super) fn messages(&mut self, session: SessionId) -> Vec<Out> {
        self.run();
        let inbox = self.inboxes.get_mut(&session).unwrap();
        let (leases, others) = inbox.drain(..).partition(|message| matches!(message, Out::Loans(_)));
        *inbox = leases;
        others
    }

    pub(super) fn leases(&mut self, session: SessionId) -> Vec<wire::Lease> {
        self.run();
        let mut leases = Vec::new();
        self.inboxes.get_mut(&session).unwrap().retain_mut(|message| match message {
            Out::Loans(loans) => {
                leases.append(&mut loans.leases);
                false
            }
            _ => true,
        });
        let offsets = leases.iter().map(|lease| lease.position.as_ref().unwrap().offset);
        self.lent.entry(session).or_default().extend(offsets);
        leases
    }

    /// Lends, and says which records a worker got.
    pub(super) fn lent(&mut self, session: SessionId) -> Vec<RecordId> {
        let record = |lease: &wire::Lease| {
            let position = lease.position.as_ref().unwrap();
            let partition = Partition { topic: 0, number: position.partition };
            RecordId { partition, offset: position.offset }
        };
        self.leases(session).iter().map(record).collect()
    }

    /// The same as offsets.
    pub(super) fn lend(&mut self, session: SessionId) -> Vec<i64> {
        self.lent(session).iter().map(|id| id.offset).collect()
    }

    pub(super) fn done(&mut self, session: SessionId, offsets: &[i64]) {
        let done = offsets.iter().map(|&offset| wire::Done { position: Some(at(offset)), ..wire::Done::default() });
        self.outcomes(session, wire::Outcomes { done: done.collect(), ..wire::Outcomes::default() });
    }

    /// Everything that the worker got is done.
    pub(super) fn finish_all(&mut self, session: SessionId) {
        let offsets = self.lent.remove(&session).unwrap_or_default();
        self.done(session, &offsets);
    }

    pub(super) fn fail(&mut self, session: SessionId, offset: i64, class: FailureClass) {
        let failed = wire::Fail {
            position: Some(at(offset)),
            class: class.into(),
            reason: "StoreUnavailable".to_owned(),
            message: "no answer".to_owned(),
        };
        self.outcomes(session, wire::Outcomes { failed: vec![failed], ..wire::Outcomes::default() });
    }

    fn outcomes(&mut self, session: SessionId, outcomes: wire::Outcomes) {
        let sequence = self.sequences.get_mut(&session).unwrap();
        *sequence += 1;
        let outcomes = wire::Outcomes { sequence: *sequence, ..outcomes };
        self.say(session, In::Outcomes(outcomes));
    }

    pub(super) fn extend(&mut self, session: SessionId, offsets: &[i64]) {
        let positions = offsets.iter().map(|&offset| at(offset)).collect();
        self.say(session, In::Extend(wire::Extend { positions }));
    }

    /// Commits what changed; whether anything did.
    pub(super) fn commit(&mut self) -> bool {
        let batch = self.desk.take_commit();
        self.desk.committed(self.now.uptime, &batch);
        !batch.entries.is_empty()
    }

    /// Whether the worker was told that all its outcomes are durable.
    pub(super) fn acknowledged(&mut self, session: SessionId) -> bool {
        let all = self.sequences[&session];
        self.messages(session).iter().any(|message| matches!(message, Out::Ack(ack) if ack.durable_sequence == all))
    }

    pub(super) fn snapshot(&mut self) -> Snapshot {
        self.desk.snapshot(self.now)
    }

    pub(super) fn window(&self) -> &Window {
        &self.desk.partitions[&HERE].window
    }

    pub(super) fn base(&self) -> i64 {
        self.window().base()
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.desk.tally
    }
}

fn at(offset: i64) -> wire::Position {
    wire::Position { topic: "photos".to_owned(), partition: 0, offset }
}

/// A record without key, value and headers.
pub(super) fn record(partition: Partition, offset: i64) -> Record {
    let id = RecordId { partition, offset };
    Record { id, timestamp_ms: 1_000_000, key: None, value: None, headers: Vec::new() }
}
