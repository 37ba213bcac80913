//! What the embedded broker can keep.
//!
//! librdkafka's in-process mock drops the oldest batches of a partition beyond 5 MiB or 100,000
//! batches, whether they were read or not. A run that would go past that is refused before its
//! first record: what the broker drops looks like loss, and is not.

use anyhow::ensure;

use super::plan::Record;

/// Bytes of batches that a partition of the embedded broker keeps.
const MAX_BYTES: u64 = 5 << 20;
/// Records that a partition surely keeps: the broker counts batches, which hold at least one.
const MAX_RECORDS: u64 = 100_000;
/// Bytes that Kafka's format adds to a record at most: 61 of a batch header, should the record be
/// alone in its batch, and its own time, offset and lengths in up to 19.
const OVERHEAD: u64 = 80;

/// Whether a cluster, by its id, is librdkafka's in-process mock, which names itself so.
pub(crate) fn is_embedded(cluster_id: &str) -> bool {
    cluster_id.starts_with("mockCluster")
}

/// What a partition holds: offsets of its first and behind its last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// What is to be added to a partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) records: u64,
    /// As the broker counts them, at most.
    pub(crate) bytes: u64,
}

/// The loads of a plan on partitions 0, 1, ...
pub(crate) fn loads(plan: impl Iterator<Item = Record>, partitions: usize) -> Vec<Load> {
    let mut loads = vec![Load::default(); partitions];
    for record in plan {
        let load = &mut loads[record.partition as usize];
        load.records += 1;
        load.bytes += OVERHEAD + record.bytes() as u64;
    }
    loads
}

/// Refuses a plan that would push records out of the embedded broker. Records that are there
/// already are taken to be as large as those to come.
pub(crate) fn check(topic: &str, logs: &[Log], loads: &[Load]) -> anyhow::Result<()> {
    let (records, bytes) = loads.iter().fold((0, 0), |sum, load| (sum.0 + load.records, sum.1 + load.bytes));
    let mean = bytes / u64::max(records, 1);
    for (partition, (log, load)) in logs.iter().zip(loads).enumerate() {
        let records = log.end - log.start + load.records;
        let bytes = (log.end - log.start) * mean + load.bytes;
        ensure!(
            records <= MAX_RECORDS && bytes <= MAX_BYTES,
            "partition {partition} of topic \"{topic}\" would hold {records} records of {bytes} bytes, but the embedded \
             broker keeps {MAX_RECORDS} records or {MAX_BYTES} bytes and drops the oldest, read or not; lower --rate, \
             --seconds or --records, or give `imagejob dev` a real broker with --bootstrap-servers"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::message::Fault;
    use super::*;

    const EMPTY: Log = Log { start: 0, end: 0 };

    fn load(records: u64, each: u64) -> Load {
        Load { records, bytes: records * each }
    }

    #[test]
    fn what_fits_is_taken_and_what_does_not_is_refused() {
        for (log, load, fits) in [
            (EMPTY, load(1_000, 120), true),
            (EMPTY, load(100_000, 50), true),
            (EMPTY, load(100_001, 50), false),
            (EMPTY, load(40_000, 131), true),
            (EMPTY, load(40_000, 132), false),
            // 39,000 are there, as large as those to come.
            (Log { start: 0, end: 39_000 }, load(1_000, 131), true),
            (Log { start: 0, end: 39_000 }, load(1_100, 131), false),
            // What was dropped takes no room.
            (Log { start: 39_000, end: 39_000 }, load(40_000, 131), true),
        ] {
            assert_eq!(check("photos", &[log], &[load]).is_ok(), fits, "{log:?} {load:?}");
        }
    }

    #[test]
    fn the_refusal_names_the_partition_and_the_way_out() {
        let error = check("photos", &[EMPTY, EMPTY], &[load(1, 100), load(200_000, 100)]).unwrap_err().to_string();
        assert!(error.starts_with("partition 1 of topic \"photos\" would hold 200000 records"), "{error}");
        assert!(error.contains("--bootstrap-servers"), "{error}");
    }

    #[test]
    fn loads_count_what_each_record_takes() {
        let record = |partition, key: Option<&str>, fault| Record {
            at: std::time::Duration::ZERO,
            partition,
            key: key.map(str::to_owned),
            value: vec![b'x'; 20],
            fault,
        };
        let plan = [record(0, None, None), record(2, Some("four"), None), record(2, None, Some(Fault::NotJson))];
        let expected = [Load { records: 1, bytes: 100 }, Load::default(), Load { records: 2, bytes: 227 }];
        assert_eq!(loads(plan.into_iter(), 3), expected);
    }
}
