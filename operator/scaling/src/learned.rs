//! What a worker does and how long it takes to start, learned over many looks.
//!
//! The dispatchers measure over the last minute. After a quiet night that minute holds a handful of
//! records, or none, while the peak that follows needs the number of the last one: so what was
//! measured when much was done weighs more, and silence forgets nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;

use crate::memory::elapsed;
use crate::observation::{Backlog, Observation, ServiceTime};
use crate::policy::Policy;
use crate::reason::ServiceEvidence;

/// How long a record holds a slot while nothing is measured: fetching a photo of some megabytes
/// and looking at it at reduced scale. A wrong guess is gone after a few dozen records.
pub const PRIOR_SERVICE: Duration = Duration::from_millis(200);

/// How many measured records weigh as much as [`PRIOR_SERVICE`]. The first record of a process
/// runs cold and is no measure: after one record of 1 s the estimate is (5 x 200 ms + 1 s) / 6 = 333 ms.
const PRIOR_SAMPLES: f64 = 5.0;

/// How many measured records weigh as much as what was learned before them.
const LEARNED_SAMPLES: f64 = 50.0;

/// What was learned follows what is measured with this time constant, seconds.
const LEARNING: f64 = 300.0;

/// Time from ordering a worker until it takes leases, while none was seen to start: a pod with
/// its image present takes 3-10 s.
pub const PRIOR_START_UP: Duration = Duration::from_secs(5);

/// A start that takes longer says that something is wrong, not that all starts do.
const SLOWEST_START_UP: Duration = Duration::from_mins(1);

/// What arrived is believed to go on for so long after it was last seen.
const BELIEVED: Duration = Duration::from_secs(30);

/// A look happens at least this often while records arrive.
const LOOK: Duration = Duration::from_secs(1);

/// What looks so far have taught.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Learned {
    /// Mean seconds that a record holds a slot.
    service: Option<f64>,
    /// The last start-up time that was seen.
    start_up: Option<Duration>,
    /// Records a second that arrived over the last minutes, when all of it was last in sight.
    arrivals: Option<(Timestamp, f64)>,
    /// The last look.
    at: Option<Timestamp>,
}

impl Learned {
    /// As after a while in which records held a slot for `service`.
    pub(crate) fn expecting(service: Duration) -> Self {
        Self { service: Some(service.as_secs_f64()), ..Self::default() }
    }

    /// With one more look.
    pub(crate) fn after(self, seen: &Observation) -> Self {
        let since = self.at.map_or(Duration::ZERO, |at| elapsed(at, seen.now)).as_secs_f64();
        Self {
            service: self.service_after(seen.service, since),
            start_up: seen.start_up.or(self.start_up),
            arrivals: match seen.backlog {
                Backlog::Known(_) => Some((seen.now, seen.arrivals.lasting())),
                Backlog::Partial { .. } | Backlog::Unknown(_) => self.arrivals,
            },
            at: Some(seen.now),
        }
    }

    /// Moves towards what was measured by time and by how much was measured: of 1,000 records a
    /// minute, in 300 s by 1,000 / 1,050 x (1 - 1/e) = 60 %; of 5 records a minute by 6 %.
    fn service_after(self, measured: Option<ServiceTime>, since: f64) -> Option<f64> {
        let Some(measured) = measured else { return self.service };
        let (mean, samples) = (measured.mean.as_secs_f64(), measured.samples as f64);
        let Some(known) = self.service else {
            return (samples >= LEARNED_SAMPLES).then_some(mean);
        };
        let share = samples / (samples + LEARNED_SAMPLES) * (1.0 - (-since / LEARNING).exp());
        Some(known + (mean - known) * share)
    }

    /// Records a second that arrive; none once nobody has seen all of them for a while, so that a
    /// rebalance of some seconds is no reason to prepare for the worst.
    pub(crate) fn arrivals(&self, now: Timestamp) -> Option<f64> {
        self.arrivals.filter(|(at, _)| elapsed(*at, now) < BELIEVED).map(|(_, per_second)| per_second)
    }

