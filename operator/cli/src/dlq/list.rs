//! `imagejob dlq list` and `show`: what was given up.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::ensure;
use clap::Args;
use imagejob_protocol::headers;
use imagejob_scaling::wording::counted;
use jiff::Timestamp;

use super::Selection;
use super::letter::{At, Letter};
use super::shelf::Shelf;
use crate::kafka::Job;

/// Arguments of `imagejob dlq list`.
#[derive(Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    job: Job,
    #[command(flatten)]
    selection: Selection,
    /// Those that were replayed as well
    #[arg(long)]
    all: bool,
}

/// Arguments of `imagejob dlq show`.
#[derive(Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    job: Job,
    /// Partition and offset in the dead-letter topic, as `list` prints them
    #[arg(value_name = "PARTITION/OFFSET")]
    at: At,
}

/// `imagejob dlq list`.
pub(super) fn list(args: &ListArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let shelf = Shelf::open(&args.job)?;
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    shelf.read(&args.selection, args.all, |letter| {
        let mark = if shelf.progress.has(letter.at) { "  (replayed)" } else { "" };
        writeln!(out, "{}{mark}", line(&letter))?;
        *reasons.entry(letter.reason).or_default() += 1;
        Ok(())
    })?;
    // Where nothing was ever given up there may be no topic.
    let note = if shelf.is_missing() { ", which does not exist" } else { "" };
    Ok(writeln!(out, "{}{note}", total(&shelf.topic, &reasons))?)
}

/// `3 dead letters in photos.dlq: NotAnImage 2, WorkerKilled 1`
fn total(topic: &str, reasons: &BTreeMap<String, u64>) -> String {
    let letters = counted(reasons.values().sum(), "dead letter");
    let by_reason: Vec<_> = reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    let colon = if by_reason.is_empty() { "" } else { ": " };
    format!("{letters} in {topic}{colon}{}", by_reason.join(", "))
}

/// `0/17  photos 2/4711  NotAnImage  failures 1  losses 0  2026-11-21T09:12:03Z  the bytes are no image`
fn line(letter: &Letter) -> String {
    let at = format!("{:<8}", letter.at.to_string());
    let Some(source) = &letter.source else { return format!("{at}  was not written by a dispatcher") };
    let written = letter.note(headers::TIMESTAMP).parse().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!(
        "{at}  {} {}/{}  {}  failures {}  losses {}  {}  {}",
        source.topic,
        source.partition,
        source.offset,
        letter.reason,
        letter.note(headers::FAILURES),
        letter.note(headers::LOSSES),
        written.map(|at| format!("{at:.0}")).unwrap_or_default(),
        letter.note(headers::MESSAGE),
    )
}

/// `imagejob dlq show`.
pub(super) fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let shelf = Shelf::open(&args.job)?;
    let selection = Selection { reasons: Vec::new(), places: vec![args.at] };
    let mut found = false;
    shelf.read(&selection, true, |letter| {
        found = true;
        print(&letter)
    })?;
    ensure!(
        found,
        "there is no letter at {} of {}; `imagejob dlq list --all` shows those that there are",
        args.at,
        shelf.topic
    );
    Ok(())
}

fn print(letter: &Letter) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for (name, text) in &letter.notes {
        writeln!(out, "{name}: {text}")?;
    }
    for (name, value) in &letter.headers {
        writeln!(out, "{name}: {}", text(value.as_deref()))?;
    }
    writeln!(out, "key: {}", text(letter.key.as_deref()))?;
    writeln!(out)?;
    out.write_all(letter.value.as_deref().unwrap_or_default())?;
    Ok(writeln!(out)?)
}

fn text(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "(none)".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::RDKafkaRespErr;

    use super::super::letter::Source;
    use super::*;

    const JOB: &str = "
apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {name: poster-check}
spec:
  source: {kafka: {bootstrapServers: \"kafka:9092\", topics: [photos]}}
  storage: {type: FileSystem, path: /data, buckets: [photos]}
  steps: [{name: quality, quality: {}}]
  results: {topic: results}
";

    #[test]
    fn a_topic_that_was_never_created_holds_no_dead_letters() {
        let broker = MockCluster::new(1).unwrap();
        // The mock would create it.
        broker.topic_error("photos.dlq", RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("job.yaml");
        std::fs::write(&file, JOB).unwrap();
        let job = Job { file, job: None, bootstrap_servers: Some(broker.bootstrap_servers()), secrets: None };
        let selection = Selection { reasons: Vec::new(), places: Vec::new() };
        let mut out = Vec::new();
        list(&ListArgs { job, selection, all: false }, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "0 dead letters in photos.dlq, which does not exist\n");
    }

    #[test]
    fn the_sum_says_how_many_of_each_reason() {
        let reasons = [("NotAnImage", 2), ("WorkerKilled", 1)].map(|(reason, count)| (reason.to_owned(), count));
        assert_eq!(total("photos.dlq", &reasons.into()), "3 dead letters in photos.dlq: NotAnImage 2, WorkerKilled 1");
        let one = [("Expired".to_owned(), 1)];
        assert_eq!(total("photos.dlq", &one.into()), "1 dead letter in photos.dlq: Expired 1");
    }

    #[test]
    fn a_line_says_where_why_and_when() {
        let notes = [(headers::FAILURES, "1"), (headers::LOSSES, "0"), (headers::TIMESTAMP, "1795000000000")];
        let mut letter = Letter {
            at: At { partition: 0, offset: 17 },
            source: Some(Source { topic: "photos".into(), partition: 2, offset: 4_711 }),
            reason: "NotAnImage".into(),
            notes: notes.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec(),
            key: None,
            value: None,
            headers: Vec::new(),
        };
        let expected = "0/17      photos 2/4711  NotAnImage  failures 1  losses 0  2026-11-18T11:06:40Z  ";
        assert_eq!(line(&letter), expected);
        letter.source = None;
        assert_eq!(line(&letter), "0/17      was not written by a dispatcher");
    }
}
