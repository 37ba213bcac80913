//! What only a series of reports tells: the rate of arrivals, and how long records hold a slot.
//!
//! Pure: reports and the times of their arrival go in, a [`Reading`] comes out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use imagejob_protocol::wire::{Arrivals, Report, WorkReport};
use imagejob_scaling::ServiceTime;
use jiff::{SignedDuration, Timestamp};

use crate::seams::Reading;

/// Arrivals are averaged over this many milliseconds before the newest bin, which is not complete.
const ARRIVALS_MS: i64 = 30_000;

/// Slot times are averaged over this long.
const SERVICE_WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// Counters are kept at most this often: 60 of them span the window.
const SERVICE_STEP: SignedDuration = SignedDuration::from_secs(1);

/// The reports of one dispatcher so far.
#[derive(Debug, Clone, Default)]
pub struct Track {
    latest: Option<(Timestamp, Arc<Report>)>,
    /// Records per bin by its start, Unix milliseconds.
    bins: BTreeMap<i64, u32>,
    /// Counters at earlier times, oldest first.
    counters: VecDeque<Counters>,
}

/// Counters of finished work at one time.
#[derive(Debug, Clone, Copy)]
struct Counters {
    at: Timestamp,
    done: u64,
    slot_micros: u64,
}

impl Track {
    /// Takes in a report that arrived at `received`. A dispatcher that started anew begins anew.
    pub fn absorb(&mut self, received: Timestamp, report: Report) {
        let started_anew =
            |before: &Report| before.dispatcher_id != report.dispatcher_id || report.sequence < before.sequence;
        if self.latest.as_ref().is_some_and(|(_, before)| started_anew(before)) {
            *self = Self::default();
        }
        if let Some(arrivals) = &report.arrivals {
            self.absorb_arrivals(arrivals);
        }
        if let Some(work) = &report.work {
            self.absorb_counters(received, work);
        }
        self.latest = Some((received, Arc::new(report)));
    }

    /// The latest report with what the series tells; none before the first.
    pub fn reading(&self) -> Option<Reading> {
        let (received, report) = self.latest.clone()?;
        let service = self.service(report.work.as_ref());
        Some(Reading { received, report, arrivals_per_second: self.arrivals_per_second(), service })
    }

    fn absorb_arrivals(&mut self, arrivals: &Arrivals) {
        let start = |i: usize| arrivals.start_ms.saturating_add(i as i64 * i64::from(arrivals.bin_ms));
        for (i, records) in arrivals.records.iter().enumerate() {
            self.bins.insert(start(i), *records);
        }
        // Bins beyond the newest are of a clock that was set back since.
        let newest = start(arrivals.records.len().saturating_sub(1));
        let oldest = newest.saturating_sub(ARRIVALS_MS);
        self.bins.retain(|bin, _| (oldest..=newest).contains(bin));
    }

    /// Complete bins of the last 30 s: 900 records in them are 30/s.
    fn arrivals_per_second(&self) -> f64 {
        let records: u64 = self.bins.values().rev().skip(1).map(|records| u64::from(*records)).sum();
        records as f64 / (ARRIVALS_MS as f64 / 1e3)
    }

    fn absorb_counters(&mut self, at: Timestamp, work: &WorkReport) {
        let due = self.counters.back().is_none_or(|last| at.duration_since(last.at) >= SERVICE_STEP);
        if due {
            self.counters.push_back(Counters { at, done: work.done, slot_micros: work.slot_micros });
        }
        while self.counters.front().is_some_and(|first| at.duration_since(first.at) > SERVICE_WINDOW) {
            self.counters.pop_front();
        }
    }