    /// What a worker is expected to do from now on.
    pub(crate) fn capability(&self, seen: &Observation, slots: NonZeroU32) -> Capability {
        let (mean, samples) = seen.service.map_or((0.0, 0.0), |s| (s.mean.as_secs_f64(), s.samples as f64));
        let (known, weight) =
            self.service.map_or((PRIOR_SERVICE.as_secs_f64(), PRIOR_SAMPLES), |known| (known, LEARNED_SAMPLES));
        // Any measured mean is a length; the clamp keeps the arithmetic inside the types.
        let seconds = ((known * weight + mean * samples) / (weight + samples)).clamp(1e-6, 1e9);
        let measured = samples > 0.0 || self.service.is_some();
        let start_up = self.start_up.unwrap_or(PRIOR_START_UP).min(SLOWEST_START_UP);
        let service = ServiceEvidence { mean: Duration::from_secs_f64(seconds), measured, slots: slots.get() };
        Capability { service, start_up }
    }
}

/// What a worker is expected to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Capability {
    pub service: ServiceEvidence,
    /// From ordering a worker until it takes leases.
    pub start_up: Duration,
}

impl Default for Capability {
    /// What is expected of workers nobody has seen.
    fn default() -> Self {
        let slots = Policy::default().slots.get();
        let service = ServiceEvidence { mean: PRIOR_SERVICE, measured: false, slots };
        Self { service, start_up: PRIOR_START_UP }
    }
}

impl Capability {
    /// From the instant at which more are needed until more take leases.
    pub(crate) fn reaction(&self) -> Duration {
        self.start_up + LOOK
    }
}

impl ServiceEvidence {
    /// Records a second that one busy worker finishes: 8 slots x 243 ms = 8 / 0.243 = 32.9/s.
    pub(crate) fn per_worker(&self) -> f64 {
        f64::from(self.slots) / self.mean.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{Arrivals, LagGap, Workers};

    fn look(second: i64, service: Option<(u64, u64)>) -> Observation {
        Observation {
            now: Timestamp::from_second(1_800_000_000 + second).unwrap(),
            backlog: Backlog::Unknown(LagGap::NoReport { expected: 1 }),
            workers: Workers::default(),
            service: service.map(|(ms, samples)| ServiceTime { mean: Duration::from_millis(ms), samples }),
            start_up: None,
            others: crate::Others::default(),
            arrivals: Arrivals::default(),
        }
    }

    fn mean_ms(learned: Learned, seen: &Observation) -> u128 {
        learned.capability(seen, NonZeroU32::MIN).service.mean.as_millis()
    }

    #[test]
    fn the_first_records_outweigh_the_guess_step_by_step() {
        for (samples, ms) in [(0, 200), (1, 333), (45, 920), (10_000, 999)] {
            let seen = look(0, Some((1_000, samples)));
            assert_eq!(mean_ms(Learned::default().after(&look(-1, None)), &seen), ms, "{samples} samples");
        }
    }

    #[test]
    fn a_quiet_night_forgets_nothing() {
        let mut learned = Learned::default();
        for second in 0..600 {
            learned = learned.after(&look(second, Some((400, 2_000))));
        }
        // Eight hours with two photos a minute, which are fast when nothing else runs.
        for second in 600..30_000 {
            learned = learned.after(&look(second, Some((150, 2))));
        }
        let at_dawn = mean_ms(learned, &look(30_001, Some((150, 2))));
        assert!(at_dawn >= 150 && mean_ms(learned, &look(30_001, None)) < 400);
        // And with none at all.
        let mut silent = Learned::expecting(Duration::from_millis(400));
        for second in 0..30_000 {
            silent = silent.after(&look(second, None));
        }
        assert_eq!(mean_ms(silent, &look(30_001, None)), 400);
        // A peak of which much is measured counts by itself, whatever was learned.
        assert!(mean_ms(silent, &look(30_002, Some((100, 5_000)))) < 105);
    }
}
