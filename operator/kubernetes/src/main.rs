//! `imagejob-operator`: reconciles ImageJobs on a Kubernetes cluster.

use clap::Parser;

/// Reconciles ImageJobs on a Kubernetes cluster.
#[derive(Parser)]
#[command(version)]
struct Cli {}

fn main() {
    Cli::parse();
}
