//! The records of a run before any is sent: how many in how long, and for each its instant,
//! partition, key and value. A seed gives the same plan again, event times apart.

use std::time::Duration;

use anyhow::{bail, ensure};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::message::{self, Fault, FaultShare, Format, Object};
use super::shape::{self, Shape};
use super::{partition, weekend};

/// How many records in how long. Any two of records, time and mean rate give the third.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) records: u64,
    pub(crate) length: Duration,
}

/// What a person may say about the extent of a run.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct ExtentArgs {
    /// Mean rate over the run, records per second
    #[arg(long)]
    rate: Option<f64>,
    /// Length of the run, seconds
    #[arg(long)]
    seconds: Option<f64>,
    /// Records in all, instead of --rate or --seconds
    #[arg(long)]
    records: Option<u64>,
    /// How many times faster than real a weekend passes, instead of --seconds: 3600 makes its 60 hours a minute
    #[arg(long)]
    compress: Option<f64>,
}

impl ExtentArgs {
    /// The extent that is asked for, if it is said once and only once.
    pub(crate) fn of(self, shape: Shape) -> anyhow::Result<Extent> {
        let Self { rate, seconds, records, compress } = self;
        for (flag, value) in [("rate", rate), ("seconds", seconds), ("compress", compress)] {
            let Some(value) = value else { continue };
            ensure!(value > 0.0 && value.is_finite(), "--{flag} {value} is not above 0");
        }
        if compress.is_some() && shape != Shape::Weekend {
            bail!("--compress needs --shape weekend: {} has no length of its own; give --seconds", shape.as_str());
        }
        if compress.is_some() && seconds.is_some() {
            bail!("--compress and --seconds both say how long the weekend takes; give one");
        }
        let seconds = seconds.or(compress.map(|factor| weekend::LENGTH / factor));
        let (records, seconds) = match (records, seconds, rate) {
            (Some(records), Some(seconds), None) => (records, seconds),
            (Some(records), None, Some(rate)) => (records, records as f64 / rate),
            (None, Some(seconds), Some(rate)) => ((rate * seconds).round() as u64, seconds),
            (Some(_), Some(_), Some(_)) => {
                bail!("--rate, --seconds and --records say the same thing twice; give two of them")
            }
            _ => bail!("give two of --rate, --seconds (or --compress) and --records"),
        };
        ensure!(records > 0, "that makes no record: raise --rate, --seconds or --records");
        Ok(Extent { records, length: Duration::try_from_secs_f64(seconds)? })
    }
}

/// What the key of a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Keys {
    /// No key: partitions take turns.
    None,
    /// The photo's name: one photo is always in the same partition, the one that Kafka's own producers would choose.
    Photo,
}

/// What records say, and where they go.
#[derive(Debug, Clone)]
pub(crate) struct Traffic {
    /// At least one.
    pub(crate) objects: Vec<Object>,
    pub(crate) format: Format,
    pub(crate) keys: Keys,
    pub(crate) faults: Vec<FaultShare>,
    /// At least one.
    pub(crate) partitions: i32,
    pub(crate) shape: Shape,
    pub(crate) extent: Extent,
    pub(crate) seed: u64,
}

/// One record to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Since the start of the run.
    pub(crate) at: Duration,
    pub(crate) partition: i32,
    pub(crate) key: Option<String>,
    pub(crate) value: Vec<u8>,
    pub(crate) fault: Option<Fault>,
}

impl Record {
    /// The header of a record that must fail: the reason it must fail for.
    pub(crate) fn expected_failure(&self) -> Option<(&'static str, &'static str)> {
        self.fault.map(|fault| ("expected-failure", fault.reason().as_str()))
    }

    /// Key, value and header.
    pub(crate) fn bytes(&self) -> usize {
        let header = self.expected_failure().map_or(0, |(name, reason)| name.len() + reason.len());
        self.key.as_ref().map_or(0, String::len) + self.value.len() + header
    }
}

impl Traffic {
    /// All records in the order of their instants, for a run that starts at `start`.
    pub(crate) fn records(&self, start: Timestamp) -> impl Iterator<Item = Record> {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let intensity = self.shape.intensity(&mut rng);
        let arrivals = shape::arrivals(intensity, self.extent.length, self.extent.records, StdRng::from_rng(&mut rng));
        let turns = (0..self.partitions).cycle();
        arrivals.zip(turns).map(move |(at, turn)| self.record(at, turn, start, &mut rng))
    }

    fn record(&self, at: Duration, turn: i32, start: Timestamp, rng: &mut StdRng) -> Record {
        let object = &self.objects[rng.random_range(0..self.objects.len())];
        let fault = pick(&self.faults, rng.random());
        // Saturates in the year 9999.
        let time = start.checked_add(at).unwrap_or(Timestamp::MAX);
        let value = match fault {
            Some(fault) => message::broken(fault, self.format, object, time),
            None => message::naming(self.format, object, time),
        };
        let key = (self.keys == Keys::Photo).then(|| object.key.clone());
        let partition = key.as_ref().map_or(turn, |key| partition::of_key(key.as_bytes(), self.partitions));
        Record { at, partition, key, value, fault }
    }
}

