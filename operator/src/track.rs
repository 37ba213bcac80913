//! What only a series of reports tells: when records arrived, and how long they hold a slot.
//!
//! Pure: reports and the times of their arrival go in, a [`Reading`] comes out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use imagejob_protocol::wire::{self, Report, WorkReport};
use imagejob_scaling::{Arrivals, ServiceTime};
use jiff::{SignedDuration, Timestamp};

use crate::seams::Reading;

/// Arrivals are kept this long, milliseconds: as far as a dispatcher's first report reaches back.
const ARRIVALS_MS: i64 = 600_000;

/// Slot times are averaged over this long.
const SERVICE_WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// Counters are kept at most this often: 60 of them span the window.
const SERVICE_STEP: SignedDuration = SignedDuration::from_secs(1);

/// The reports of one dispatcher so far.
#[derive(Debug, Clone, Default)]
pub struct Track {
    latest: Option<(Timestamp, Arc<Report>)>,
    bins: Bins,
    /// Counters at earlier times, oldest first.
    counters: VecDeque<Counters>,
}

/// Records per bin, by the dispatcher's clock.
#[derive(Debug, Clone, Default)]
struct Bins {
    /// Unix milliseconds of the first bin.
    start_ms: i64,
    bin_ms: i64,
    records: VecDeque<u32>,
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
            self.bins.absorb(arrivals);
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
        let arrivals = self.bins.by_our_clock(received, report.observed_ms);
        Some(Reading { received, report, arrivals, service })
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

impl Bins {
    /// Takes in bins that follow, or replace, those that are known. A gap, other bins or a clock
    /// that was set back begin anew.
    fn absorb(&mut self, arrivals: &wire::Arrivals) {
        let bin_ms = i64::from(arrivals.bin_ms);
        if bin_ms == 0 || arrivals.records.is_empty() {
            return;
        }
        let known = arrivals.start_ms.saturating_sub(self.start_ms).checked_div(bin_ms);
        let known = known.and_then(|bins| usize::try_from(bins).ok());
        match known.filter(|bins| self.bin_ms == bin_ms && *bins <= self.records.len()) {
            Some(known) => self.records.truncate(known),
            None => *self = Self { start_ms: arrivals.start_ms, bin_ms, records: VecDeque::new() },
        }
        self.records.extend(&arrivals.records);
        let most = usize::try_from(ARRIVALS_MS / bin_ms).unwrap_or_default();
        for _ in most..self.records.len() {
            self.records.pop_front();
            self.start_ms += bin_ms;
        }
    }

    /// The clocks of two machines differ: what the dispatcher saw when it reported, it saw when we
    /// received it.
    fn by_our_clock(&self, received: Timestamp, observed_ms: i64) -> Arrivals {
        let before = SignedDuration::from_millis(observed_ms.saturating_sub(self.start_ms).max(0));
        Arrivals {
            start: received.checked_sub(before).unwrap_or(received),
            bin: Duration::from_millis(self.bin_ms.unsigned_abs()),
            records: self.records.clone(),
            until: received,
        }
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
            arrivals: arrivals.map(|(start_ms, records)| wire::Arrivals { start_ms, bin_ms: 1_000, records }),
            ..Report::default()
        }
    }

    #[test]
    fn bins_that_are_sent_again_replace_what_was_known() {
        let mut track = Track::default();
        track.absorb(at(0), report("a", (0, 0), Some((0, vec![100; 40]))));
        // The last bin was not complete; now it is, and the next has begun.
        track.absorb(at(1_000), report("a", (0, 0), Some((39_000, vec![400, 5]))));
        let records = track.reading().unwrap().arrivals.records;
        assert_eq!((records.len(), records[38], records[39], records[40]), (41, 100, 400, 5));
        // Ten minutes are kept.
        track.absorb(at(700_000), report("a", (0, 0), Some((40_000, vec![7; 700]))));
        assert_eq!(track.reading().unwrap().arrivals.records, vec![7; 600]);
    }

    #[test]
    fn arrivals_are_told_by_our_clock() {
        // The dispatcher's clock is an hour ahead.
        let mut track = Track::default();
        let observed = at(3_600_400).as_millisecond();
        let start = at(3_598_000).as_millisecond();
        let report = Report { observed_ms: observed, ..report("a", (0, 0), Some((start, vec![1, 2, 3]))) };
        track.absorb(at(500), report);
        let arrivals = track.reading().unwrap().arrivals;
        assert_eq!((arrivals.start, arrivals.until), (at(-1_900), at(500)));
    }

    #[test]
    fn a_clock_that_is_set_back_begins_anew() {
        let mut track = Track::default();
        track.absorb(at(0), report("a", (0, 0), Some((3_600_000, vec![100; 31]))));
        track.absorb(at(1_000), report("a", (0, 0), Some((0, vec![50; 31]))));
        assert_eq!(track.reading().unwrap().arrivals.records, vec![50; 31]);
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
        assert_eq!(reading.arrivals.records, [0]);
    }
}
