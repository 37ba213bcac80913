//! The operator's metrics, in OpenMetrics text.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// From 50 microseconds, a round at rest, to 10 s, several writes to an API server in trouble.
const ROUND_SECONDS: [f64; 11] = [50e-6, 200e-6, 1e-3, 5e-3, 20e-3, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0];

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Outcome {
    /// The API server took it.
    Written,
    /// It did not answer, or was not well.
    Unavailable,
    /// It refused.
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Write {
    kind: String,
    verb: String,
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Why {
    reason: String,
}

/// The operator's metrics.
#[derive(Debug)]
pub struct Meters {
    registry: Registry,
    rounds: Histogram,
    decisions: Family<Why, Counter>,
    writes: Family<Write, Counter>,
    jobs: Gauge,
    leader: Gauge,
}

impl Default for Meters {
    fn default() -> Self {
        let mut registry = Registry::default();
        let rounds = Histogram::new(ROUND_SECONDS);
        let (decisions, writes, jobs, leader) =
            (Family::default(), Family::default(), Gauge::default(), Gauge::default());
        registry.register(
            "imagejob_operator_reconcile_seconds",
            "From the beginning of a round until its status is written",
            rounds.clone(),
        );
        registry.register(
            "imagejob_operator_decisions",
            "Decisions that changed a worker count, by reason",
            Family::clone(&decisions),
        );
        registry.register(
            "imagejob_operator_api_writes",
            "Writes to the API server by kind, verb and outcome; none at rest",
            Family::clone(&writes),
        );
        registry.register("imagejob_operator_jobs", "Jobs that are reconciled here", Gauge::clone(&jobs));
        registry.register("imagejob_operator_leader", "1 while this operator leads", Gauge::clone(&leader));
        Self { registry, rounds, decisions, writes, jobs, leader }
    }
}

impl Meters {
    /// A write was answered, or not.
    pub fn wrote(&self, kind: &str, verb: &str, outcome: Outcome) {
        let labels = Write { kind: kind.to_owned(), verb: verb.to_owned(), outcome };
        self.writes.get_or_create(&labels).inc();
    }

    /// A round ended.
    pub fn round(&self, took: Duration) {
        self.rounds.observe(took.as_secs_f64());
    }

    /// A worker count changed.
    pub fn decided(&self, reason: &str) {
        self.decisions.get_or_create(&Why { reason: reason.to_owned() }).inc();
    }

    /// So many jobs are reconciled here.
    pub fn jobs(&self, jobs: usize) {
        self.jobs.set(jobs as i64);
    }

    /// We lead, or not.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// All of them as text.
    pub fn exposition(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
