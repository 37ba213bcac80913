//! How many workers the records ask for, before profiles, bounds and stabilization.
//!
//! Three answers, of which the largest counts: **due** (what waits must start in time),
//! **keep-up** (what arrives must not pile up) and **in flight** (what runs needs its slots).

use std::num::NonZeroU32;
use std::time::Duration;

use crate::observation::{Lag, Observation, ServiceTime};
use crate::policy::Policy;
use crate::reason::{DueEvidence, KeepUpEvidence, ServiceEvidence};

/// How long a record holds a slot while nothing is measured: fetching a photo of some megabytes
/// and looking at it at reduced scale. A wrong guess is gone after a few dozen records.
pub const PRIOR_SERVICE: Duration = Duration::from_millis(200);

/// How many measured records weigh as much as [`PRIOR_SERVICE`]. The first record of a process
/// runs cold and is no measure: after one record of 1 s the estimate is (5 x 200 ms + 1 s) / 6 = 333 ms.
const PRIOR_SAMPLES: f64 = 5.0;

/// Time from ordering a worker until it takes leases, while none was seen to start: a pod with
/// its image present takes 3-10 s.
pub const PRIOR_START_UP: Duration = Duration::from_secs(5);

/// The share of the promised wait that is planned for; the rest absorbs errors of the estimates.
const PLANNED_SHARE: f64 = 0.7;

/// The share of its slots that a worker is planned to use, so that short bursts find free ones.
const UTILISATION: f64 = 0.78;

/// What the records ask for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Demand {
    /// Workers for what waits, if they have to be started first. Never below `due_running`.
    pub due: u32,
    /// Workers for what waits, if they run already.
    pub due_running: u32,
    /// Workers for what arrives.
    pub keep_up: u32,
    /// Workers for what runs or will be tried again.
    pub in_flight: u32,
    /// Records on loan, the numbers behind `in_flight`.
    pub records_in_flight: u64,
    /// The numbers behind `due`.
    pub due_evidence: DueEvidence,
    /// The numbers behind `keep_up`.
    pub keep_up_evidence: KeepUpEvidence,
}

impl Demand {
    /// What `lag` asks for when `wait` is promised.
    pub(crate) fn of(lag: &Lag, seen: &Observation, policy: &Policy, wait: Duration) -> Self {
        let service = ServiceEvidence::estimate(seen.service, policy.slots);
        let start_up = seen.start_up.unwrap_or(PRIOR_START_UP);
        let (left, least) = (time_left(wait, lag.oldest_wait), least_time(wait, start_up));
        // Arrivals are an average over some time: where nothing is left, they are over.
        let keep_up =
            if lag.total() == 0 { 0 } else { workers(seen.arrivals_per_second, service.per_worker() * UTILISATION) };
        Self {
            due: due(lag, wait, left.saturating_sub(start_up).max(least), &service),
            due_running: due(lag, wait, left.max(least), &service),
            keep_up,
            in_flight: filled(lag.in_flight, policy.slots).max(u32::from(lag.retrying > 0)),
            records_in_flight: lag.in_flight,
            due_evidence: DueEvidence {
                waiting: lag.waiting,
                retrying: lag.retrying,
                oldest: lag.oldest_wait,
                wait,
                start_up,
                service,
            },
            keep_up_evidence: KeepUpEvidence { arrivals_per_second: seen.arrivals_per_second, service },
        }
    }

    /// The most that the records ask for.
    pub(crate) fn largest(&self) -> u32 {
        self.due.max(self.keep_up).max(self.in_flight)
    }

    /// The least that does, given that the workers run already.
    pub(crate) fn largest_running(&self) -> u32 {
        self.due_running.max(self.keep_up).max(self.in_flight)
    }
}

