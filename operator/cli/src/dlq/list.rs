//! `imagejob dlq list` and `show`: what was given up.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::ensure;
use clap::Args;
use imagejob_protocol::headers;
use jiff::Timestamp;

use super::letter::{At, Letter};
use super::shelf::Shelf;
use super::{Job, Selection};

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
pub(super) fn list(args: &ListArgs) -> anyhow::Result<()> {
    let shelf = Shelf::open(&args.job)?;
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    let mut out = std::io::stdout().lock();
    shelf.read(&args.selection, args.all, |letter| {
        let mark = if shelf.progress.has(letter.at) { "  (replayed)" } else { "" };
        writeln!(out, "{}{mark}", line(&letter))?;
        *reasons.entry(letter.reason).or_default() += 1;
        Ok(())
    })?;
    let total: u64 = reasons.values().sum();
    let by_reason: Vec<_> = reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    let colon = if by_reason.is_empty() { "" } else { ": " };
    writeln!(out, "{total} dead letters in {}{colon}{}", shelf.topic, by_reason.join(", "))?;
    Ok(())
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
mod tests {
    use super::super::letter::Source;
    use super::*;

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
