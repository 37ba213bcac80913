//! Service and waiting times of recent records, as percentiles.

use std::collections::VecDeque;
use std::time::Duration;

use imagejob_protocol::wire;

/// Samples reach back this far...
const WINDOW: Duration = Duration::from_secs(10);
/// ... or to this many, whichever is more.
const LEAST: usize = 1_000;
/// Of busy times only this many per [`SLICE`] are kept, so at most 4,000 in the window.
const PER_SLICE: u32 = 10;
const SLICE: Duration = Duration::from_millis(25);

/// One record whose `Done` arrived.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Lease sent -> `Done` received.
    pub service: Duration,
    /// Record timestamp -> lease; `None` where the lease was not the first or not made here.
    pub wait: Option<Duration>,
    /// Of the phases inside the worker.
    pub timings: Option<wire::Timings>,
}

/// The samples.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    samples: VecDeque<(Duration, Sample)>,
    slice: u128,
    in_slice: u32,
}

impl Recent {
    pub(crate) fn push(&mut self, now: Duration, sample: Sample) {
        let slice = now.as_nanos() / SLICE.as_nanos();
        if slice != self.slice {
            self.slice = slice;
            self.in_slice = 0;
        }
        if self.in_slice < PER_SLICE {
            self.in_slice += 1;
            self.samples.push_back((now, sample));
        }
        self.forget(now);
    }

    pub(crate) fn summary(&mut self, now: Duration) -> wire::LatencySummary {
        self.forget(now);
        let micros = |duration: Duration| u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
        let samples = || self.samples.iter().map(|(_, sample)| sample);
        let mut service: Vec<u32> = samples().map(|sample| micros(sample.service)).collect();
        let mut wait: Vec<u32> = samples().filter_map(|sample| sample.wait.map(micros)).collect();
        let timings: Vec<_> = samples().filter_map(|sample| sample.timings).collect();
        wire::LatencySummary {
            samples: service.len() as u32,
            p50: percentile(&mut service, 50),
            p95: percentile(&mut service, 95),
            wait_p50: percentile(&mut wait, 50),
            wait_p95: percentile(&mut wait, 95),
            mean: mean(&timings),
        }
    }

    fn forget(&mut self, now: Duration) {
        let old = |&(at, _): &(Duration, Sample)| at + WINDOW < now;
        while self.samples.len() > LEAST && self.samples.front().is_some_and(old) {
            self.samples.pop_front();
        }
    }
}

/// The smallest value that at least `percent` % of the values do not exceed; 0 of none.
fn percentile(values: &mut [u32], percent: usize) -> u32 {
    if values.is_empty() {
        return 0;
    }
    let rank = (values.len() * percent).div_ceil(100).max(1) - 1;
    *values.select_nth_unstable(rank).1
}

fn mean(timings: &[wire::Timings]) -> Option<wire::Timings> {
    let count = timings.len() as u64;
    if count == 0 {
        return None;
    }
    let mean = |phase: fn(&wire::Timings) -> u32| {
        (timings.iter().map(|timings| u64::from(phase(timings))).sum::<u64>() / count) as u32
    };
    Some(wire::Timings {
        fetch: mean(|timings| timings.fetch),
        decode: mean(|timings| timings.decode),
        steps: mean(|timings| timings.steps),
        publish: mean(|timings| timings.publish),
        total: mean(|timings| timings.total),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(service_ms: u64) -> Sample {
        Sample {
            service: Duration::from_millis(service_ms),
            wait: Some(Duration::from_millis(2 * service_ms)),
            timings: Some(wire::Timings { fetch: service_ms as u32, ..wire::Timings::default() }),
        }
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut recent = Recent::default();
        assert_eq!(recent.summary(Duration::ZERO), wire::LatencySummary::default());
        for ms in 1..=100 {
            recent.push(Duration::from_millis(100 * ms), sample(ms));
        }
        let summary = recent.summary(Duration::from_secs(10));
        assert_eq!((summary.samples, summary.p50, summary.p95), (100, 50_000, 95_000));
        assert_eq!((summary.wait_p50, summary.wait_p95), (100_000, 190_000));
        assert_eq!(summary.mean.map(|mean| mean.fetch), Some(50));
    }

    #[test]
    fn a_thousand_slow_records_count_however_old_and_fast_ones_for_ten_seconds() {
        let mut recent = Recent::default();
        for second in 0..2_000 {
            recent.push(Duration::from_secs(second), sample(1));
        }
        assert_eq!(recent.summary(Duration::from_secs(2_000)).samples, 1_000);
        for micros in 0..12_000_000_u64 / 50 {
            recent.push(Duration::from_micros(2_000_000_000 + micros * 50), sample(1));
        }
        let samples = recent.summary(Duration::from_secs(2_012)).samples;
        assert!((3_990..=4_020).contains(&samples), "{samples}");
    }
}
