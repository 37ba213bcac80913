//! Metrics, brought up to date with every snapshot.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use imagejob_leasing::dispatcher::{Sample, Snapshot};
use imagejob_protocol::metrics as names;
use imagejob_protocol::settings::JobName;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

type Labels = Vec<(&'static str, String)>;

/// All metrics of a dispatcher.
pub(crate) struct Meters {
    registry: Registry,
    lag: Family<Labels, Gauge>,
    waiting: Gauge,
    oldest_wait: Gauge<f64, std::sync::atomic::AtomicU64>,
    in_flight: Gauge,
    workers: Gauge,
    leases: Counter,
    losses: Counter,
    duplicates: Counter,
    finished: Family<Labels, Counter>,
    failures: Family<Labels, Counter>,
    service: Histogram,
    wait: Histogram,
    /// What the counters stand at: they are raised to what a snapshot says.
    counted: Mutex<HashMap<(&'static str, String), u64>>,
}

impl Meters {
    pub(crate) fn new(job: &JobName) -> Self {
        let labels = [("namespace".into(), job.namespace.clone().into()), ("job".into(), job.name.clone().into())];
        // 1 ms .. 524 s for work, which may take minutes; the same for waits.
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 20));
        let mut meters = Self {
            registry: Registry::with_labels(labels.into_iter()),
            lag: Family::default(),
            waiting: Gauge::default(),
            oldest_wait: Gauge::default(),
            in_flight: Gauge::default(),
            workers: Gauge::default(),
            leases: Counter::default(),
            losses: Counter::default(),
            duplicates: Counter::default(),
            finished: Family::default(),
            failures: Family::default(),
            service: seconds(),
            wait: seconds(),
            counted: Mutex::default(),
        };
        meters.register();
        meters
    }

    fn register(&mut self) {
        let Self { registry, .. } = self;
        let mut gauge = |name: &str, help: &str, gauge: &Gauge| {
            registry.register(name, help, gauge.clone());
        };
        gauge(names::WAITING_RECORDS, "Records neither finished, on loan nor retrying", &self.waiting);
        gauge(names::IN_FLIGHT_RECORDS, "Records on loan", &self.in_flight);
        gauge(names::CONNECTED_WORKERS, "Streams of workers", &self.workers);
        let mut counter = |name: &str, help: &str, counter: &Counter| {
            registry.register(name, help, counter.clone());
        };
        counter(names::LEASES, "Leases given", &self.leases);
        counter(names::LOSSES, "Loans whose worker vanished", &self.losses);
        counter(names::DUPLICATES, "Done for what was finished already", &self.duplicates);
        registry.register(names::LAG_RECORDS, "Records past the commit position", self.lag.clone());
        registry.register(names::OLDEST_WAIT_SECONDS, "Age of the oldest waiting record", self.oldest_wait.clone());
        registry.register(names::FINISHED_RECORDS, "Records finished", self.finished.clone());
        registry.register(names::FAILURES, "Failures", self.failures.clone());
        registry.register(names::SERVICE_SECONDS, "Time from lease to Done", self.service.clone());
        registry.register(
            names::WAIT_SECONDS,
            "Time from the record's timestamp to its first lease",
            self.wait.clone(),
        );
    }

    /// Brings all metrics up to date.
    pub(crate) fn observe(&self, snapshot: &Snapshot, samples: &[Sample]) {
        let report = &snapshot.report;
        let sum = |field: fn(&imagejob_protocol::wire::PartitionReport) -> u64| {
            report.partitions.iter().map(field).sum::<u64>() as i64
        };
        self.waiting.set(sum(|partition| partition.waiting));
        self.in_flight.set(sum(|partition| partition.in_flight));
        self.workers.set(report.workers.len() as i64);
        let oldest = report.partitions.iter().map(|partition| partition.oldest_wait_ms).max();
        self.oldest_wait.set(oldest.unwrap_or(0) as f64 / 1_000.0);
        self.lag.clear();
        for partition in &report.partitions {
            let labels = vec![("topic", partition.topic.clone()), ("partition", partition.partition.to_string())];
            self.lag.get_or_create(&labels).set(partition.end_offset - partition.base);
        }
        self.count(snapshot);
        for sample in samples {
            self.service.observe(sample.service.as_secs_f64());
            if let Some(wait) = sample.wait {
                self.wait.observe(wait.as_secs_f64());
            }
        }
    }

    fn count(&self, snapshot: &Snapshot) {
        let tally = &snapshot.tally;
        self.raise(&self.leases, names::LEASES, "", tally.leased);
        self.raise(&self.losses, names::LOSSES, "", tally.lost);
        self.raise(&self.duplicates, names::DUPLICATES, "", tally.duplicates);
        let outcomes = [("Done", tally.done), ("Skipped", tally.skipped), ("DeadLettered", tally.dead_lettered())];
        for (outcome, count) in outcomes {
            let counter = self.finished.get_or_create_owned(&vec![("outcome", outcome.to_owned())]);
            self.raise(&counter, names::FINISHED_RECORDS, outcome, count);
        }
        for (&reason, &count) in &tally.failures_by_reason {
            let counter = self.failures.get_or_create_owned(&vec![("reason", reason.to_owned())]);
            self.raise(&counter, names::FAILURES, reason, count);
        }
    }

    fn raise(&self, counter: &Counter, name: &'static str, label: &str, to: u64) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let before = counted.entry((name, label.to_owned())).or_default();
        counter.inc_by(to.saturating_sub(*before));
        *before = to;
    }

    /// The OpenMetrics exposition.
    ///
    /// # Errors
    ///
    /// Never in practice: a string takes everything.
    pub(crate) fn exposition(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
