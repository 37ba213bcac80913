//! Recorded traffic: a line for each bin and perhaps each partition, as CSV or as JSON.
//!
//! | form | a line |
//! |---|---|
//! | CSV | `seconds,records`; what follows is not read |
//! | CSV with names in the first line | columns `seconds` and `records` in any place; without `records`, every column but `seconds` and `partition` is a partition and all are added up |
//! | JSON | `{"seconds": 0, "records": 5}`; `records` may be a list, one for each partition |
//! | JSON with `forSeconds` | as many records evenly over that time, as the operator's `/decisions` say it |
//!
//! Lines of the same second add up, so a line per partition is one too.

use anyhow::{Context as _, bail, ensure};
use imagejob_scaling::simulate::Trace;
use serde::Deserialize;

/// No trace needs more bins: a month of seconds.
const BINS: f64 = 2_700_000.0;
/// Bins are no longer than this in a simulation, seconds: what is within one is spread evenly.
const LONGEST_BIN: f64 = 1.0;
/// From here on seconds are Unix time (2001).
const UNIX: f64 = 1e9;

/// Records that arrived in the bin that begins at `seconds`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    seconds: f64,
    records: u64,
}

/// A line of JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonRow {
    seconds: f64,
    records: Records,
    #[serde(default)]
    for_seconds: Option<f64>,
}

/// Records of a bin, or of each partition in it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Records {
    All(u64),
    Each(Vec<u64>),
}

/// Which columns of a line are read.
struct Columns {
    seconds: usize,
    /// Those that are added up.
    records: Vec<usize>,
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
    // Some programs begin a file with a mark of its encoding.
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().enumerate().map(|(i, line)| (i, line.trim()));
    let mut columns = Columns { seconds: 0, records: vec![1] };
    let mut rows = Vec::new();
    for (i, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let at = || format!("line {}", i + 1);
        if rows.is_empty() && line.starts_with(|c: char| c.is_alphabetic() || c == '"') {
            columns = Columns::named(line).with_context(at)?;
            continue;
        }
        let (row, long) = row(line, &columns).with_context(at)?;
        match long {
            Some(long) => rows.extend(spread(row, long).with_context(at)?),
            None => rows.push(row),
        }
    }
    ensure!(!rows.is_empty(), "there is no line of seconds,records");
    rows.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    bins(&rows)
}

impl Columns {
    /// By the names in the first line.
    fn named(line: &str) -> anyhow::Result<Self> {
        let names: Vec<String> =
            line.split(',').map(|name| name.trim().trim_matches('"').to_ascii_lowercase()).collect();
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        let seconds = place("seconds").with_context(|| format!("{line:?} names no column seconds; add one"))?;
        let partitions = || (0..names.len()).filter(|i| *i != seconds && names[*i] != "partition").collect();
        let records: Vec<usize> = place("records").map_or_else(partitions, |records| vec![records]);
        ensure!(!records.is_empty(), "{line:?} names no column records; add one");
        Ok(Self { seconds, records })
    }
}

/// A row for each second, whose records add up exactly.
fn spread(row: Row, long: f64) -> anyhow::Result<impl Iterator<Item = Row>> {
    ensure!((0.0..=BINS).contains(&long), "forSeconds {long} is not from 0 to {BINS}");
    let (first, parts) = (row.seconds.floor(), long.round().max(1.0));
    let until = move |part: f64| (row.records as f64 * part / parts).round() as u64;
    let part = move |n: u32| {
        let n = f64::from(n);
        Row { seconds: first + n, records: until(n + 1.0) - until(n) }
    };
    Ok((0..parts as u32).map(part))
}

/// A row, and how long it lasts if the line says so.
fn row(line: &str, columns: &Columns) -> anyhow::Result<(Row, Option<f64>)> {
    let mut long = None;
    let row = if line.starts_with('{') {
        let JsonRow { seconds, records, for_seconds } =
            serde_json::from_str(line).with_context(|| format!("{line:?} is not {{\"seconds\", \"records\"}}"))?;
        let records = match records {
            Records::All(records) => records,
            Records::Each(partitions) => partitions.iter().fold(0, |sum: u64, records| sum.saturating_add(*records)),
        };
        long = for_seconds;
        Row { seconds, records }
    } else {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let mut sum = 0u64;
        for column in &columns.records {
            let Some(records) = cells.get(*column) else { bail!("{line:?} is not seconds,records") };
            let records: u64 = records.parse().with_context(|| format!("{records:?} is not a number of records"))?;
            sum = sum.saturating_add(records);
        }
        let Some(seconds) = cells.get(columns.seconds) else { bail!("{line:?} is not seconds,records") };
        let seconds = seconds.parse().with_context(|| format!("{seconds:?} is not a number of seconds"))?;
        Row { seconds, records: sum }
    };
    ensure!(row.seconds.is_finite() && row.seconds >= 0.0, "{} is not a time in seconds", row.seconds);
    Ok((row, long))
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
    fn columns_are_found_by_their_names_and_partitions_add_up() {
        let same = read("0,5\n1,7").unwrap();
        for text in [
            "seconds,records\r\n0,5\r\n1,7\r\n",
            "\u{feff}Records,Seconds\n5,0\n7,1",
            "seconds,partition,records\n0,0,2\n0,1,3\n1,0,7",
            "\"seconds\",\"records\",\"partition\"\n0,5,12\n1,7,9",
            "seconds,p0,p1,p2\n0,1,1,3\n1,0,0,7",
            "{\"seconds\": 0, \"records\": [2, 3]}\n{\"seconds\": 1, \"records\": [7, 0]}",
        ] {
            assert_eq!(read(text).unwrap(), same, "{text:?}");
        }
    }

    #[test]
    fn what_came_between_decisions_is_spread_over_that_time() {
        let text = [
            r#"{"at":"2026-11-21T04:00:00Z","replicas":0,"reason":"AtRest","seconds":1763697600,"forSeconds":0.0,"records":0}"#,
            r#"{"at":"2026-11-21T04:00:04Z","replicas":3,"reason":"Due","seconds":1763697600,"forSeconds":4.0,"records":10}"#,
            r#"{"at":"2026-11-21T04:00:06Z","replicas":5,"reason":"Due","seconds":1763697604,"forSeconds":2.2,"records":101}"#,
        ];
        let recorded = read(&text.join("\n")).unwrap();
        assert_eq!(recorded.unix_start, Some(1_763_697_600.0));
        assert_eq!((recorded.trace.bin, recorded.trace.records), (1.0, vec![3, 2, 3, 2, 51, 50]));
        let error = read(r#"{"seconds": 0, "records": 1, "forSeconds": -1}"#).unwrap_err();
        assert_eq!(format!("{error:#}"), "line 1: forSeconds -1 is not from 0 to 2700000");
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, message) in [
            ("seconds\n0,5", "line 1: \"seconds\" names no column records; add one"),
            ("time,records\n0,5", "line 1: \"time,records\" names no column seconds; add one"),
            ("seconds,a,b\n0,5", "line 2: \"0,5\" is not seconds,records"),
            (
                "{\"seconds\": 0}",
                "line 1: \"{\\\"seconds\\\": 0}\" is not {\"seconds\", \"records\"}: missing field `records` at line 1 column 14",
            ),
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
