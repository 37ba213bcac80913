//! `imagejob`: a job on a laptop, its steps on a photo, a policy on a weekend and over the
//! days to come, test photos and traffic.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

mod adjust;
mod check_handler;
mod dev;
mod dlq;
mod generate;
mod kafka;
mod plan;
mod record;
mod rules;
mod simulate;
mod trial;

/// Photo streams on Kafka: run and try ImageJobs, make test photos and traffic
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Dev(dev::DevArgs),
    Try(trial::TryArgs),
    CheckHandler(check_handler::CheckHandlerArgs),
    Simulate(simulate::SimulateArgs),
    Record(record::RecordArgs),
    Plan(plan::PlanArgs),
    Adjust(adjust::AdjustArgs),
    Override(adjust::OverrideArgs),
    Dlq(dlq::DlqArgs),
    /// Make test photos with a known truth, and traffic that names them
    Generate(generate::GenerateArgs),
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
    let cli = Cli::parse();
    // Quiet unless asked: what a person should see is printed, not logged.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Dev(args) => dev::run(args).await,
            Command::Try(args) => trial::run(args).await,
            Command::CheckHandler(args) => check_handler::run(args).await,
            Command::Simulate(args) => tokio::task::block_in_place(|| simulate::run(&args)),
            Command::Record(args) => tokio::task::block_in_place(|| record::run(&args)),
            Command::Plan(args) => plan::run(&args),
            Command::Adjust(args) => adjust::adjust(&args),
            Command::Override(args) => adjust::fix(&args),
            Command::Dlq(args) => tokio::task::block_in_place(|| dlq::run(&args)),
            Command::Generate(args) => tokio::task::block_in_place(|| generate::run(&args)),
        }
    })
}
