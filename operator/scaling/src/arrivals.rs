//! When records arrived over the last minutes, and what can be read from it: how fast they come,
//! how bursty, and how old those are that wait.
//!
//! Ages come from counting backwards: if 100 records wait and the newest bin has 30, then 70 of
//! them are older than that bin.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The slow window for the rate, seconds.
const SLOW: f64 = 60.0;
/// Fast windows, seconds: one counts when it is above the slow one by more than chance. A rise of
/// thousands a second is no chance within its first second; one of a tenth takes the longest window.
const FAST: [f64; 4] = [1.0, 2.0, 4.0, 8.0];
/// The window for what lasts, seconds.
const LASTING: f64 = 300.0;
/// How many standard deviations are more than chance: albums come in lumps, so that three are not rare.
const SIGNIFICANT: f64 = 5.0;
/// Counts over this long are compared for burstiness, seconds.
const BURST_SPAN: f64 = 10.0;
/// Bounds of the burstiness: 1 is independent senders, 200 is whole albums at once.
const DISPERSION: (f64, f64) = (1.0, 200.0);

/// Records that arrived per bin, the newest last; all counts end at `until`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrivals {
    /// Start of the first bin.
    pub start: Timestamp,
    /// Length of a bin; above zero if there are bins.
    pub bin: Duration,
    /// Records of each bin.
    pub records: VecDeque<u32>,
    /// Up to when arrivals were counted: the last bin may be incomplete.
    pub until: Timestamp,
}

impl Arrivals {
    /// Records of the complete bins that begin at `from` or later, and the end of the last of them: where to count
    /// on from. What lies further back than the bins do is not counted.
    pub fn after(&self, from: Timestamp) -> (u64, Timestamp) {
        let edge = |bin: usize| self.start + SignedDuration::from_secs_f64(self.bin.as_secs_f64() * bin as f64);
        let complete = (0..self.records.len()).rev().skip_while(|bin| edge(*bin + 1) > self.until);
        let mut counted = (0u64, None);
        for bin in complete.take_while(|bin| edge(*bin) >= from) {
            counted = (counted.0 + u64::from(self.records[bin]), counted.1.or(Some(edge(bin + 1))));
        }
        (counted.0, counted.1.unwrap_or(from))
    }

    /// Bins from the newest back: the ages of both edges in seconds before `until`, and the records.
    fn backwards(&self) -> impl Iterator<Item = Bin> {
        let bin = self.bin.as_secs_f64();
        let end = seconds(self.until.duration_since(self.start));
        self.records.iter().enumerate().rev().map(move |(i, records)| {
            let from = i as f64 * bin;
            let older = (end - from).max(0.0);
            Bin { younger: (older - bin).max(0.0), older, records: f64::from(*records) }
        })
    }

    /// What came in the newest bins that cover `span` seconds, or in all if they reach back less far.
    fn over(&self, span: f64) -> Stretch {
        let newest = self.backwards().take_while(|bin| bin.younger < span - 1e-9);
        newest.fold(Stretch::default(), |sum, bin| Stretch { records: sum.records + bin.records, seconds: bin.older })
    }

    /// Records a second over the last five minutes: what a declared floor is compared with.
    pub(crate) fn lasting(&self) -> f64 {
        self.over(LASTING).per_second()
    }

    /// How fast and how bursty records arrive now.
    pub(crate) fn pace(&self) -> Pace {
        let dispersion = self.dispersion();
        let slow = self.over(SLOW).per_second();
        let risen =
            FAST.map(|span| self.over(span)).into_iter().filter(|fast| fast.is_more_than_chance(slow, dispersion));
        let falling = self.over(FAST[FAST.len() - 1]).per_second().min(slow);
        Pace { per_second: risen.map(Stretch::per_second).fold(slow, f64::max), falling, dispersion }
    }

    /// Variance over mean of the counts of ten seconds, by differences of neighbours, so that a
    /// slow trend does not count: half the mean square of the steps over the mean count.
    fn dispersion(&self) -> f64 {
        let bins = (BURST_SPAN / self.bin.as_secs_f64().max(1e-3)).round().max(1.0) as usize;
        let spans = self.records.len() / bins;
        // The newest bin may be incomplete: one of many, it hardly counts.
        let mut newest_first = self.records.iter().rev();
        let mut count = || newest_first.by_ref().take(bins).map(|records| f64::from(*records)).sum::<f64>();
        let counts: Vec<f64> = (0..spans).map(|_| count()).collect();
        let mean = counts.iter().sum::<f64>() / counts.len().max(1) as f64;
        let steps: f64 = counts.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
        let square = steps / counts.len().saturating_sub(1).max(1) as f64;
        let dispersion = if mean > 0.0 { 0.5 * square / mean } else { DISPERSION.0 };
        dispersion.clamp(DISPERSION.0, DISPERSION.1)
    }

    /// For `waiting` records taken in order of arrival, of which the oldest has waited `oldest`
    /// seconds: pairs of an age in seconds and how many have waited at least that long. The ages
    /// rise to `most`, or to the oldest; ages are counted from `until`.
    pub(crate) fn at_least_as_old(&self, waiting: f64, oldest: f64, most: f64) -> impl Iterator<Item = (f64, f64)> {
        let limit = oldest.min(most);
        let mut younger = 0.0;
        let edges = self.backwards().map(move |bin| {
            let left: f64 = waiting - younger;
            younger += bin.records;
            (bin.younger, left)
        });
        let edges = edges.take_while(move |(age, left)| *age < limit && *left > 0.0);
        let beyond: f64 = self.backwards().take_while(|bin| bin.younger < limit).map(|bin| bin.records).sum();
        // The oldest is as old as it is, whatever the bins say.
        edges.chain([(limit, (waiting - beyond).max(waiting.min(1.0)))])
    }
}

