//! `imagejob simulate`: a policy on recorded or generated traffic, beside what else people use.

mod page;
mod report;
mod runs;
mod setting;
mod trace;

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use runs::Rival;
use setting::Setting;

/// Try a policy on traffic before it is applied
///
/// Runs the very function that decides in the operator, and models of other autoscalers in the same
/// world, and prints how long records waited and what it cost.
#[derive(Args)]
pub(crate) struct SimulateArgs {
    /// YAML file with a ScalePolicy; the documented defaults if omitted
    #[arg(long, value_name = "POLICY.YAML")]
    policy: Option<PathBuf>,
    /// YAML file with the ImageJob whose scaling is merged with the policy
    #[arg(long, value_name = "JOB.YAML")]
    job: Option<PathBuf>,
    /// Traffic: gen:weekend, gen:homework, gen:flash, or a file with `seconds,records` (CSV) or {"seconds", "records"} (JSON lines)
    #[arg(long, value_name = "FILE|gen:NAME")]
    trace: String,
    /// Seeds 1 to N: of generated traffic, and of the times that workers take to start
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000))]
    seeds: u64,
    /// What to compare with, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    compare: Vec<Rival>,
    /// Form of the report
    #[arg(long, value_enum, default_value_t = Form::Table)]
    report: Form,
    /// Wall-clock of second 0, RFC 3339 with a zone: decides which profiles are active when
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Partitions of the topic: other autoscalers run no more workers than that
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    partitions: Option<u32>,
    /// Records a second that one worker does; guessed for recorded traffic if omitted
    #[arg(long, value_name = "RATE")]
    service_rate: Option<f64>,
    /// Records that one worker works on at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_024))]
    slots: Option<u32>,
    /// Shortest and longest time that a worker takes to start, seconds
    #[arg(long, default_value = "3,10", value_name = "A,B")]
    start_seconds: String,
    /// Workers that the cluster creates a second
    #[arg(long, default_value_t = 50.0, value_name = "RATE")]
    creates_per_second: f64,
    /// Records a second that all workers together do at most, as where they wait for one store
    #[arg(long, value_name = "RATE")]
    downstream: Option<f64>,
    /// Seconds from what happens until it is seen
    #[arg(long, default_value_t = 0.3, value_name = "SECONDS")]
    report_delay: f64,
    /// From which second to which nothing is reported
    #[arg(long, value_name = "A,B")]
    blackout: Option<String>,
    /// Weeks of other generated traffic before this one, from which the policy's learning has learned
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=8))]
    learn_weeks: u32,
    /// The promise, seconds, instead of the policy's
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    wait_seconds: Option<u32>,
    /// The most workers there may be, instead of the policy's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_replicas: Option<u32>,
}

/// Form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A line per run, for people
    Table,
    /// One JSON object, for programs
    Json,
    /// One page with plots that needs nothing else
    Html,
}

/// `imagejob simulate`.
pub(crate) fn run(args: &SimulateArgs) -> anyhow::Result<()> {
    let setting = Setting::of(args)?;
    if let Some(warning) = setting.warning() {
        eprintln!("{warning}");
    }
    let mut runs = Vec::new();
    for seed in 1..=args.seeds {
        runs.extend(runs::of_seed(&setting, &args.compare, seed)?);
    }
    let text = match args.report {
        Form::Table => report::table(&setting, &runs),
        Form::Json => report::json(&runs)?,
        Form::Html => page::page(&setting, &runs)?,
    };
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
