//! Real dispatchers and workers, each worker with a handler of its own whose work has a known length.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::Fleet;
use imagejob_e2e::topics;
use imagejob_e2e::wait;
use imagejob_e2e::workshop::{Entry, Workshop};
use rdkafka::Message as _;
use rdkafka::message::OwnedMessage;

pub(crate) const PARTITIONS: i32 = 4;
pub(crate) const DISPATCHERS: u32 = 2;
/// Records worked on at once by a worker.
pub(crate) const SLOTS: u32 = 4;
/// Nothing here takes longer.
pub(crate) const LIMIT: Duration = Duration::from_mins(5);

pub(crate) struct Stand {
    pub(crate) fleet: Fleet,
    pub(crate) workshop: Workshop,
    name: String,
    /// Bench of each worker, in the fleet's order.
    benches: Vec<usize>,
    opened: usize,
}

impl Stand {
    /// Two dispatchers and `workers` workers, connected; topics with this name.
    pub(crate) fn start(broker: &Broker, name: &str, workers: usize) -> anyhow::Result<Self> {
        let mut fleet = Fleet::new(broker, name, PARTITIONS, Vec::new())?;
        fleet.working.slots = SLOTS;
        fleet.start_dispatchers(DISPATCHERS)?;
        let workshop = Workshop::open()?;
        let mut stand = Self { fleet, workshop, name: name.to_owned(), benches: Vec::new(), opened: 0 };
        stand.start_workers(workers)?;
        stand.fleet.wait_connected(workers)?;
        stand.wait_shared();
        Ok(stand)
    }

    /// The second dispatcher joins a little later than the first, which then gives half of its partitions away.
    fn wait_shared(&self) {
        let even = PARTITIONS as usize / DISPATCHERS as usize;
        let shared = || self.fleet.reports().into_iter().flatten().all(|report| report.partitions.len() == even);
        wait::until(LIMIT, || format!("partitions shared: {:#?}", self.fleet.reports()), shared);
    }

    pub(crate) fn start_workers(&mut self, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            self.fleet.working.steps = vec![self.workshop.bench()?];
            self.fleet.start_workers(1)?;
            self.benches.push(self.opened);
            self.opened += 1;
        }
        Ok(())
    }

    /// All but the first `keep` workers finish what they hold and go.
    pub(crate) fn stop_workers(&mut self, keep: usize) -> anyhow::Result<()> {
        self.benches.truncate(keep);
        let unwell = self.fleet.stop_workers(keep)?;
        anyhow::ensure!(unwell.is_empty(), "{unwell:?} did not end well");
        Ok(())
    }

    /// SIGKILL for the worker of this bench, and a new worker with a bench of its own.
    pub(crate) fn replace_worker_of(&mut self, bench: usize) -> anyhow::Result<()> {
        if let Some(index) = self.benches.iter().position(|&of| of == bench) {
            self.benches.remove(index);
            self.fleet.kill_worker(index)?;
            self.start_workers(1)?;
        }
        Ok(())
    }

    /// Sends records, as many at once as the topic takes, or as the iterator paces them.
    pub(crate) fn produce<'a>(&self, records: impl Iterator<Item = &'a String>) -> anyhow::Result<()> {
        self.fleet.topics.produce(&self.name, records)
    }

    /// Waits until `count` records were begun.
    pub(crate) fn wait_begun(&self, count: usize) {
        let begun = || self.workshop.begun();
        wait::until(LIMIT, || format!("{} of {count} records begun", begun()), || begun() >= count);
    }

    /// When each result was published, Unix milliseconds, by partition of its source.
    pub(crate) fn results(&self) -> anyhow::Result<BTreeMap<i32, Vec<i64>>> {
        let mut results: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
        self.fleet.topics.each(&self.fleet.working.result_topic, |message| {
            let (partition, _) = topics::result(&message)?.position;
            results.entry(partition).or_default().push(millis(&message));
            Ok(())
        })?;
        for times in results.values_mut() {
            times.sort_unstable();
        }
        Ok(results)
    }
}

/// From the timestamp of each record that has a result to that of its result, sorted; without the `first` records.
pub(crate) fn waits(fleet: &Fleet, first: usize) -> anyhow::Result<Vec<Duration>> {
    let first = first as i64 / i64::from(PARTITIONS);
    let mut appended = BTreeMap::new();
    fleet.topics.each(&fleet.dispatching.topics[0], |record| {
        appended.insert((record.partition(), record.offset()), millis(&record));
        Ok(())
    })?;
    let mut waits = Vec::with_capacity(appended.len());
    fleet.topics.each(&fleet.working.result_topic, |result| {
        let position = topics::result(&result)?.position;
        if position.1 >= first {
            let wait = millis(&result) - appended[&position];
            waits.push(Duration::from_millis(wait.max(0).unsigned_abs()));
        }
        Ok(())
    })?;
    waits.sort_unstable();
    Ok(waits)
}

/// A record's timestamp, Unix milliseconds.
fn millis(record: &OwnedMessage) -> i64 {
    record.timestamp().to_millis().unwrap_or_default()
}

/// Longest time without one of these (sorted, ms) between two moments.
pub(crate) fn longest_gap(times: &[i64], from: i64, to: i64) -> i64 {
    let within = times.iter().copied().filter(|time| (from..=to).contains(time));
    let all: Vec<_> = std::iter::once(from).chain(within).chain([to]).collect();
    all.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

/// The time in which all slots had something to do: from `warm` after the first record was begun until
/// `left` records were not begun yet.
pub(crate) fn full_load(diary: &[Entry], warm: Duration, left: usize) -> anyhow::Result<(Instant, Instant)> {
    let mut begins: Vec<_> = diary.iter().map(|entry| entry.begin).collect();
    begins.sort_unstable();
    anyhow::ensure!(begins.len() > left, "{} records are too few", begins.len());
    let (from, to) = (begins[0] + warm, begins[begins.len() - 1 - left]);
    anyhow::ensure!(from < to, "the load lasted less than {} s", warm.as_secs_f64());
    Ok((from, to))
}

/// How long each bench was at work within a time, summed over its slots.
pub(crate) fn busy(diary: &[Entry], from: Instant, to: Instant) -> BTreeMap<usize, Duration> {
    let mut busy: BTreeMap<usize, Duration> = BTreeMap::new();
    for entry in diary {
        *busy.entry(entry.bench).or_default() += entry.end.min(to).saturating_duration_since(entry.begin.max(from));
    }
    busy
}
