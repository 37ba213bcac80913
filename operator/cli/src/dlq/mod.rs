//! `imagejob dlq`: which records were given up and why, and each of them once more.

mod letter;
mod list;
mod progress;
mod replay;
mod shelf;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use self::letter::{At, Letter};

/// See what was given up, and replay it
#[derive(Args)]
pub(crate) struct DlqArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One line for each dead letter that was not replayed, and how many there are of each reason
    List(list::ListArgs),
    /// One dead letter with its headers, and its value as it was
    Show(list::ShowArgs),
    /// Send dead letters to the topics and partitions that they came from
    ///
    /// Key, value and headers are those of the original, byte for byte; the timestamp is new, because the wait
    /// begins anew. Letters and the note of which were sent are written in one transaction: a replay that was killed
    /// goes on where it ended, nothing is sent twice, and two replays at a time are impossible.
    Replay(replay::ReplayArgs),
}

/// Whose dead letters.
#[derive(Args)]
#[allow(clippy::struct_field_names, reason = "`--job` is what it is called everywhere")]
struct Job {
    /// YAML file with an ImageJob and, if it refers to one, its ScalePolicy
    #[arg(value_name = "JOB.YAML")]
    file: PathBuf,
    /// The job, if the file holds several
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// Where its Kafka is from here; replaces spec.source.kafka.bootstrapServers
    #[arg(long, value_name = "HOST:PORT,...")]
    bootstrap_servers: Option<String>,
    /// Folder with a folder per Secret of spec.source.kafka, and in it a file per key
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
}

/// Which of them.
#[derive(Args)]
struct Selection {
    /// Only those with this reason, for example NotAnImage; may be repeated
    #[arg(long = "reason", value_name = "WORD")]
    reasons: Vec<String>,
    /// Only the one at this partition and offset of the dead-letter topic; may be repeated
    #[arg(long = "at", value_name = "PARTITION/OFFSET")]
    places: Vec<At>,
}

impl Selection {
    fn takes(&self, letter: &Letter) -> bool {
        let reason = self.reasons.is_empty() || self.reasons.contains(&letter.reason);
        reason && (self.places.is_empty() || self.places.contains(&letter.at))
    }
}

/// `imagejob dlq`.
pub(crate) fn run(args: &DlqArgs) -> anyhow::Result<()> {
    match &args.command {
        Command::List(args) => list::list(args, &mut std::io::stdout().lock()),
        Command::Show(args) => list::show(args),
        Command::Replay(args) => replay::run(args),
    }
}
