//! `imagejob generate`: photos with a known truth, and traffic that names them.
//!
//! Photos are variations of real photographs, or show posters and pages that were drawn; traffic is a plan
//! of records, each with its instant, that a seed repeats exactly. Neither knows the job that will work on them.

mod folder;
mod message;
mod pages;
mod partition;
mod photos;
mod plan;
mod posters;
mod render;
mod retention;
mod scene;
mod shape;
mod traffic;
mod variation;
mod weekend;

use clap::{Args, Subcommand};

/// Arguments of `imagejob generate`.
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write variations of real photographs and what each should be judged as.
    #[command(after_long_help = photos::EXAMPLES)]
    Photos(photos::PhotosArgs),
    /// Draw posters and photograph each well, badly, with somebody in the way, and another in its place.
    #[command(after_long_help = posters::EXAMPLES)]
    Posters(posters::PostersArgs),
    /// Draw pages of homework and photograph each done, half done and not begun.
    #[command(after_long_help = pages::EXAMPLES)]
    Pages(pages::PagesArgs),
    /// Produce records to a Kafka topic that name photos, at the pace of a shape.
    #[command(after_long_help = traffic::EXAMPLES)]
    Traffic(traffic::TrafficArgs),
}

/// Does what the arguments say and prints one line about it.
pub(crate) fn run(args: &GenerateArgs) -> anyhow::Result<()> {
    match &args.what {
        What::Photos(args) => photos::run(args),
        What::Posters(args) => posters::run(args),
        What::Pages(args) => pages::run(args),
        What::Traffic(args) => traffic::run(args),
    }
}
