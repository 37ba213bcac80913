//! `imagejob-worker`: the data plane of a job in one program. `dispatch` holds the partitions of
//! the source topics and leases records; `work` takes leases and looks at photos.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use imagejob_protocol::settings::{DispatcherSettings, WorkerSettings};
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;
use tracing_subscriber::EnvFilter;

mod stop;

/// Data plane of an ImageJob. The operator (or `imagejob dev`) starts these with settings that it
/// derives from the job; you rarely need to start one by hand.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Holds partitions, leases single records to workers, keeps the ledger, reports lag
    Dispatch(Dispatch),
    /// Takes leases, fetches and looks at photos, publishes results
    Work(Work),
}

#[derive(Args)]
struct Dispatch {
    #[command(flatten)]
    process: Process,
    /// Address for workers and the operator (gRPC)
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:7400")]
    listen: SocketAddr,
}

#[derive(Args)]
struct Work {
    #[command(flatten)]
    process: Process,
    /// Dispatchers to dial: one address each, or one that leads to all of them
    #[arg(long, value_name = "HOST:PORT", required = true, value_delimiter = ',')]
    dispatchers: Vec<String>,
}

/// What every process of a job is told besides its settings.
#[derive(Args)]
struct Process {
    /// JSON file with the settings of this role
    #[arg(long, value_name = "FILE")]
    settings: PathBuf,
    /// File with the job's token; whoever knows it may lease and report
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Name in logs and reports, for example the pod's; the time of the start is added
    #[arg(long)]
    id: String,
    /// Serve /healthz, /readyz and /metrics here; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    http: SocketAddr,
    /// Stop, as on SIGTERM, when standard input ends: a parent that dies takes us along
    #[arg(long)]
    until_stdin_closes: bool,
}

impl Process {
    fn identity(&self) -> String {
        identity(&self.id, imagejob_worker::clock::timestamp())
    }

    fn settings<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        let text = read(&self.settings)?;
        serde_json::from_str(&text).with_context(|| format!("settings {} are not valid", self.settings.display()))
    }

    async fn http(&self) -> anyhow::Result<TcpListener> {
        let listener = TcpListener::bind(self.http).await.with_context(|| format!("cannot listen on {}", self.http))?;
        info!(address = %listener.local_addr()?, "serving probes and metrics");
        Ok(listener)
    }

    fn token(&self) -> anyhow::Result<String> {
        Ok(read(&self.token_file)?.trim().to_owned())
    }
}

/// Names one process and no other. A container that is started again in its pod has the pod's name
/// again; taken for its predecessor, it would give back what that one died of, uncounted.
fn identity(name: &str, started: jiff::Timestamp) -> String {
    format!("{name}.{}", started.as_millisecond())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> anyhow::Result<()> {
    let started = imagejob_worker::clock::now();
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        match cli.command {
            Command::Dispatch(args) => dispatch(args).await,
            Command::Work(args) => work(args, started).await,
        }
    });
    // Blocking reads (standard input) would hold the process; everything that matters is done.
    runtime.shutdown_background();
    result
}

async fn dispatch(args: Dispatch) -> anyhow::Result<()> {
    let settings: DispatcherSettings = args.process.settings()?;
    let options = imagejob_dispatcher::Options {
        dispatcher_id: args.process.identity(),
        grpc: TcpListener::bind(args.listen).await.with_context(|| format!("cannot listen on {}", args.listen))?,
        http: args.process.http().await?,
        token: args.process.token()?,
    };
    let stop = stop::requested(args.process.until_stdin_closes)?;
    imagejob_dispatcher::run(settings, options, stop).await
}

async fn work(args: Work, started: std::time::Instant) -> anyhow::Result<()> {
    let settings: WorkerSettings = args.process.settings()?;
    let stop: CancellationToken = stop::requested(args.process.until_stdin_closes)?;
    let worker = imagejob_worker::work::Worker::load(&settings).await?;
    let ready = started.elapsed();
    info!(milliseconds = ready.as_secs_f64() * 1e3, slots = settings.slots, "ready: steps are loaded");
    // One line on standard output for whoever started us and waits for it.
    println!("ready {:.1} ms", ready.as_secs_f64() * 1e3);
    let options = imagejob_worker::work::Options {
        id: args.process.identity(),
        dispatchers: args.dispatchers,
        token: args.process.token()?,
        http: args.process.http().await?,
        start: ready,
    };
    worker.run(options, stop).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_is_started_again_in_its_pod_is_another_process() {
        let [first, second] = [1_000, 1_001].map(|ms| jiff::Timestamp::from_millisecond(ms).expect("in range"));
        assert_eq!(identity("posters-worker-x2b4d", first), "posters-worker-x2b4d.1000");
        assert_ne!(identity("posters-worker-x2b4d", first), identity("posters-worker-x2b4d", second));
    }
}