/// Records that came within a time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Stretch {
    records: f64,
    seconds: f64,
}

impl Stretch {
    fn per_second(self) -> f64 {
        if self.seconds > 0.0 { self.records / self.seconds } else { 0.0 }
    }

    /// True if so many would hardly ever come by chance at a rate of `slow`. 60/s and a dispersion of
    /// 4: in 8 s 480 are expected and chance makes 5 x sqrt(4 x 480) = 219 more. Where none is
    /// expected it takes more than five.
    fn is_more_than_chance(self, slow: f64, dispersion: f64) -> bool {
        let expected = slow * self.seconds;
        self.records > expected + SIGNIFICANT * (dispersion * expected.max(1.0)).sqrt()
    }
}

/// How fast and how bursty records arrive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    /// Records a second, as soon as they are more than chance.
    pub per_second: f64,
    /// The same, as soon as they are fewer.
    pub falling: f64,
    /// Variance over mean of their number; 1 for independent senders.
    pub dispersion: f64,
}

impl Pace {
    /// Records that `seconds` bring, with one standard deviation: 100/s for 6 s and a dispersion of
    /// 4 are 600 + sqrt(4 x 600) = 649.
    pub(crate) fn within(self, seconds: f64) -> f64 {
        let mean = self.per_second * seconds;
        mean + (self.dispersion * mean).sqrt()
    }
}

/// A bin seen from now: ages of its edges in seconds.
struct Bin {
    younger: f64,
    older: f64,
    records: f64,
}

fn seconds(length: SignedDuration) -> f64 {
    length.as_secs_f64()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Bins of one second that end at `until`, the newest last.
    fn arrivals(records: impl IntoIterator<Item = u32>) -> Arrivals {
        let records: VecDeque<u32> = records.into_iter().collect();
        let until = Timestamp::from_second(1_800_000_000).unwrap();
        let start = until - SignedDuration::from_secs(records.len() as i64);
        Arrivals { start, bin: Duration::from_secs(1), records, until }
    }

    #[test]
    fn a_rise_counts_at_once_when_it_is_more_than_chance() {
        let quiet = || std::iter::repeat_n(60, 600);
        assert!((arrivals(quiet()).pace().per_second - 60.0).abs() < 1e-9);
        // Eight seconds of 62/s are chance, eight of 120/s are not.
        let chance = arrivals(quiet().chain([62; 8])).pace().per_second;
        assert!(chance < 61.0, "{chance}");
        let rise = arrivals(quiet().chain([120; 8])).pace().per_second;
        assert!((rise - 120.0).abs() < 1e-9, "{rise}");
    }

    #[test]
    fn albums_are_bursty_and_a_slope_is_not() {
        let albums = arrivals((0..600).map(|second| if second % 40 < 10 { 40 } else { 0 })).pace().dispersion;
        assert!(albums > 100.0, "{albums}");
        let slope = arrivals((0..600).map(|second| second / 10)).pace().dispersion;
        assert!(slope < 10.0, "{slope}");
        assert!((arrivals([]).pace().dispersion - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_came_since_is_counted_once() {
        let at = |ms: i64| Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap();
        let mut counted = (at(0), 0);
        let mut arrivals = Arrivals { start: at(0), bin: Duration::from_secs(1), ..Arrivals::default() };
        for quarter in 1..=400i64 {
            arrivals.until = at(quarter * 250);
            arrivals.records.resize(usize::try_from((quarter + 3) / 4).unwrap(), 0);
            *arrivals.records.back_mut().unwrap() += 5;
            let (records, until) = arrivals.after(counted.0);
            counted = (until, counted.1 + records);
        }
        assert_eq!(counted, (at(100_000), 2_000));
        assert_eq!(arrivals.after(at(100_000)), (0, at(100_000)));
        assert_eq!(Arrivals::default().after(at(7)), (0, at(7)));
    }

    #[test]
    fn ages_are_counted_backwards() {
        // 5 in the newest second, then 3, then 10.
        let arrivals = arrivals([10, 3, 5]);
        let ages = |waiting, oldest, most| arrivals.at_least_as_old(waiting, oldest, most).collect::<Vec<_>>();
        assert_eq!(ages(7.0, 1.4, 60.0), [(0.0, 7.0), (1.0, 2.0), (1.4, 1.0)]);
        // Further back than the promise reaches, all are simply late.
        assert_eq!(ages(16.0, 2.5, 2.0), [(0.0, 16.0), (1.0, 11.0), (2.0, 8.0)]);
        // Without any history all are as old as the oldest.
        assert_eq!(Arrivals::default().at_least_as_old(7.0, 3.0, 60.0).collect::<Vec<_>>(), [(3.0, 7.0)]);
        // One straggler is one.
        assert_eq!(ages(2.0, 30.0, 60.0), [(0.0, 2.0), (30.0, 1.0)]);
    }

    #[test]
    fn what_a_pace_brings_has_a_margin() {
        let pace = Pace { per_second: 100.0, falling: 100.0, dispersion: 4.0 };
        assert!((pace.within(6.0) - 648.99).abs() < 0.01);
    }
}
