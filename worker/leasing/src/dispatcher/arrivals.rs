//! When records arrived, told from the movement of end offsets: nothing has to be read for it, so
//! records that wait have an age too.

use std::collections::VecDeque;

use imagejob_protocol::wire;

/// Width of a bin, milliseconds.
const BIN_MS: i64 = 1_000;
/// Bins kept: ten minutes.
const BINS: usize = 600;
/// Points kept per partition. When they are full every other one of the older half goes, so that
/// recent ages are exact to the interval of the queries and old ones to a few per cent.
const POINTS: usize = 512;

/// End offsets of a partition at earlier times (Unix ms), both ascending.
pub type Past = Vec<(i64, i64)>;

/// End offsets of one partition over time.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// (Unix ms, end offset then), both ascending.
    points: VecDeque<(i64, i64)>,
}

impl Ends {
    /// Notes the end offset at a time. A standing end is stored as the latest time it was seen.
    pub(crate) fn push(&mut self, at_ms: i64, end: i64) {
        let standing = |&(_, known): &(i64, i64)| known == end;
        let len = self.points.len();
        if self.points.back().is_some_and(|&(last, _)| at_ms <= last) {
            return;
        }
        if len >= 2 && self.points.iter().rev().take(2).all(standing) {
            self.points.pop_back();
        }
        self.points.push_back((at_ms, end));
        if self.points.len() > POINTS {
            self.thin();
        }
    }

    /// Puts older knowledge before what was seen here; ascending.
    pub(crate) fn prepend(&mut self, history: &[(i64, i64)]) {
        for &(at_ms, end) in history.iter().rev() {
            let older = self.points.front().is_none_or(|&(first, known)| at_ms < first && end <= known);
            if older && self.points.len() < POINTS {
                self.points.push_front((at_ms, end));
            }
        }
    }

    /// Age in milliseconds of the record at `offset`, by straight line between the two points around
    /// its arrival; the age of the oldest point where it lies before that. 0 when it has not arrived.
    pub(crate) fn age_ms(&self, now_ms: i64, offset: i64) -> u64 {
        let after = self.points.partition_point(|&(_, end)| end <= offset);
        let Some(&(later_ms, later)) = self.points.get(after) else { return 0 };
        let arrived = match after.checked_sub(1).and_then(|before| self.points.get(before)) {
            Some(&(earlier_ms, earlier)) => {
                let share = (offset - earlier) as f64 / (later - earlier) as f64;
                earlier_ms + ((later_ms - earlier_ms) as f64 * share) as i64
            }
            None => later_ms,
        };
        u64::try_from(now_ms - arrived).unwrap_or(0)
    }

    fn thin(&mut self) {
        let half = self.points.len() / 2;
        let mut index = 0;
        self.points.retain(|_| {
            index += 1;
            index > half || index % 2 == 1
        });
    }
}

/// Records that arrived per second over the last ten minutes.
#[derive(Clone, Debug, Default)]
pub struct Bins {
    /// Unix ms of the first bin, a multiple of [`BIN_MS`].
    start_ms: i64,
    records: VecDeque<u32>,
}

impl Bins {
    /// Spreads `records` evenly over the time in which they arrived.
    pub(crate) fn add(&mut self, from_ms: i64, to_ms: i64, records: u64) {
        self.reach(to_ms);
        let first = from_ms.max(self.start_ms).min(to_ms).div_euclid(BIN_MS);
        let last = to_ms.div_euclid(BIN_MS);
        let bins = (last - first + 1).unsigned_abs();
        for step in 0..bins {
            // Differences of running totals, so that the parts add up exactly.
            let part = (step + 1) * records / bins - step * records / bins;
            let index = first + step as i64 - self.start_ms.div_euclid(BIN_MS);
            if let Some(bin) = usize::try_from(index).ok().and_then(|i| self.records.get_mut(i)) {
                *bin = bin.saturating_add(u32::try_from(part).unwrap_or(u32::MAX));
            }
        }
    }

    /// Adds what others counted; bins that are not here (any more) are left out.
    pub(crate) fn add_all(&mut self, other: &Self) {
        let shift = (other.start_ms - self.start_ms).div_euclid(BIN_MS);
        for (index, &records) in other.records.iter().enumerate() {
            let index = usize::try_from(index as i64 + shift).ok();
            if let Some(bin) = index.and_then(|index| self.records.get_mut(index)) {
                *bin = bin.saturating_add(records);
            }
        }
    }

