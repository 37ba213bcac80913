//! Seeded schedules: dispatchers and workers die, streams break with what is on its way, commits fail,
//! items fail. First safety at every commit, then liveness: with the faults over, everything ends.
//!
//! `SEED=7 cargo test -p imagejob-dispatcher simulation` repeats one schedule.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use imagejob_ledger::{Log, decode};
use imagejob_protocol::settings::Retry;
use imagejob_protocol::wire::from_worker::Message as In;
use imagejob_protocol::wire::{self, FailureClass, from_dispatcher::Message as Out};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::rig::{HERE, record};
use crate::clock::Moment;
use crate::desk::{DeadLetter, Desk, Limits};
use crate::position::{Committed, Fresh, choose};
use crate::record::Topics;
use crate::workers::SessionId;

/// Which faults a schedule has.
#[derive(Clone, Copy)]
struct Faults {
    workers_die: bool,
    items_fail: bool,
}

/// A worker as the protocol describes it: work goes on without a stream, finished records are
/// remembered until they are durable and announced to whoever asks.
struct Worker {
    name: String,
    slots: u32,
    session: Option<SessionId>,
    /// Offset -> lent over the present stream.
    in_progress: BTreeMap<i64, bool>,
    /// Offset -> sequence of the present stream in which it was told; 0 = in none.
    remembered: BTreeMap<i64, u64>,
    credit: wire::Credit,
    sequence: u64,
    /// When it dials, if it has no stream.
    dials_at: Duration,
    /// On their way; lost with the stream.
    to_desk: VecDeque<In>,
    from_desk: VecDeque<Out>,
}

impl Worker {
    fn new(name: String, slots: u32) -> Self {
        Self {
            name,
            slots,
            session: None,
            in_progress: BTreeMap::new(),
            remembered: BTreeMap::new(),
            credit: wire::Credit::default(),
            sequence: 0,
            dials_at: Duration::ZERO,
            to_desk: VecDeque::new(),
            from_desk: VecDeque::new(),
        }
    }

    fn break_stream(&mut self) -> Option<SessionId> {
        self.in_progress.values_mut().for_each(|lent| *lent = false);
        self.remembered.values_mut().for_each(|sequence| *sequence = 0);
        self.credit = wire::Credit::default();
        self.sequence = 0;
        self.to_desk.clear();
        self.from_desk.clear();
        self.session.take()
    }

    fn lent(&self) -> u32 {
        self.in_progress.values().filter(|&&lent| lent).count() as u32
    }

    fn announce(&self) -> wire::Announce {
        wire::Announce {
            in_progress: self.in_progress.keys().map(|&offset| at(offset)).collect(),
            finished: self.remembered.keys().map(|&offset| at(offset)).collect(),
        }
    }
}

struct World {
    random: StdRng,
    faults: Faults,
    desk: Desk,
    now: Moment,
    lives: u64,
    sessions: u64,
    /// One past the last offset, and offsets without a record.
    end: i64,
    removed: BTreeSet<i64>,
    position: i64,
    /// When the partition is assigned, if it is not yet.
    assigned_at: Option<Duration>,
    committed: Option<Committed>,
    workers: Vec<Worker>,
    /// Offset -> how often its result was published.
    published: BTreeMap<i64, u32>,
    buried: BTreeSet<i64>,
    letters: Vec<DeadLetter>,
}

