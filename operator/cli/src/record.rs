//! `imagejob record`: how many records came when, read from a topic's own timestamps.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};

use anyhow::{Context as _, ensure};
use clap::Args;
use imagejob_operator::{Clock as _, SystemClock};
use imagejob_scaling::wording::{count, counted};
use jiff::{SignedDuration, Timestamp};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::dev::broker::{ANSWER_LIMIT, partitions};
use crate::kafka::{Job, Range, read_ranges};

/// A line of progress for so many records.
const PROGRESS: u64 = 1_000_000;

/// Record the traffic of a job's topics, for `imagejob simulate --trace`
///
/// Reads what the topics still hold and prints `seconds,records` for each bin, in Unix time. Joins no group and
/// commits nothing, so a running job does not notice.
#[derive(Args)]
pub(crate) struct RecordArgs {
    #[command(flatten)]
    job: Job,
    /// So many hours back from now; a topic that holds less gives less
    #[arg(long, default_value_t = 168, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=2_208))]
    hours: i64,
    /// Length of a bin, seconds
    #[arg(long, default_value_t = 1, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=60))]
    bin: i64,
}

/// `imagejob record`.
pub(crate) fn run(args: &RecordArgs) -> anyhow::Result<()> {
    let reached = args.job.reach()?;
    let now = SystemClock.now();
    let since = now.checked_sub(SignedDuration::from_hours(args.hours))?;
    let reader: BaseConsumer = reached
        .access
        .config("imagejob-record")
        // Only to satisfy the client: nothing is ever committed for it.
        .set("group.id", format!("{}.record", reached.settings.consumer_group))
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("log_level", "2")
        .create()?;
    let mut bins = Bins { bin: args.bin, since, until: now, records: BTreeMap::new(), elsewhen: 0 };
    let mut seen = 0;
    for topic in &reached.chosen.valid.source.topics {
        let ranges = ranges(&reader, topic, since)
            .with_context(|| format!("cannot read at {}; check --bootstrap-servers", reached.access.servers()))?;
        read_ranges(&reader, topic, &ranges, |message| {
            bins.count(message.timestamp().to_millis());
            seen += 1;
            if seen % PROGRESS == 0 {
                eprintln!("{} records read", count(seen));
            }
            Ok(())
        })?;
    }
    if bins.elsewhen > 0 {
        let records = counted(bins.elsewhen, "record");
        eprintln!("{records} left out: their timestamps are older than --hours, or none, or in the future");
    }
    ensure!(!bins.records.is_empty(), "no record came within {} hours; raise --hours", args.hours);
    bins.print(BufWriter::new(std::io::stdout().lock()))
}

/// From the first record at or after `since` to the present end of each partition.
fn ranges(reader: &BaseConsumer, topic: &str, since: Timestamp) -> anyhow::Result<BTreeMap<i32, Range>> {
    let partitions = partitions(reader, topic)?;
    ensure!(!partitions.is_empty(), "the brokers know no topic {topic}");
    let mut asked = TopicPartitionList::new();
    for partition in partitions {
        asked.add_partition_offset(topic, partition, Offset::Offset(since.as_millisecond()))?;
    }
    let found = reader.offsets_for_times(asked, ANSWER_LIMIT)?;
    let mut ranges = BTreeMap::new();
    for element in found.elements() {
        let (start, end) = reader.fetch_watermarks(topic, element.partition(), ANSWER_LIMIT)?;
        // Without an offset there is no record that young.
        let first = element.offset().to_raw().filter(|offset| *offset >= 0).unwrap_or(end);
        ranges.insert(element.partition(), (first.max(start), end));
    }
    Ok(ranges)
}

/// Records by the time of their append.
struct Bins {
    /// Seconds.
    bin: i64,
    since: Timestamp,
    until: Timestamp,
    /// By the first second of each bin; bins without a record are missing.
    records: BTreeMap<i64, u64>,
    /// Records with a timestamp outside of the span, or none.
    elsewhen: u64,
}

impl Bins {
    fn count(&mut self, ms: Option<i64>) {
        let at = ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        match at.filter(|at| (self.since..=self.until).contains(at)) {
            Some(at) => *self.records.entry(at.as_second().div_euclid(self.bin) * self.bin).or_default() += 1,
            None => self.elsewhen += 1,
        }
    }

    /// A line for each bin from the first record to the last, so that nobody takes a quiet time for a longer
    /// bin.
    fn print(&self, mut out: impl Write) -> anyhow::Result<()> {
        writeln!(out, "seconds,records")?;
        let (Some((&first, _)), Some((&last, _))) = (self.records.first_key_value(), self.records.last_key_value())
        else {
            return Ok(());
        };
        for second in (first..=last).step_by(usize::try_from(self.bin)?) {
            writeln!(out, "{second},{}", self.records.get(&second).copied().unwrap_or(0))?;
        }
        Ok(out.flush()?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn quiet_bins_are_lines_too_and_wrong_times_are_counted() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut bins = Bins { bin: 5, since: at(1_000), until: at(2_000), records: BTreeMap::new(), elsewhen: 0 };
        for ms in [1_003_000, 1_004_999, 1_015_000, 999_999, 2_000_001] {
            bins.count(Some(ms));
        }
        bins.count(None);
        let mut out = Vec::new();
        bins.print(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "seconds,records\n1000,2\n1005,0\n1010,0\n1015,1\n");
        assert_eq!(bins.elsewhen, 3);
    }
}
