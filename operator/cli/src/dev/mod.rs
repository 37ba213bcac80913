//! `imagejob dev`: a job on this machine, without a cluster. The same reconcile, dispatcher and
//! workers as on Kubernetes; processes instead of pods, an embedded broker unless yours is named, a
//! folder as the store.

mod audit;
mod books;
pub(crate) mod broker;
mod frame;
pub(crate) mod job;
mod journal;
mod processes;
mod run;
pub(crate) mod secrets;
mod stand;
mod summary;
mod terminal;
mod view;

use std::path::PathBuf;

use clap::Args;

pub(crate) use run::run;

/// Run a job here: no cluster, no root, one command
///
/// Starts a dispatcher and as many workers as the decision asks for, each a process; shows what
/// happens; drains on Ctrl-C; prints a summary in which every source record is accounted for from
/// what was read back from the result and dead-letter topics.
///
/// Without --bootstrap-servers an embedded broker is used, which lives as long as the command and
/// keeps 5 MB or 100,000 records per partition. Feed it with `imagejob generate traffic`, with the
/// address that this command prints (and writes to the file `bootstrap` of --run-dir).
#[derive(Args)]
pub(crate) struct DevArgs {
    /// YAML files with an ImageJob and, if it refers to one, its ScalePolicy
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The job, if the files hold several
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// Your Kafka instead of the embedded broker, which asks nobody for a name; replaces spec.source.kafka.bootstrapServers
    #[arg(long, value_name = "HOST:PORT,...")]
    bootstrap_servers: Option<String>,
    /// Create topics that are missing (on your Kafka; the embedded broker has them anyway)
    #[arg(long)]
    create_topics: bool,
    /// Partitions of topics that are created
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1000))]
    partitions: i32,
    /// Folder with a folder per bucket, instead of the store that the job names
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Folder with a folder per Secret that the job names, and in it a file per key
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// Keep settings, logs, pids and decisions here instead of in a temporary folder
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
    /// Write the summary as JSON
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Stop by itself when records came, all are finished, and no worker has run for this long;
    /// fail unless each has exactly one outcome
    #[arg(long, value_name = "SECONDS")]
    until_idle: Option<u64>,
    /// One line a second, even on a terminal
    #[arg(long)]
    plain: bool,
    /// The data plane's program, if it is neither beside this one nor in PATH
    #[arg(long, value_name = "PATH")]
    worker_program: Option<PathBuf>,
}
