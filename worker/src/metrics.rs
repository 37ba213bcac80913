//! What a worker counts, under the names of the contract.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use imagejob_protocol::{metrics as names, wire};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Phase {
    phase: &'static str,
}

/// See the module. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Metrics {
    phases: Family<Phase, Histogram, fn() -> Histogram>,
    busy: Gauge,
    slots: Gauge,
    object_bytes: Counter,
    skipped: Counter,
    start: Gauge<f64, AtomicU64>,
}

/// 0.25 ms to 8 s, doubling: a thumbnail's decode at one end, a slow handler at the other.
fn phase_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_25, 2.0, 16))
}

impl Metrics {
    /// Registers everything in `registry`.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            phases: Family::new_with_constructor(phase_histogram),
            busy: Gauge::default(),
            slots: Gauge::default(),
            object_bytes: Counter::default(),
            skipped: Counter::default(),
            start: Gauge::default(),
        };
        // The registry appends the unit and `_total`; the contract's names have the unit already.
        let plain = |name: &'static str, unit: &str| name.strip_suffix(unit).unwrap_or(name);
        registry.register_with_unit(
            plain(names::PHASE_SECONDS, "_seconds"),
            "Time in a worker by phase",
            Unit::Seconds,
            metrics.phases.clone(),
        );
        registry.register(names::WORKER_BUSY_SLOTS, "Slots at work", metrics.busy.clone());
        registry.register(names::WORKER_SLOTS, "Slots of this worker", metrics.slots.clone());
        registry.register_with_unit(
            plain(names::OBJECT_BYTES, "_bytes"),
            "Bytes read from the store",
            Unit::Bytes,
            metrics.object_bytes.clone(),
        );
        registry.register(
            names::SKIPPED_EVENTS,
            "Events that leave no new object behind: removals, parts of uploads",
            metrics.skipped.clone(),
        );
        registry.register_with_unit(
            plain(names::START_SECONDS, "_seconds"),
            "Process start until the steps were loaded",
            Unit::Seconds,
            metrics.start.clone(),
        );
        metrics
    }

    /// The worker is up.
    pub fn started(&self, slots: u32, start: Duration) {
        self.slots.set(i64::from(slots));
        self.start.set(start.as_secs_f64());
    }

    /// Events that ask for nothing.
    pub fn skipped(&self, events: &[String]) {
        for event in events {
            tracing::debug!(event, "skipped");
            self.skipped.inc();
        }
    }

    /// An item begins; it ends when the guard is dropped.
    pub fn item(&self) -> impl Drop + use<> {
        self.busy.inc();
        Busy(self.busy.clone())
    }

    /// An item's phases, microseconds, and the bytes that were read for it.
    pub fn done(&self, timings: &wire::Timings, object_bytes: u64) {
        let phases = [
            ("fetch", timings.fetch),
            ("decode", timings.decode),
            ("steps", timings.steps),
            ("publish", timings.publish),
        ];
        for (phase, micros) in phases {
            self.phases.get_or_create(&Phase { phase }).observe(f64::from(micros) / 1e6);
        }
        self.object_bytes.inc_by(object_bytes);
    }
}

struct Busy(Gauge);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_exposition_has_the_names_of_the_contract() {
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        metrics.started(8, Duration::from_millis(12));
        let item = metrics.item();
        metrics.done(&wire::Timings { fetch: 1_000, ..Default::default() }, 42);
        let text = |registry: &Registry| {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
            text
        };
        let expected = [
            "imagejob_worker_phase_seconds_count{phase=\"fetch\"} 1",
            "imagejob_worker_busy_slots 1",
            "imagejob_worker_slots 8",
            "imagejob_worker_object_bytes_total 42",
            "imagejob_worker_start_seconds 0.012",
        ];
        for line in expected {
            assert!(text(&registry).lines().any(|found| found == line), "{line} is not in\n{}", text(&registry));
        }
        drop(item);
        assert!(text(&registry).contains("imagejob_worker_busy_slots 0"));
    }
}