impl World {
    fn new(seed: u64, faults: Faults) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let end = random.random_range(1..120);
        let removed = (0..end).filter(|_| random.random_bool(0.1)).collect();
        let workers = random.random_range(1..5);
        let workers = (0..workers).map(|n| Worker::new(format!("worker-{n}"), random.random_range(1..6)));
        let workers = workers.collect();
        let now = Moment { uptime: Duration::ZERO, unix_ms: 1_000_000 };
        let mut world = Self {
            random,
            faults,
            desk: desk(),
            now,
            lives: 0,
            sessions: 0,
            end,
            removed,
            position: 0,
            assigned_at: None,
            committed: None,
            workers,
            published: BTreeMap::new(),
            buried: BTreeSet::new(),
            letters: Vec::new(),
        };
        world.restart();
        world
    }

    /// A dispatcher starts from what is committed; the one before is gone with all it knew.
    fn restart(&mut self) {
        self.lives += 1;
        self.now.uptime = Duration::ZERO;
        self.desk = desk();
        self.letters.clear();
        for worker in &mut self.workers {
            worker.break_stream();
            worker.dials_at = Duration::from_millis(self.random.random_range(0..900));
        }
        self.assigned_at = Some(Duration::from_millis(self.random.random_range(0..2_000)));
    }

    /// The group gives the partition to the dispatcher, sooner or later.
    fn assign(&mut self) {
        if self.assigned_at.is_none_or(|at| self.now.uptime < at) {
            return;
        }
        self.assigned_at = None;
        let log = Log { start: 0, end: self.end, topic: None };
        let start = choose(self.committed.clone(), Fresh::LogStart, log);
        assert_eq!((start.void, start.expired), (None, 0));
        self.position = start.window.base();
        self.desk.hold(self.now, HERE, start);
        self.commit();
    }

    fn step(&mut self) {
        let worker = self.random.random_range(0..self.workers.len());
        match self.random.random_range(0..100) {
            0 => self.restart(),
            1..=3 if self.faults.workers_die => self.kill(worker),
            4..=6 if self.may_break() => self.break_stream(worker),
            7..=16 => self.commit(),
            17..=20 => self.fail_to_commit(),
            21..=30 => self.write_letters(),
            31..=43 => {
                let millis = self.random.random_range(1..400);
                self.pass(Duration::from_millis(millis));
            }
            44..=50 if self.faults.items_fail => self.fail(worker),
            51..=70 => self.work(worker),
            71..=85 => self.deliver_to_desk(worker),
            _ => self.deliver_to_worker(worker),
        }
        self.settle();
    }

    /// Workers dial and the desk lends as often as anything happens.
    fn settle(&mut self) {
        self.assign();
        for index in 0..self.workers.len() {
            self.dial(index);
            self.offer(index);
        }
        let Self { desk, position, removed, end, now, .. } = self;
        desk.lend(*now, |partition| {
            while removed.contains(position) {
                *position += 1;
            }
            let offset = *position;
            *position += 1;
            (offset < *end).then(|| record(partition, offset))
        });
        self.letters.extend(self.desk.take_dead_letters());
        self.post();
    }

    fn dial(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        if worker.session.is_none() && worker.dials_at <= self.now.uptime {
            self.sessions += 1;
            let session = SessionId(self.sessions);
            worker.session = Some(session);
            let held = Some(worker.announce());
            let hello = wire::Hello { worker_id: worker.name.clone(), slots: worker.slots, held };
            self.desk.hello(self.now, session, hello);
        }
    }

    /// Grants what is free of work from before the stream.
    fn offer(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        let orphans = worker.in_progress.len() as u32 - worker.lent();
        let leases = worker.slots.saturating_sub(orphans).max(worker.credit.leases);
        if worker.session.is_some() && leases != worker.credit.leases {
            worker.credit = wire::Credit { version: worker.credit.version + 1, leases };
            worker.to_desk.push_back(In::Credit(worker.credit));
        }
    }

    /// Puts what the desk has to say on its way.
    fn post(&mut self) {
        let known = self.desk.workers_mut();
        for key in known.take_to_send() {
            let known = known.get_mut(key).unwrap();
            let worker = self.workers.iter_mut().find(|worker| worker.session == known.session).unwrap();
            while let Some(frame) = known.outbox.pop() {
                worker.from_desk.extend(frame.message);
            }
        }
    }

    fn deliver_to_worker(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        while let Some(message) = worker.from_desk.pop_front() {
            match message {
                Out::Loans(loans) => {
                    for lease in loans.leases {
                        worker.in_progress.insert(lease.position.unwrap().offset, true);
                    }
                }
                Out::Ack(ack) => {
                    worker.remembered.retain(|_, told| *told == 0 || *told > ack.durable_sequence);
                }
                Out::Query(_) => worker.to_desk.push_back(In::Announce(worker.announce())),
                Out::Cancel(_) | Out::Welcome(_) | Out::Backlog(_) => {}
            }
        }
        assert!(worker.lent() <= worker.slots, "{} has {:?}", worker.name, worker.in_progress);
    }

    fn deliver_to_desk(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        let Some(session) = worker.session else { return };
        for message in std::mem::take(&mut worker.to_desk) {
            self.desk.receive(self.now, session, message);
        }
    }

    /// One item of a worker ends well: first the result, then the word.
    fn work(&mut self, index: usize) {
        let Some(offset) = self.pick(index) else { return };
        *self.published.entry(offset).or_default() += 1;
        let worker = &mut self.workers[index];
        worker.in_progress.remove(&offset);
        let told = if worker.session.is_some() { worker.sequence + 1 } else { 0 };
        worker.remembered.insert(offset, told);
        let done = vec![wire::Done { position: Some(at(offset)), ..wire::Done::default() }];
        self.tell(index, wire::Outcomes { done, ..wire::Outcomes::default() });
    }

    fn fail(&mut self, index: usize) {
        let Some(offset) = self.pick(index) else { return };
        self.workers[index].in_progress.remove(&offset);
        let class = if self.random.random_bool(0.3) { FailureClass::Permanent } else { FailureClass::Transient };
        let failed = wire::Fail { position: Some(at(offset)), class: class.into(), ..wire::Fail::default() };
        self.tell(index, wire::Outcomes { failed: vec![failed], ..wire::Outcomes::default() });
    }

    fn tell(&mut self, index: usize, outcomes: wire::Outcomes) {
        let worker = &mut self.workers[index];
        if worker.session.is_some() {
            worker.sequence += 1;
            let outcomes = wire::Outcomes { sequence: worker.sequence, ..outcomes };
            worker.to_desk.push_back(In::Outcomes(outcomes));
        }
    }

    fn pick(&mut self, index: usize) -> Option<i64> {
        let items: Vec<_> = self.workers[index].in_progress.keys().copied().collect();
        (!items.is_empty()).then(|| items[self.random.random_range(0..items.len())])
    }

    /// Where nothing may be done twice, streams do not break while a partition arrives: a worker that is
    /// away just then cannot be asked.
    fn may_break(&self) -> bool {
        self.faults.workers_die || (self.assigned_at.is_none() && self.now.uptime > Duration::from_secs(4))
    }

    fn kill(&mut self, index: usize) {
        self.lives += 1;
        self.break_stream(index);
        self.workers[index] = Worker::new(format!("worker-{index}-{}", self.lives), self.workers[index].slots);
    }

    fn break_stream(&mut self, index: usize) {
        let pause = Duration::from_millis(self.random.random_range(0..2_500));
        let worker = &mut self.workers[index];
        if let Some(session) = worker.break_stream() {
            worker.dials_at = self.now.uptime + pause;
            self.desk.hang_up(self.now, session);
        }
    }

    fn write_letters(&mut self) {
        for letter in std::mem::take(&mut self.letters) {
            self.buried.insert(letter.record.id.offset);
            self.desk.buried(self.now, letter.record.id, &letter.cause.reason);
        }
    }

    /// What is on its way arrives; time passes; live workers extend what they have.
    fn pass(&mut self, time: Duration) {
        self.now.uptime += time;
        self.now.unix_ms += time.as_millis() as i64;
        for index in 0..self.workers.len() {
            self.deliver_to_worker(index);
            self.deliver_to_desk(index);
            let worker = &mut self.workers[index];
            if worker.session.is_some() {
                let positions = worker.in_progress.keys().map(|&offset| at(offset)).collect();
                worker.to_desk.push_back(In::Extend(wire::Extend { positions }));
            }
        }
        self.desk.tick(self.now);
    }

    /// Commits, and holds what is committed against the truth.
    fn commit(&mut self) {
        let batch = self.desk.take_commit();
        if let Some(entry) = batch.entries.first() {
            let window = decode(&entry.metadata).unwrap().window;
            for offset in 0..self.end {
                let ended = self.published.contains_key(&offset)
                    || self.buried.contains(&offset)
                    || self.removed.contains(&offset);
                assert!(ended || !window.is_finished(offset), "{offset} is committed and has not ended");
            }
            assert!(window.top() <= self.end);
            self.committed = Some(Committed { offset: entry.offset, metadata: entry.metadata.clone() });
        }
        self.desk.committed(self.now.uptime, &batch);
    }

    fn fail_to_commit(&mut self) {
        let batch = self.desk.take_commit();
        self.desk.not_committed(&batch);
    }

    /// No more faults: everything ends in bounded time.
    fn converge(&mut self) {
        for _ in 0..4_000 {
            for index in 0..self.workers.len() {
                self.deliver_to_worker(index);
                self.work(index);
                self.deliver_to_desk(index);
            }
            self.write_letters();
            self.settle();
            self.commit();
            self.pass(Duration::from_millis(500));
            // Offsets beyond the last record are passed when the next record is read.
            let last = (0..self.end).rev().find(|offset| !self.removed.contains(offset));
            if self.committed.as_ref().is_some_and(|committed| committed.offset > last.unwrap_or(-1)) {
                return;
            }
        }
        panic!("not everything ended: {:?}, {:?}", self.committed, self.desk.snapshot(self.now).report);
    }
}

