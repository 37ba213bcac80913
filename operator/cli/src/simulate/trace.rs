//! Recorded traffic: lines of `seconds,records`, or of `{"seconds": ..., "records": ...}`.

use anyhow::{Context as _, bail, ensure};
use imagejob_scaling::simulate::Trace;
use serde::Deserialize;

/// No trace needs more bins: a month of seconds.
const BINS: f64 = 2_700_000.0;
/// Bins are no longer than this in a simulation, seconds: what is within one is spread evenly.
const LONGEST_BIN: f64 = 1.0;
/// From here on seconds are Unix time (2001).
const UNIX: f64 = 1e9;

/// Records that arrived in the bin that begins at `seconds`; rows of several partitions add up.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct Row {
    seconds: f64,
    records: u64,
}

/// A recorded trace.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recorded {
    pub(super) trace: Trace,
    /// Unix time of second 0, if the file has it.
    pub(super) unix_start: Option<f64>,
}

/// Reads the text of a file.
pub(super) fn read(text: &str) -> anyhow::Result<Recorded> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut rows = Vec::new();
    for (i, line) in lines {
        match row(line.trim()) {
            Ok(row) => rows.push(row),
            // Names of the columns.
            Err(_) if i == 0 && line.starts_with(char::is_alphabetic) => {}
            Err(error) => return Err(error).with_context(|| format!("line {}", i + 1)),
        }
    }
    ensure!(!rows.is_empty(), "there is no line of seconds,records");
    rows.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    bins(&rows)
}

fn row(line: &str) -> anyhow::Result<Row> {
    let row: Row = if line.starts_with('{') {
        serde_json::from_str(line)?
    } else {
        let mut cells = line.split(',').map(str::trim);
        let (Some(seconds), Some(records)) = (cells.next(), cells.next()) else {
            bail!("{line:?} is not seconds,records");
        };
        let seconds = seconds.parse().with_context(|| format!("{seconds:?} is not a number of seconds"))?;
        let records = records.parse().with_context(|| format!("{records:?} is not a number of records"))?;
        Row { seconds, records }
    };
    ensure!(row.seconds.is_finite() && row.seconds >= 0.0, "{} is not a time in seconds", row.seconds);
    Ok(row)
}

/// The least distance of two rows is the bin; longer ones are cut, so that nothing comes in lumps
/// that the recording made.
fn bins(rows: &[Row]) -> anyhow::Result<Recorded> {
    let first = rows[0].seconds;
    let gaps = rows.windows(2).map(|pair| pair[1].seconds - pair[0].seconds).filter(|gap| *gap > 1e-6);
    let recorded = gaps.fold(f64::INFINITY, f64::min);
    let recorded = if recorded.is_finite() { recorded } else { LONGEST_BIN };
    let parts = (recorded / LONGEST_BIN).ceil().max(1.0);
    let bin = recorded / parts;
    let length = rows[rows.len() - 1].seconds - first + recorded;
    ensure!(
        length / bin <= BINS,
        "{length:.0} s in bins of {bin} s are too many; cut the file into months, or use longer bins"
    );
    let mut records = vec![0u32; (length / bin).round() as usize];
    for row in rows {
        let start = ((row.seconds - first) / bin).round() as usize;
        for part in 0..parts as usize {
            // Differences of running totals, so that the parts add up exactly.
            let share = |n: usize| row.records as f64 * n as f64 / parts;
            let count = share(part + 1).round() - share(part).round();
            if let Some(bin) = records.get_mut(start + part) {
                *bin = bin.saturating_add(count as u32);
            }
        }
    }
    Ok(Recorded { trace: Trace { bin, records }, unix_start: (first >= UNIX).then_some(first) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let csv = read("seconds,records\n0,5\n1,0\n3,7\n").unwrap();
        assert_eq!(csv.trace, Trace { bin: 1.0, records: vec![5, 0, 0, 7] });
        let lines = "{\"seconds\": 3, \"records\": 7, \"partition\": 1}\n\n{\"seconds\": 0, \"records\": 5}\n{\"seconds\": 1, \"records\": 0}\n";
        assert_eq!(read(lines).unwrap(), csv);
    }

    #[test]
    fn partitions_add_up_and_minutes_are_spread() {
        assert_eq!(read("0,5\n0,6\n1,1").unwrap().trace.records, [11, 1]);
        let minutes = read("1763700000,600\n1763700060,0\n1763700120,61").unwrap();
        assert_eq!(minutes.unix_start, Some(1_763_700_000.0));
        let records = &minutes.trace.records;
        assert_eq!((records.len(), records[..60].iter().sum::<u32>(), records[59]), (180, 600, 10));
        assert_eq!(records[120..].iter().sum::<u32>(), 61);
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, message) in [
            ("0,5\n1;6", "line 2: \"1;6\" is not seconds,records"),
            ("0,5\n1,x", "line 2: \"x\" is not a number of records: invalid digit found in string"),
            ("0,5\n-1,2", "line 2: -1 is not a time in seconds"),
            ("", "there is no line of seconds,records"),
            (
                "0,1\n0.001,1\n1000000,1",
                "1000000 s in bins of 0.001 s are too many; cut the file into months, or use longer bins",
            ),
        ] {
            assert_eq!(format!("{:#}", read(text).unwrap_err()), message);
        }
    }
}
