//! `imagejob dlq`: which records were given up and why, and each of them once more.

mod letter;
mod list;
mod progress;
mod replay;
mod shelf;

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
