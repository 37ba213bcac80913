//! Merges what every dispatcher reports and what the cluster runs into one observation.
//!
//! Pure. The lag counts as known only if every dispatcher that should run has reported lately and
//! each partition of each topic is held by one of them; anything less is named as a gap.

use std::collections::BTreeMap;
use std::time::Duration;

use imagejob_api::ValidatedJob;
use imagejob_protocol::wire::{PartitionReport, Problem};
use imagejob_scaling::{Arrivals, Backlog, Lag, LagGap, Observation, ServiceTime, Workers};
use jiff::{SignedDuration, Timestamp};

use crate::seams::{Fault, Instance, Reading, Role, Running};

/// A report older than this says nothing about now. Dispatchers report at least once a second.
pub const FRESH: SignedDuration = SignedDuration::from_secs(3);

/// What is seen of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    /// What the decision reads.
    pub observation: Observation,
    /// Partitions of all topics; none while a topic's are not known.
    pub partitions: Option<u32>,
    /// Dispatchers that report.
    pub dispatchers_reporting: u32,
    /// What the dispatchers say is wrong, each reason once.
    pub problems: Vec<Problem>,
    /// What keeps dispatchers or workers from starting.
    pub faults: Vec<Fault>,
}

/// Merges readings and running instances.
pub fn observe(now: Timestamp, job: &ValidatedJob, running: &Running, readings: &[Reading]) -> Sight {
    let fresh: Vec<&Reading> = readings.iter().filter(|r| now.duration_since(r.received) <= FRESH).collect();
    let topics = partitions_by_topic(job, &fresh);
    let held = newest_by_partition(job, &fresh);
    let lag = add_up(held.values().copied());
    let expected = running.dispatchers_applied;
    let gap = silence(now, expected, &fresh, readings).or_else(|| coverage(&topics, &held));
    let backlog = match gap {
        None => Backlog::Known(lag),
        Some(gap) if held.is_empty() => Backlog::Unknown(gap),
        Some(gap) => Backlog::Partial { seen: lag, gap },
    };
    Sight {
        observation: Observation {
            now,
            backlog,
            workers: Workers { applied: running.workers_applied, ready: ready_workers(running) },
            service: mean_service(&fresh),
            start_up: start_up(running),
            arrivals: arrivals(&fresh),
            others: running.others.clone(),
        },
        partitions: topics.values().copied().sum(),
        dispatchers_reporting: fresh.len() as u32,
        problems: problems(&fresh),
        faults: running.faults.clone(),
    }
}

/// Partitions of each topic of the job; none where no dispatcher knows.
fn partitions_by_topic<'a>(job: &'a ValidatedJob, fresh: &[&Reading]) -> BTreeMap<&'a str, Option<u32>> {
    let reported = |topic: &str| {
        let reports = fresh.iter().flat_map(|reading| &reading.report.topics);
        let known = reports.filter(|report| report.topic == topic && report.partitions > 0);
        known.map(|report| report.partitions as u32).max()
    };
    job.source.topics.iter().map(|topic| (topic.as_str(), reported(topic))).collect()
}

/// The newest report of each partition: while one moves, two dispatchers may name it.
fn newest_by_partition<'a>(job: &ValidatedJob, fresh: &[&'a Reading]) -> BTreeMap<(&'a str, i32), &'a PartitionReport> {
    let mut newest: BTreeMap<(&str, i32), (Timestamp, &PartitionReport)> = BTreeMap::new();
    for reading in fresh {
        let ours = reading.report.partitions.iter().filter(|p| job.source.topics.contains(&p.topic));
        for partition in ours {
            let entry = newest.entry((&partition.topic, partition.partition)).or_insert((reading.received, partition));
            if reading.received > entry.0 {
                *entry = (reading.received, partition);
            }
        }
    }
    newest.into_iter().map(|(key, (_, partition))| (key, partition)).collect()
}

fn add_up<'a>(partitions: impl Iterator<Item = &'a PartitionReport>) -> Lag {
    partitions.fold(Lag::default(), |sum, partition| {
        let stuck = partition.stuck.min(partition.waiting);
        let waiting = partition.waiting - stuck;
        let oldest = Duration::from_millis(partition.oldest_wait_ms);
        Lag {
            waiting: sum.waiting.saturating_add(waiting),
            stuck: sum.stuck.saturating_add(stuck),
            in_flight: sum.in_flight.saturating_add(partition.in_flight),
            retrying: sum.retrying.saturating_add(partition.retrying),
            // A record that nobody can have is late whatever the count.
            oldest_wait: if stuck > 0 && waiting == 0 { sum.oldest_wait } else { sum.oldest_wait.max(oldest) },
        }
    })
}

