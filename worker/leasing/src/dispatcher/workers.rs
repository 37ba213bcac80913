//! The workers that this dispatcher knows: their streams, credit and load.
//!
//! A worker outlives its stream for a short grace, because a broken connection is no reason to do
//! its work twice.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use imagejob_protocol::wire;
use imagejob_protocol::wire::from_dispatcher::Message;

use crate::dispatcher::outbox::Outbox;
use crate::dispatcher::placement::{Placement, Seat};
use crate::dispatcher::record::{Partition, RecordId};

/// How long a worker may be without a stream before its loans count as lost.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

/// One worker process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WorkerKey(pub(crate) u64);

/// One stream of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// What is known about a worker.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) id: String,
    pub(crate) slots: u32,
    pub(crate) session: Option<SessionId>,
    /// When the grace ends; only without a stream.
    gone_at: Duration,
    pub(crate) credit: wire::Credit,
    /// Loans over the present stream, and lingering records.
    pub(crate) busy: u32,
    /// Records that are no loans of this worker any more, and of which it has not said that it let
    /// go: they still fill its slots.
    lingering: HashSet<RecordId>,
    /// Has a suspected killer and gets nothing else.
    alone: bool,
    /// Said that it takes no more on this stream.
    draining: bool,
    seat: Option<Seat>,
    pub(crate) outbox: Outbox,
    queued: bool,
    /// Partitions of the queries that it has not answered, oldest first.
    pub(crate) questions: VecDeque<Vec<Partition>>,
    pub(crate) sequences: Sequences,
}

/// How far a worker's `Outcomes` are durable.
#[derive(Debug, Default)]
pub(crate) struct Sequences {
    /// The newest received.
    pub(crate) received: u64,
    /// The newest that the worker may forget.
    pub(crate) durable: u64,
    /// The first of those that concern partitions not held here (any more): the worker must keep them for
    /// whoever holds the partition, until the uptime.
    elsewhere: Vec<(u64, Duration)>,
}

impl Sequences {
    /// Notes that this message concerns a partition not held here.
    pub(crate) fn keep(&mut self, sequence: u64, until: Duration) {
        // Only the newest of those that begin later matters: one that begins earlier and lasts as long covers it.
        self.elsewhere.retain(|&(first, lasts)| first < sequence || lasts > until);
        self.elsewhere.push((sequence, until));
    }

    /// Everything up to `sequence` is in a committed ledger. Returns whether the worker is to be told.
    pub(crate) fn committed(&mut self, now: Duration, sequence: u64) -> bool {
        self.elsewhere.retain(|&(_, until)| until > now);
        let kept = self.elsewhere.iter().map(|&(first, _)| first - 1).min().unwrap_or(u64::MAX);
        let durable = sequence.min(kept);
        let news = durable > self.durable;
        self.durable = self.durable.max(durable);
        news
    }
}

/// All workers.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    by_key: BTreeMap<WorkerKey, Worker>,
    keys: HashMap<String, WorkerKey>,
    sessions: HashMap<SessionId, WorkerKey>,
    placement: Placement,
    next_key: u64,
    /// Kept free for a suspect.
    preparing: Option<WorkerKey>,
    /// Workers with something in their outbox.
    to_send: Vec<WorkerKey>,
}

impl Workers {
    /// A stream began. Credit, load and sequences start anew with it; what the worker had before it
    /// accounts for itself, by granting less credit.
    pub(crate) fn connect(&mut self, session: SessionId, id: &str, slots: u32) -> WorkerKey {
        let key = *self.keys.entry(id.to_owned()).or_insert_with(|| {
            self.next_key += 1;
            WorkerKey(self.next_key)
        });
        let worker = self.by_key.entry(key).or_insert_with(|| Worker::new(id));
        if let Some(old) = worker.session.replace(session) {
            self.sessions.remove(&old);
        }
        worker.slots = slots;
        worker.restart_stream();
        self.sessions.insert(session, key);
        self.rank(key);
        key
    }

    /// A stream ended; its worker has the grace to come back. `None` if another stream has replaced it.
    pub(crate) fn disconnect(&mut self, now: Duration, session: SessionId) -> Option<WorkerKey> {
        let key = self.sessions.remove(&session)?;
        let worker = self.by_key.get_mut(&key)?;
        worker.session = None;
        worker.gone_at = now + GRACE;
        worker.restart_stream();
        self.rank(key);
        Some(key)
    }

