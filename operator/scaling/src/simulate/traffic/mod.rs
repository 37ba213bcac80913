//! Traffic: recorded elsewhere, or generated from a seed after three workloads that are known.

mod flash;
mod homework;
mod weekend;

use std::num::NonZeroU32;

pub use flash::flash;
pub use homework::homework;
pub use weekend::weekend;

/// Records that arrived per bin.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Length of a bin, seconds.
    pub bin: f64,
    /// Records of each bin, from second 0.
    pub records: Vec<u32>,
}

impl Trace {
    /// Bins.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True if there is no bin.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.len() as f64 * self.bin
    }

    /// Records of a bin; none beyond the end.
    pub fn arrivals(&self, bin: usize) -> f64 {
        f64::from(self.records.get(bin).copied().unwrap_or(0))
    }

    /// All records.
    pub fn total(&self) -> u64 {
        self.records.iter().map(|records| u64::from(*records)).sum()
    }

    /// With `factor` times as many records.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let mut owed = 0.0;
        let scale = |records: &u32| {
            owed += f64::from(*records) * factor;
            let whole = owed.floor();
            owed -= whole;
            whole as u32
        };
        Self { bin: self.bin, records: self.records.iter().map(scale).collect() }
    }
}

/// A workload with the world that it is known from.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The traffic.
    pub trace: Trace,
    /// The wall clock at second 0, in Asia/Shanghai.
    pub start: &'static str,
    /// Records that a worker works on at once.
    pub slots: NonZeroU32,
    /// Records a second that a worker does.
    pub per_worker: f64,
    /// The promise, seconds.
    pub wait: u32,
    /// The most workers there may be.
    pub max_replicas: u32,
}

/// A count of slots.
const fn slots(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).expect("slots are above 0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_workloads_have_their_sizes_for_any_seed() {
        for seed in [1, 20] {
            // name, traffic, hours, records in millions, records of the busiest second
            let table = [
                ("weekend", weekend(seed).trace, 60.0, 1.8..2.5, 200.0..700.0),
                ("homework", homework(seed).trace, 24.0, 1.35..1.65, 7_500.0..11_500.0),
                ("flash", flash(seed).trace, 4.0, 24.0..26.5, 19_000.0..22_000.0),
            ];
            for (name, trace, hours, millions, busiest) in table {
                assert!((trace.seconds() / 3_600.0 - hours).abs() < 1e-6, "{name}");
                let total = trace.total() as f64 / 1e6;
                assert!(millions.contains(&total), "{name}, seed {seed}: {total} million");
                let second = (1.0 / trace.bin) as usize;
                let most = trace.records.chunks(second).map(|bins| bins.iter().sum::<u32>()).max();
                let most = f64::from(most.unwrap_or(0));
                assert!(busiest.contains(&most), "{name}, seed {seed}: {most}/s");
            }
        }
    }

    #[test]
    fn a_seed_gives_the_same_traffic_again_and_another_seed_another() {
        assert_eq!(weekend(7).trace, weekend(7).trace);
        assert_ne!(weekend(7).trace, weekend(8).trace);
    }

    #[test]
    fn scaling_loses_no_record() {
        let trace = Trace { bin: 1.0, records: vec![1, 2, 3, 0, 5] };
        assert_eq!(trace.scaled(2.0).records, [2, 4, 6, 0, 10]);
        assert_eq!(trace.scaled(0.5).total(), 5);
    }
}
