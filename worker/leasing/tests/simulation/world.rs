//! Everything there is, and what happens to it in which order. One seed, one schedule.

use std::collections::{BTreeMap, BTreeSet};

use imagejob_leasing::dispatcher::{Batch, DeadLetter, Partition, RecordId, SessionId};
use imagejob_leasing::worker::held::Position;
use imagejob_protocol::settings::OnExhausted;
use imagejob_protocol::wire;
use imagejob_protocol::wire::from_dispatcher::Message as FromDispatcher;
use imagejob_protocol::wire::from_worker::Message as FromWorker;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::broker::{Broker, MemberId, Nature};
use crate::bugs::Bug;
use crate::dispatcher::{Dispatcher, Rebalance};
use crate::network::{Network, ProcessId};
use crate::trouble::Plan;
use crate::violation::{Violation, ensure};
use crate::worker::Worker;

/// How long, in milliseconds, everything may take to end once nothing goes wrong any more. Each killer takes
/// five workers along, one after the other, and each is waited for three seconds; a single slot may have long items, one
/// after the other, for a quarter of an hour.
const PATIENCE: u64 = 1_000_000;
/// After that nothing may be left over: work that somebody else did as well takes 40 s at most.
const REST: u64 = 45_000;

/// Something that happens at a moment; those with a process happen to it.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Tick(ProcessId),
    Readable(ProcessId, Partition),
    Hello(SessionId, wire::Hello),
    ToDispatcher(SessionId, FromWorker),
    HangUp(SessionId),
    ToWorker(SessionId, FromDispatcher),
    Ended(SessionId),
    Dial(ProcessId),
    Extend(ProcessId),
    ItemEnds(ProcessId, Position, u64),
    ResultArrives(ProcessId, Position),
    Receipt(ProcessId, Position, u64),
    GraceEnds(ProcessId),
    CommitArrives(ProcessId, Option<MemberId>, Batch),
    Committed(ProcessId, Batch, bool),
    Starts(ProcessId, Vec<Partition>),
    AskStarts(ProcessId),
    LetterArrives(ProcessId, DeadLetter),
    Buried(ProcessId, RecordId, String),
    Joins(ProcessId),
    Group(ProcessId, Rebalance),
    Leaves(ProcessId),
    SessionExpires(ProcessId),
    StartDispatcher(usize),
    StartWorker,
    Resume(ProcessId),
    Resumption,
    Trouble,
    Produce,
}