fn desk() -> Desk {
    let retry = Retry { max_attempts: 3, initial_backoff_ms: 100, max_backoff_ms: 1_000 };
    let limits = Limits { pen_records: 20, record_bytes: 30 * 128 };
    Desk::new("d".to_owned(), Topics::new(&["photos".to_owned()]), retry, limits, 1)
}

fn at(offset: i64) -> wire::Position {
    wire::Position { topic: "photos".to_owned(), partition: 0, offset }
}

/// Seeds of this run: the one that `SEED` names, or the first `count`.
fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("SEED") {
        Ok(seed) => vec![seed.parse().expect("SEED is a number")],
        Err(_) => (0..count).collect(),
    }
}

/// Says which schedule it was.
struct PrintedOnPanic(u64);

impl Drop for PrintedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("SEED={}", self.0);
        }
    }
}

fn simulate(seed: u64, faults: Faults) -> World {
    let _seed = PrintedOnPanic(seed);
    let mut world = World::new(seed, faults);
    let steps = world.random.random_range(50..600);
    for _ in 0..steps {
        world.step();
    }
    world.converge();
    world
}

#[test]
fn nothing_is_lost_whatever_dies() {
    for seed in seeds(500) {
        let world = simulate(seed, Faults { workers_die: true, items_fail: true });
        for offset in (0..world.end).filter(|offset| !world.removed.contains(offset)) {
            let ended = world.published.contains_key(&offset) || world.buried.contains(&offset);
            assert!(ended, "offset {offset} has neither a result nor a dead letter");
        }
    }
}

#[test]
fn nothing_is_done_twice_while_workers_live() {
    for seed in seeds(500) {
        let world = simulate(seed, Faults { workers_die: false, items_fail: false });
        let twice: Vec<_> = world.published.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
        assert!(world.buried.is_empty(), "{:?}", world.buried);
    }
}