impl ServiceEvidence {
    /// Measured and guessed time a record holds a slot, weighed by how much was measured.
    fn estimate(measured: Option<ServiceTime>, slots: NonZeroU32) -> Self {
        let (mean, samples) = measured.map_or((0.0, 0.0), |s| (s.mean.as_secs_f64(), s.samples as f64));
        let sum = PRIOR_SERVICE.as_secs_f64() * PRIOR_SAMPLES + mean * samples;
        // Any measured mean is a length; the clamp keeps the arithmetic inside the types.
        let seconds = (sum / (PRIOR_SAMPLES + samples)).clamp(1e-6, 1e9);
        Self { mean: Duration::from_secs_f64(seconds), measured: samples > 0.0, slots: slots.get() }
    }

    /// Records a second that one busy worker finishes: 8 slots x 243 ms = 8 / 0.243 = 32.9/s.
    pub(crate) fn per_worker(&self) -> f64 {
        f64::from(self.slots) / self.mean.as_secs_f64()
    }
}

/// Time in which everything that waits has to start: the planned share of the promise, less what
/// the oldest record has waited. Workers that are yet to start have their start-up less.
///
/// Promise 60 s, oldest 12 s: 0.7 x 60 - 12 = 30 s; with a start-up of 5 s, 25 s.
fn time_left(wait: Duration, oldest: Duration) -> Duration {
    wait.mul_f64(PLANNED_SHARE).saturating_sub(oldest)
}

/// A handful of late records must not ask for hundreds of workers: the time left counts as a
/// fifth of the promise, a quarter of a start, and 1 s at least.
///
/// Promise 5 s, start-up 1.9 s: max(1, 0.475, 1) = 1 s, however late the oldest is.
fn least_time(wait: Duration, start_up: Duration) -> Duration {
    (wait / 5).max(start_up / 4).max(Duration::from_secs(1))
}

/// Workers that start everything that waits within `time_left`, and everything that is to be
/// tried again within the planned share of the promise; but no more than there are records to
/// fill their slots.
///
/// 1,204 waiting, 8 slots x 243 ms = 32.9/s a worker, 25 s left: 1,204 / (32.9 x 25) = 1.5, so 2.
/// With 1 s left: 36.6, so 37; 30 waiting would be 1, and never more than 30 / 8 = 4.
fn due(lag: &Lag, wait: Duration, time_left: Duration, service: &ServiceEvidence) -> u32 {
    let planned = wait.mul_f64(PLANNED_SHARE).max(Duration::from_secs(1));
    let per_second = lag.waiting as f64 / time_left.as_secs_f64() + lag.retrying as f64 / planned.as_secs_f64();
    let slots = NonZeroU32::new(service.slots).unwrap_or(NonZeroU32::MIN);
    workers(per_second, service.per_worker()).min(filled(lag.total(), slots))
}

/// Workers that do `per_second` at `per_worker` each, rounded up.
fn workers(per_second: f64, per_worker: f64) -> u32 {
    // `as` saturates, and turns a rate that is no number into 0.
    (per_second / per_worker).ceil() as u32
}

/// Workers whose slots `records` fill, the last one perhaps in part.
fn filled(records: u64, slots: NonZeroU32) -> u32 {
    u32::try_from(records.div_ceil(u64::from(slots.get()))).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lag(waiting: u64) -> Lag {
        Lag { waiting, ..Lag::default() }
    }

    fn measured(mean_ms: u64) -> ServiceEvidence {
        ServiceEvidence { mean: Duration::from_millis(mean_ms), measured: true, slots: 8 }
    }

    #[test]
    fn the_worked_examples_of_the_comments_hold() {
        let s = Duration::from_secs;
        assert_eq!(time_left(s(60), s(12)), s(30));
        assert_eq!(least_time(s(5), Duration::from_millis(1_900)), s(1));
        assert_eq!(due(&lag(1_204), s(60), s(25), &measured(243)), 2);
        assert_eq!(due(&lag(1_204), s(60), s(1), &measured(243)), 37);
        assert_eq!(due(&lag(30), s(60), s(1), &measured(243)), 1);
        assert_eq!(due(&lag(30), s(60), s(1), &measured(60_000)), 4);
        let cold = ServiceTime { mean: s(1), samples: 1 };
        let estimate = ServiceEvidence::estimate(Some(cold), NonZeroU32::MIN);
        assert_eq!(estimate.mean.as_millis(), 333);
    }
}