/// See the module. Times are milliseconds.
pub(crate) struct World {
    pub(crate) random: StdRng,
    pub(crate) now: u64,
    sequence: u64,
    queue: BTreeMap<(u64, u64), Event>,
    pub(crate) plan: Plan,
    pub(crate) bug: Option<Bug>,
    pub(crate) broker: Broker,
    pub(crate) network: Network,
    pub(crate) dispatchers: BTreeMap<ProcessId, Dispatcher>,
    pub(crate) workers: BTreeMap<ProcessId, Worker>,
    /// Processes that are stopped, and what happens to them when they go on.
    pub(crate) stalled: BTreeMap<ProcessId, Vec<Event>>,
    /// Dispatchers that there should be.
    pub(crate) addresses: usize,
    /// Lives so far.
    lives: u64,
    /// A rebalance waits for members that do not answer.
    pub(crate) rebalance_waits: bool,
    pub(crate) suspended: bool,
    pub(crate) calm: bool,
    /// Dispatcher processes so far, and leases that they sent.
    pub(crate) dispatcher_lives: u64,
    pub(crate) leases: u64,
    /// Ends of what `trace` asks for.
    trace: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(seed: u64, calm: bool, bug: Option<Bug>, trace: bool) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let plan = Plan::draw(&mut random, calm);
        let partitions = random.random_range(1..4);
        let logs = (0..partitions).map(|_| plan.records(&mut random, 40)).collect();
        let addresses = random.random_range(1..3);
        let workers = random.random_range(1..5);
        let mut world = Self {
            random,
            now: 0,
            sequence: 0,
            queue: BTreeMap::new(),
            plan,
            bug,
            broker: Broker::new(logs),
            network: Network::default(),
            dispatchers: BTreeMap::new(),
            workers: BTreeMap::new(),
            stalled: BTreeMap::new(),
            addresses,
            lives: 0,
            rebalance_waits: false,
            suspended: false,
            calm,
            dispatcher_lives: 0,
            leases: 0,
            trace: trace.then(Vec::new),
        };
        for address in 0..addresses {
            world.after(0, 300, Event::StartDispatcher(address));
        }
        for _ in 0..workers {
            world.after(0, 300, Event::StartWorker);
        }
        world.after(0, 1_000, Event::Produce);
        world.after(500, 4_000, Event::Trouble);
        world
    }

    /// Lets it all happen: first what goes wrong, then the rest, which has to end.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        while self.now < self.plan.until {
            self.next()?;
        }
        self.end_trouble();
        while !self.broker.partitions.iter().all(crate::broker::Partition::is_done) {
            self.next()?;
            let in_time = self.now < self.plan.until + PATIENCE;
            ensure(in_time, || format!("not everything ended: {}", self.what_is_left()))?;
        }
        let most = self.now + REST;
        while self.now < most && self.workers.values().any(|worker| !worker.items.is_empty()) {
            self.next()?;
        }
        // Streams that fell silent are given up after ten seconds, with what was lent over them.
        let last_words = self.now + 13_000;
        while self.now < last_words {
            self.next()?;
        }
        self.nothing_is_left()?;
        self.every_record_ended()
    }

    fn next(&mut self) -> Result<(), Violation> {
        let Some(((at, _), event)) = self.queue.pop_first() else {
            return Err(Violation("nothing happens any more".to_owned()));
        };
        self.now = at;
        if let Some(trace) = &mut self.trace
            && !matches!(event, Event::Tick(_))
        {
            trace.push(format!("{at:>6} ms  {event:?}"));
        }
        match self.stalled_by(&event) {
            Some(process) => {
                self.stalled.entry(process).or_default().push(event);
                Ok(())
            }
            None => self.happen(event),
        }
    }

    pub(crate) fn happen(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Tick(id) => self.tick(id),
            Event::Readable(id, partition) => self.readable(id, partition),
            Event::Hello(session, hello) => self.hello(session, hello),
            Event::ToDispatcher(session, message) => self.to_dispatcher(session, message),
            Event::HangUp(session) => self.hang_up(session),
            Event::ToWorker(session, message) => self.to_worker(session, message),
            Event::Ended(session) => self.stream_ended(session),
            Event::Dial(id) => self.dial(id),
            Event::Extend(id) => self.extend(id),
            Event::ItemEnds(id, position, attempt) => self.item_ends(id, &position, attempt),
            Event::ResultArrives(id, position) => self.result_arrives(id, &position),
            Event::Receipt(id, position, attempt) => self.receipt(id, &position, attempt),
            Event::GraceEnds(id) => self.grace_ends(id),
            Event::CommitArrives(id, member, batch) => self.commit_arrives(id, member, batch),
            Event::Committed(id, batch, stored) => self.committed(id, &batch, stored),
            Event::Starts(id, partitions) => self.starts(id, partitions),
            Event::AskStarts(id) => self.ask_starts(id),
            Event::LetterArrives(id, letter) => self.letter_arrives(id, &letter),
            Event::Buried(id, record, reason) => self.buried(id, record, &reason),
            Event::Joins(id) => self.joins(id),
            Event::Group(id, rebalance) => self.told_rebalance(id, rebalance),
            Event::Leaves(id) => self.leaves(id),
            Event::SessionExpires(id) => self.session_expires(id),
            Event::StartDispatcher(address) => self.start_dispatcher(address),
            Event::StartWorker => self.start_worker(),
            Event::Resume(id) => self.resume(id),
            Event::Resumption => self.suspend(false),
            Event::Trouble => self.trouble(),
            Event::Produce => self.produce(),
        }
    }

    /// Something happens after `least` to `most` milliseconds.
    pub(crate) fn after(&mut self, least: u64, most: u64, event: Event) {
        let at = self.now + self.random.random_range(least..=most);
        self.at(at, event);
    }

    pub(crate) fn at(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    /// What is on its way to the broker never gets there.
    pub(crate) fn forget_what_is_on_its_way(&mut self) {
        let to_broker = |event: &Event| {
            matches!(event, Event::CommitArrives(..) | Event::LetterArrives(..) | Event::ResultArrives(..))
        };
        self.queue.retain(|_, event| !to_broker(event));
    }

    /// From one program to another.
    pub(crate) fn latency(&mut self) -> u64 {
        if self.random.random_bool(0.05) { self.random.random_range(0..60) } else { self.random.random_range(0..4) }
    }

    pub(crate) fn new_life(&mut self) -> ProcessId {
        self.lives += 1;
        ProcessId(self.lives)
    }

    /// Seldom and only while things go wrong.
    pub(crate) fn mischance(&mut self, probability: f64) -> bool {
        self.now < self.plan.until && self.random.random_bool(probability)
    }

    /// New records now and then, until the trouble ends.
    fn produce(&mut self) -> Result<(), Violation> {
        if self.now >= self.plan.until {
            return Ok(());
        }
        self.after(50, 2_000, Event::Produce);
        let partition = self.random.random_range(0..self.broker.partitions.len());
        // A log that has grown past the marks of an earlier one cannot be told from it: the client gives no topic id.
        if !self.broker.partitions[partition].is_another_log() {
            let records = self.plan.records(&mut self.random, 12);
            self.broker.produce(self.now, partition, records);
        }
        let partition = crate::dispatcher::partition(partition);
        let readers: Vec<_> =
            self.dispatchers.iter().filter(|(_, d)| d.queues.contains_key(&partition)).map(|(&id, _)| id).collect();
        for id in readers {
            self.after(1, 30, Event::Readable(id, partition));
        }
        Ok(())
    }

    /// The process to which this happens, if it is stopped.
    fn stalled_by(&self, event: &Event) -> Option<ProcessId> {
        if self.stalled.is_empty() {
            return None;
        }
        let process = match event {
            Event::Tick(id)
            | Event::Readable(id, _)
            | Event::Dial(id)
            | Event::Extend(id)
            | Event::ItemEnds(id, ..)
            | Event::Receipt(id, ..)
            | Event::GraceEnds(id)
            | Event::Committed(id, ..)
            | Event::Starts(id, _)
            | Event::AskStarts(id)
            | Event::Buried(id, ..)
            | Event::Joins(id)
            | Event::Group(id, _)
            | Event::Leaves(id) => Some(*id),
            Event::Hello(session, _) | Event::ToDispatcher(session, _) | Event::HangUp(session) => {
                self.network.get(*session).map(|link| link.dispatcher)
            }
            Event::ToWorker(session, _) | Event::Ended(session) => self.network.get(*session).map(|link| link.worker),
            _ => None,
        };
        process.filter(|process| self.stalled.contains_key(process))
    }

    fn what_is_left(&self) -> String {
        let partitions = self.broker.partitions.iter().enumerate().filter(|(_, partition)| !partition.is_done());
        let left = partitions.map(|(number, partition)| {
            let next = partition.committed.as_ref().map_or(0, |committed| committed.offset);
            let nature = partition.entries.get(next as usize).and_then(|entry| entry.nature);
            format!("{number}/{next} of {} ({nature:?}), owner {:?}", partition.end(), partition.owner)
        });
        left.collect::<Vec<_>>().join("; ")
    }

    fn nothing_is_left(&mut self) -> Result<(), Violation> {
        for worker in self.workers.values() {
            ensure(worker.items.is_empty(), || format!("{} still works on {:?}", worker.name, worker.items))?;
        }
        let now = self.now;
        for dispatcher in self.dispatchers.values_mut() {
            let report = dispatcher.desk.snapshot(dispatcher.moment(now)).report;
            for worker in report.workers {
                ensure(worker.busy == 0, || {
                    format!("{} has {} slots of {} for ever", dispatcher.name, worker.busy, worker.worker_id)
                })?;
            }
            for partition in report.partitions {
                // Offsets without a record at the end of a log are passed when the next record is read.
                let unread = (partition.end_offset - partition.base) as u64;
                let left = partition.waiting.saturating_sub(unread) + partition.in_flight + partition.retrying;
                ensure(left == 0, || format!("{} reports {partition:?} when all is done", dispatcher.name))?;
            }
        }
        Ok(())
    }

    /// Why a record was given up was judged when it was.
    fn every_record_ended(&self) -> Result<(), Violation> {
        let blocks = self.plan.retry.on_exhausted == OnExhausted::Block;
        for (number, partition) in self.broker.partitions.iter().enumerate() {
            for (offset, entry) in partition.entries.iter().enumerate() {
                let given_up = entry.letters + entry.skips > 0;
                let fits = match entry.nature {
                    None => entry.results == 0 && !given_up,
                    Some(Nature::Broken | Nature::Killer) if !blocks => entry.results == 0 && given_up,
                    Some(_) => entry.results > 0 || given_up,
                };
                ensure(fits, || format!("{number}/{offset} ended wrong: {entry:?}"))?;
            }
        }
        Ok(())
    }

    /// Records that have more than one result.
    pub(crate) fn twice(&self) -> BTreeSet<(usize, usize)> {
        let numbered = self.broker.partitions.iter().enumerate();
        let twice = numbered.flat_map(|(number, partition)| {
            let repeated = partition.entries.iter().enumerate().filter(|(_, entry)| entry.results > 1);
            repeated.map(move |(offset, _)| (number, offset))
        });
        twice.collect()
    }

    /// The last things that happened.
    pub(crate) fn trace(&self, count: usize) -> String {
        let trace = self.trace.as_deref().unwrap_or_default();
        trace[trace.len().saturating_sub(count)..].join("\n")
    }
}