/// Dispatchers that should report and do not.
fn silence(now: Timestamp, expected: u32, fresh: &[&Reading], all: &[Reading]) -> Option<LagGap> {
    let reporting = fresh.len() as u32;
    if reporting == 0 {
        return Some(LagGap::NoReport { expected });
    }
    let silent = expected.checked_sub(reporting).filter(|silent| *silent > 0)?;
    let ages = all.iter().map(|reading| now.duration_since(reading.received)).filter(|age| *age > FRESH);
    Some(LagGap::Silent { silent, expected, since: ages.max().and_then(|age| age.try_into().ok()) })
}

/// Partitions that no dispatcher holds.
fn coverage(topics: &BTreeMap<&str, Option<u32>>, held: &BTreeMap<(&str, i32), &PartitionReport>) -> Option<LagGap> {
    let mut partitions = 0;
    for (topic, count) in topics {
        match count {
            Some(count) => partitions += count,
            None => return Some(LagGap::TopicUnknown { topic: (*topic).to_owned() }),
        }
    }
    let uncovered = partitions.saturating_sub(held.len() as u32);
    (uncovered > 0).then_some(LagGap::Uncovered { uncovered, partitions })
}

fn ready_workers(running: &Running) -> u32 {
    instances(running, Role::Worker).filter(|worker| worker.ready.is_some()).count() as u32
}

fn instances(running: &Running, role: Role) -> impl Iterator<Item = &Instance> {
    running.instances.iter().filter(move |instance| instance.role == role)
}

/// The sum over all dispatchers, in the bins of the one that reaches back furthest. Bins begin when
/// their dispatcher's clock strikes: those of others count where they overlap most.
fn arrivals(fresh: &[&Reading]) -> Arrivals {
    let with_bins = fresh.iter().map(|reading| &reading.arrivals).filter(|arrivals| !arrivals.bin.is_zero());
    let Some(furthest) = with_bins.clone().min_by_key(|arrivals| arrivals.start) else { return Arrivals::default() };
    let mut sum = furthest.clone();
    for other in with_bins.filter(|other| !std::ptr::eq(*other, furthest) && other.bin == furthest.bin) {
        let apart = other.start.duration_since(sum.start).as_secs_f64() / sum.bin.as_secs_f64();
        // `as` saturates, and `start` is the earliest.
        let first = apart.round() as usize;
        sum.records.resize(sum.records.len().max(first + other.records.len()), 0);
        for (bin, records) in sum.records.iter_mut().skip(first).zip(&other.records) {
            *bin = bin.saturating_add(*records);
        }
        sum.until = sum.until.max(other.until);
    }
    sum
}

/// The mean over all dispatchers, weighed by what each has seen.
fn mean_service(fresh: &[&Reading]) -> Option<ServiceTime> {
    let measured = fresh.iter().filter_map(|reading| reading.service);
    let (sum, samples) = measured.fold((0.0, 0), |(sum, samples), service| {
        (sum + service.mean.as_secs_f64() * service.samples as f64, samples + service.samples)
    });
    (samples > 0).then(|| ServiceTime { mean: Duration::from_secs_f64(sum / samples as f64), samples })
}

/// Nine of ten of the workers that run now had started within this time.
fn start_up(running: &Running) -> Option<Duration> {
    let started = instances(running, Role::Worker).filter_map(|worker| {
        let took = worker.ready?.duration_since(worker.created);
        Duration::try_from(took).ok()
    });
    let mut times: Vec<Duration> = started.collect();
    times.sort_unstable();
    // Of 10 the ninth, of 1 the only one.
    times.get((times.len() * 9).div_ceil(10).checked_sub(1)?).copied()
}

fn problems(fresh: &[&Reading]) -> Vec<Problem> {
    let mut by_reason: BTreeMap<&str, &Problem> = BTreeMap::new();
    for problem in fresh.iter().flat_map(|reading| &reading.report.problems) {
        by_reason.entry(&problem.reason).or_insert(problem);
    }
    by_reason.into_values().cloned().collect()
}