    /// The bins from `from_ms` on, for a stream that has had the earlier ones.
    pub fn since(&self, from_ms: i64) -> wire::Arrivals {
        let skip = from_ms.saturating_sub(self.start_ms).div_euclid(BIN_MS).clamp(0, self.records.len() as i64);
        wire::Arrivals {
            start_ms: self.start_ms + skip * BIN_MS,
            bin_ms: BIN_MS as u32,
            records: self.records.iter().skip(skip as usize).copied().collect(),
        }
    }

    /// Unix ms of the last bin, which is not complete yet.
    pub fn last_ms(&self) -> i64 {
        self.start_ms + (self.records.len() as i64 - 1).max(0) * BIN_MS
    }

    /// Appends empty bins until `at_ms` lies in the last one, and drops what is older than ten minutes.
    pub(crate) fn reach(&mut self, at_ms: i64) {
        let bin_ms = at_ms.div_euclid(BIN_MS) * BIN_MS;
        let newest_start = bin_ms - (BINS as i64 - 1) * BIN_MS;
        if self.records.is_empty() || bin_ms - self.last_ms() >= BINS as i64 * BIN_MS {
            self.start_ms = newest_start;
            self.records = VecDeque::from(vec![0; BINS]);
        }
        while self.last_ms() < bin_ms {
            self.records.push_back(0);
        }
        while self.records.len() > BINS {
            self.records.pop_front();
            self.start_ms += BIN_MS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ages_lie_on_the_line_between_two_queries() {
        let mut ends = Ends::default();
        ends.push(1_000, 100);
        ends.push(2_000, 100);
        ends.push(3_000, 100);
        ends.push(4_000, 200);
        assert_eq!(ends.points.len(), 3, "a standing end needs two points");
        let cases = [(100, 2_000), (150, 1_500), (199, 1_010), (200, 0), (50, 4_000)];
        for (offset, age) in cases {
            assert_eq!(ends.age_ms(5_000, offset), age, "{offset}");
        }
    }

    #[test]
    fn history_makes_old_records_old() {
        let mut ends = Ends::default();
        ends.push(600_000, 1_000);
        assert_eq!(ends.age_ms(600_000, 500), 0, "nothing is known but that they are there");
        ends.prepend(&[(0, 0), (300_000, 500), (700_000, 9)]);
        assert_eq!(ends.age_ms(600_000, 500), 300_000);
        assert_eq!(ends.age_ms(600_000, 0), 600_000);
    }

    #[test]
    fn a_day_of_queries_takes_bounded_memory() {
        let mut ends = Ends::default();
        for tick in 0..864_000 {
            ends.push(tick * 100, tick);
        }
        assert!(ends.points.len() <= POINTS);
        let now = 863_999 * 100;
        for back in [10, 600, 36_000] {
            let age = ends.age_ms(now, 863_999 - back) as f64;
            let truth = (back * 100) as f64;
            assert!((age - truth).abs() <= truth * 0.02 + 100.0, "{age} for {truth}");
        }
    }

    #[test]
    fn a_stream_gets_ten_minutes_first_and_then_the_rest() {
        let mut bins = Bins::default();
        bins.add(1_000_500, 1_000_500, 7);
        let first = bins.since(i64::MIN);
        assert_eq!((first.records.len(), first.bin_ms), (600, 1_000));
        assert_eq!(first.records.last(), Some(&7));
        assert_eq!(first.start_ms, 1_000_000 - 599_000);

        let seen = bins.last_ms();
        bins.add(1_000_700, 1_000_700, 1);
        bins.add(1_001_200, 1_001_200, 2);
        let next = bins.since(seen);
        assert_eq!((next.start_ms, next.records), (1_000_000, vec![8, 2]));
    }

    #[test]
    fn sums_line_up_by_time() {
        let (mut sum, mut late, mut early) = (Bins::default(), Bins::default(), Bins::default());
        late.add(1_002_000, 1_002_000, 3);
        early.add(1_000_000, 1_001_999, 10);
        sum.reach(1_002_500);
        sum.add_all(&late);
        sum.add_all(&early);
        assert_eq!(sum.since(1_000_000).records, [5, 5, 3]);
    }

    proptest! {
        #[test]
        fn no_record_is_counted_twice_or_dropped(
            batches in prop::collection::vec((0..5_000_i64, 0..10_000_u64), 1..50),
        ) {
            let mut bins = Bins::default();
            let mut at = 1_000_000_000;
            bins.reach(at);
            let mut total = 0;
            for (wait, records) in batches {
                bins.add(at, at + wait, records);
                at += wait;
                total += records;
            }
            let counted: u64 = bins.since(i64::MIN).records.iter().map(|&n| u64::from(n)).sum();
            prop_assert_eq!(counted, total);
        }
    }
}