    /// Workers whose grace has passed.
    pub(crate) fn vanished(&self, now: Duration) -> Vec<WorkerKey> {
        let gone = |worker: &Worker| worker.session.is_none() && worker.gone_at <= now;
        self.iter().filter(|(_, worker)| gone(worker)).map(|(key, _)| key).collect()
    }

    /// Forgets a worker without a stream.
    pub(crate) fn forget(&mut self, key: WorkerKey) {
        if let Some(worker) = self.by_key.remove(&key) {
            self.placement.rank(key, worker.seat, 0, 0);
            self.keys.remove(&worker.id);
        }
    }

    /// Whether this worker has a stream.
    pub(crate) fn is_connected(&self, id: &str) -> bool {
        let worker = self.keys.get(id).and_then(|key| self.by_key.get(key));
        worker.is_some_and(|worker| worker.session.is_some())
    }

    pub(crate) fn by_session(&self, session: SessionId) -> Option<WorkerKey> {
        self.sessions.get(&session).copied()
    }

    pub(crate) fn get_mut(&mut self, key: WorkerKey) -> Option<&mut Worker> {
        self.by_key.get_mut(&key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (WorkerKey, &Worker)> {
        self.by_key.iter().map(|(&key, worker)| (key, worker))
    }

    /// Workers with a stream.
    pub(crate) fn connected(&self) -> Vec<WorkerKey> {
        let connected = self.iter().filter(|(_, worker)| worker.session.is_some());
        connected.map(|(key, _)| key).collect()
    }

    /// Applies a credit if it is newer than the one in force.
    pub(crate) fn set_credit(&mut self, key: WorkerKey, credit: wire::Credit) {
        if let Some(worker) = self.by_key.get_mut(&key)
            && credit.version > worker.credit.version
        {
            worker.credit = credit;
            self.rank(key);
        }
    }

    /// The worker gets nothing more on this stream.
    pub(crate) fn drain(&mut self, key: WorkerKey) {
        if let Some(worker) = self.by_key.get_mut(&key) {
            worker.draining = true;
            self.rank(key);
        }
    }

    /// The worker for the next ordinary record.
    pub(crate) fn next(&self) -> Option<WorkerKey> {
        self.placement.first()
    }

    /// An idle worker for a suspected killer. Where none is idle, the least busy one is kept free
    /// until it is. At most a quarter of the workers, or one, are alone with a suspect at a time.
    pub(crate) fn next_alone(&mut self) -> Option<WorkerKey> {
        if let Some(key) = self.preparing {
            match self.by_key.get(&key) {
                Some(worker) if worker.can_be_lent_to() => {
                    return (worker.busy == 0).then_some(key);
                }
                _ => self.stop_preparing(),
            }
        }
        let alone = self.by_key.values().filter(|worker| worker.alone).count();
        if alone >= (self.by_key.len() / 4).max(1) {
            return None;
        }
        let candidates = self.iter().filter(|(_, worker)| worker.can_be_lent_to());
        let (key, worker) = candidates.min_by_key(|(key, worker)| (worker.busy, *key))?;
        let idle = worker.busy == 0;
        self.preparing = Some(key);
        self.rank(key);
        idle.then_some(key)
    }

    /// No suspect waits any more for the worker that was kept free.
    pub(crate) fn stop_preparing(&mut self) {
        if let Some(key) = self.preparing.take() {
            self.rank(key);
        }
    }

    /// The idle worker of [`next_alone`](Self::next_alone) got the suspect; until that ends it gets
    /// nothing else.
    pub(crate) fn start_alone(&mut self, key: WorkerKey) -> Option<SessionId> {
        self.preparing = None;
        self.by_key.get_mut(&key)?.alone = true;
        self.start(key)
    }

    /// The worker gets a loan. Returns the stream whose credit it uses.
    pub(crate) fn start(&mut self, key: WorkerKey) -> Option<SessionId> {
        let worker = self.by_key.get_mut(&key)?;
        worker.busy += 1;
        let stream = worker.session;
        self.rank(key);
        stream
    }

    /// A loan over `stream` ended by the worker's own word.
    pub(crate) fn end(&mut self, key: WorkerKey, stream: Option<SessionId>) {
        if let Some(worker) = self.on_stream(key, stream) {
            worker.freed();
            self.rank(key);
        }
    }

    /// A loan over `stream` ended without the worker's word: the slot stays taken until it lets go.
    pub(crate) fn linger(&mut self, key: WorkerKey, stream: Option<SessionId>, id: RecordId) {
        if let Some(worker) = self.on_stream(key, stream) {
            worker.lingering.insert(id);
        }
    }

    /// The worker let go of a record; frees the slot if that lingered.
    pub(crate) fn let_go(&mut self, key: WorkerKey, id: RecordId) {
        if let Some(worker) = self.by_key.get_mut(&key)
            && worker.lingering.remove(&id)
        {
            worker.freed();
            self.rank(key);
        }
    }

    /// Nobody forgets what is not durable yet, until the uptime.
    pub(crate) fn keep_what_is_not_durable(&mut self, until: Duration) {
        for worker in self.by_key.values_mut() {
            let first = worker.sequences.durable + 1;
            worker.sequences.keep(first, until);
        }
    }

    /// Queues a message to a worker; dropped if it has no stream.
    pub(crate) fn send(&mut self, key: WorkerKey, message: Message) {
        self.with_outbox(key, |outbox| outbox.push(message));
    }

    /// Queues a lease of `bytes` to a worker.
    pub(crate) fn send_lease(&mut self, key: WorkerKey, lease: wire::Lease, bytes: usize) {
        self.with_outbox(key, |outbox| outbox.lease(lease, bytes));
    }

    /// Tells a worker what is in force and what it may forget.
    pub(crate) fn send_ack(&mut self, key: WorkerKey) {
        if let Some(worker) = self.by_key.get(&key) {
            let credit_version = worker.credit.version;
            let ack = wire::Ack { credit_version, durable_sequence: worker.sequences.durable };
            self.send(key, Message::Ack(ack));
        }
    }

    /// Workers with something to send. Whoever takes them sends what it can and puts the others back.
    pub(crate) fn take_to_send(&mut self) -> Vec<WorkerKey> {
        let keys = std::mem::take(&mut self.to_send);
        for key in &keys {
            if let Some(worker) = self.by_key.get_mut(key) {
                worker.queued = false;
            }
        }
        keys
    }

    /// Puts a worker back whose stream takes nothing at the moment.
    pub(crate) fn send_later(&mut self, key: WorkerKey) {
        self.with_outbox(key, |_| ());
    }

    fn with_outbox(&mut self, key: WorkerKey, fill: impl FnOnce(&mut Outbox)) {
        if let Some(worker) = self.by_key.get_mut(&key)
            && worker.session.is_some()
        {
            fill(&mut worker.outbox);
            if !std::mem::replace(&mut worker.queued, true) {
                self.to_send.push(key);
            }
        }
    }

    /// The worker, if `stream` is the one it has now.
    fn on_stream(&mut self, key: WorkerKey, stream: Option<SessionId>) -> Option<&mut Worker> {
        let worker = self.by_key.get_mut(&key)?;
        (worker.session.is_some() && worker.session == stream).then_some(worker)
    }

    fn rank(&mut self, key: WorkerKey) {
        if let Some(worker) = self.by_key.get_mut(&key) {
            let open = worker.can_be_lent_to() && self.preparing != Some(key);
            let credit = if open { worker.credit.leases } else { 0 };
            worker.seat = self.placement.rank(key, worker.seat, worker.busy, credit);
        }
    }
}

impl Worker {
    fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            slots: 0,
            session: None,
            gone_at: Duration::ZERO,
            credit: wire::Credit::default(),
            busy: 0,
            lingering: HashSet::new(),
            alone: false,
            draining: false,
            seat: None,
            outbox: Outbox::default(),
            queued: false,
            questions: VecDeque::new(),
            sequences: Sequences::default(),
        }
    }

    /// What belongs to a stream ends with it.
    fn restart_stream(&mut self) {
        self.credit = wire::Credit::default();
        self.draining = false;
        self.busy = 0;
        self.alone = false;
        self.lingering.clear();
        self.outbox.clear();
        self.questions.clear();
        self.sequences = Sequences::default();
    }

    fn can_be_lent_to(&self) -> bool {
        self.session.is_some() && !self.alone && !self.draining && self.credit.leases > 0
    }

    fn freed(&mut self) {
        self.busy -= 1;
        self.alone &= self.busy > 0;
    }
}