/// The fault whose stretch of 0..1 holds `draw`; the shares lie one after the other from 0.
fn pick(faults: &[FaultShare], draw: f64) -> Option<Fault> {
    let mut end = 0.0;
    let hit = faults.iter().find(|share| {
        end += share.share;
        draw < end
    });
    hit.map(|share| share.fault)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn traffic(keys: Keys, faults: &[&str]) -> Traffic {
        let object = |i| Object { bucket: "photos".to_owned(), key: format!("{i}.jpg"), bytes: 1_000 };
        Traffic {
            objects: (0..10).map(object).collect(),
            format: Format::Plain,
            keys,
            faults: faults.iter().map(|text| text.parse().unwrap()).collect(),
            partitions: 3,
            shape: Shape::Steady,
            extent: Extent { records: 3_000, length: Duration::from_secs(3) },
            seed: 1,
        }
    }

    fn planned(traffic: &Traffic) -> Vec<Record> {
        traffic.records(Timestamp::UNIX_EPOCH).collect()
    }

    #[test]
    fn two_of_three_give_the_extent() {
        let args = |rate, seconds, records, compress| ExtentArgs { rate, seconds, records, compress };
        let extent = |records, seconds| Extent { records, length: Duration::from_secs(seconds) };
        for (args, shape, expected) in [
            (args(Some(10.0), Some(10.0), None, None), Shape::Steady, extent(100, 10)),
            (args(Some(2_500.0), Some(3.0), None, None), Shape::Burst, extent(7_500, 3)),
            (args(Some(100.0), None, Some(2_000), None), Shape::Steady, extent(2_000, 20)),
            (args(None, Some(5.0), Some(7), None), Shape::Burst, extent(7, 5)),
            (args(Some(50.0), None, None, Some(3_600.0)), Shape::Weekend, extent(3_000, 60)),
            (args(None, None, Some(1_000), Some(7_200.0)), Shape::Weekend, extent(1_000, 30)),
        ] {
            assert_eq!(args.of(shape).unwrap(), expected, "{args:?}");
        }
    }

    #[test]
    fn an_extent_said_badly_is_refused_with_the_way_out() {
        let args = |rate, seconds, records, compress| ExtentArgs { rate, seconds, records, compress };
        for (args, shape, expected) in [
            (
                args(None, Some(1.0), None, None),
                Shape::Steady,
                "give two of --rate, --seconds (or --compress) and --records",
            ),
            (
                args(Some(1.0), Some(1.0), Some(1), None),
                Shape::Steady,
                "--rate, --seconds and --records say the same thing twice; give two of them",
            ),
            (args(Some(0.0), Some(1.0), None, None), Shape::Steady, "--rate 0 is not above 0"),
            (args(Some(f64::NAN), Some(1.0), None, None), Shape::Steady, "--rate NaN is not above 0"),
            (
                args(Some(1.0), Some(0.1), None, None),
                Shape::Steady,
                "that makes no record: raise --rate, --seconds or --records",
            ),
            (
                args(Some(1.0), None, None, Some(60.0)),
                Shape::Burst,
                "--compress needs --shape weekend: burst has no length of its own; give --seconds",
            ),
            (
                args(Some(1.0), Some(1.0), None, Some(60.0)),
                Shape::Weekend,
                "--compress and --seconds both say how long the weekend takes; give one",
            ),
        ] {
            assert_eq!(args.of(shape).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_seed_repeats_the_plan_and_another_does_not() {
        let traffic = traffic(Keys::None, &["ObjectMissing=0.1"]);
        assert_eq!(planned(&traffic), planned(&traffic));
        assert_ne!(planned(&traffic), planned(&Traffic { seed: 2, ..traffic.clone() }));
    }

    #[test]
    fn without_keys_partitions_take_turns() {
        let records = planned(&traffic(Keys::None, &[]));
        for partition in 0..3 {
            assert_eq!(records.iter().filter(|record| record.partition == partition).count(), 1_000);
        }
        assert!(records.iter().all(|record| record.key.is_none()));
    }

    #[test]
    fn a_photo_as_key_stays_in_its_partition() {
        let records = planned(&traffic(Keys::Photo, &[]));
        for photo in 0..10 {
            let key = format!("{photo}.jpg");
            let mut partitions: Vec<i32> = records
                .iter()
                .filter(|record| record.key.as_ref() == Some(&key))
                .map(|record| record.partition)
                .collect();
            partitions.dedup();
            assert_eq!(partitions.len(), 1, "{key}");
        }
    }

    #[test]
    fn faults_have_their_shares() {
        let records = planned(&traffic(Keys::None, &["NotJson=0.1", "ObjectMissing=0.3"]));
        let share = |fault| records.iter().filter(|record| record.fault == fault).count() as f64 / 3_000.0;
        for (fault, expected) in [(None, 0.6), (Some(Fault::NotJson), 0.1), (Some(Fault::ObjectMissing), 0.3)] {
            assert!((share(fault) - expected).abs() < 0.03, "{fault:?}: {}", share(fault));
        }
        let missing = records.iter().find(|record| record.fault == Some(Fault::ObjectMissing)).unwrap();
        assert!(missing.value.starts_with(b"oss://photos/missing/"));
    }
}