    /// Over the last minute if anything was finished in it, else since the dispatcher started.
    fn service(&self, work: Option<&WorkReport>) -> Option<ServiceTime> {
        let work = work?;
        let since = self.counters.front().map_or((0, 0), |first| (first.done, first.slot_micros));
        let mean = |(done, micros): (u64, u64)| {
            let samples = work.done.checked_sub(done).filter(|samples| *samples > 0)?;
            let micros = work.slot_micros.saturating_sub(micros);
            Some(ServiceTime { mean: Duration::from_micros(micros / samples), samples })
        };
        mean(since).or_else(|| mean((0, 0)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    fn report(id: &str, work: (u64, u64), arrivals: Option<(i64, Vec<u32>)>) -> Report {
        Report {
            dispatcher_id: id.to_owned(),
            work: Some(WorkReport { done: work.0, slot_micros: work.1, ..WorkReport::default() }),
            arrivals: arrivals.map(|(start_ms, records)| Arrivals { start_ms, bin_ms: 1_000, records }),
            ..Report::default()
        }
    }

    #[test]
    fn bins_that_are_sent_again_count_once_and_the_newest_not_yet() {
        let mut track = Track::default();
        track.absorb(at(0), report("a", (0, 0), Some((0, vec![100; 40]))));
        assert!((track.reading().unwrap().arrivals_per_second - 100.0).abs() < 1e-9);
        // The last bin was 40 and is 400 now that it is complete; the next has begun.
        track.absorb(at(1_000), report("a", (0, 0), Some((39_000, vec![400, 5]))));
        assert!((track.reading().unwrap().arrivals_per_second - 110.0).abs() < 1e-9);
    }

    #[test]
    fn a_clock_that_is_set_back_loses_no_arrivals() {
        let mut track = Track::default();
        track.absorb(at(0), report("a", (0, 0), Some((3_600_000, vec![100; 31]))));
        track.absorb(at(1_000), report("a", (0, 0), Some((0, vec![50; 31]))));
        assert!((track.reading().unwrap().arrivals_per_second - 50.0).abs() < 1e-9);
    }

    #[test]
    fn slot_times_follow_the_last_minute_and_outlast_a_quiet_one() {
        let mut track = Track::default();
        track.absorb(at(0), report("a", (0, 0), None));
        assert_eq!(track.reading().unwrap().service, None);
        track.absorb(at(10_000), report("a", (100, 20_000_000), None));
        let slow = ServiceTime { mean: Duration::from_millis(200), samples: 100 };
        assert_eq!(track.reading().unwrap().service, Some(slow));
        // A minute later 50 ms each; what lies before the window is forgotten.
        track.absorb(at(65_000), report("a", (1_100, 70_000_000), None));
        let fast = ServiceTime { mean: Duration::from_millis(50), samples: 1_000 };
        assert_eq!(track.reading().unwrap().service, Some(fast));
        // Nothing finished for minutes: the mean since the start.
        track.absorb(at(300_000), report("a", (1_100, 70_000_000), None));
        let all = ServiceTime { mean: Duration::from_micros(63_636), samples: 1_100 };
        assert_eq!(track.reading().unwrap().service, Some(all));
    }

    #[test]
    fn a_dispatcher_that_started_anew_begins_anew() {
        let mut track = Track::default();
        track.absorb(at(0), report("a", (5_000, 50_000_000), Some((0, vec![100; 40]))));
        track.absorb(at(5_000), report("b", (10, 1_000_000), Some((39_000, vec![0]))));
        let reading = track.reading().unwrap();
        assert_eq!(reading.service, Some(ServiceTime { mean: Duration::from_millis(100), samples: 10 }));
        // The same name with a sequence that begins anew is another process too.
        track.absorb(at(6_000), Report { sequence: 9, ..report("b", (20, 2_000_000), Some((70_000, vec![900; 31]))) });
        track.absorb(at(7_000), Report { sequence: 1, ..report("b", (30, 9_000_000), Some((71_000, vec![0]))) });
        let reading = track.reading().unwrap();
        assert_eq!(reading.service, Some(ServiceTime { mean: Duration::from_millis(300), samples: 30 }));
        assert!(reading.arrivals_per_second.abs() < 1e-9);
    }
}
