//! `make bench`: what delivery promises, measured on release builds of the real programs and a real
//! Apache Kafka, next to a plain consumer group that does the same work in the same run.
//!
//! `cargo bench --bench delivery -- NAME...` measures some of them; without a name all but `soak`.

mod backlog;
mod evenness;
mod handover;
mod idle;
mod latency;
mod leases;
mod load;
mod poison;
mod rate;
mod rival;
mod scripted;
mod soak;
mod stand;
mod straggler;
mod surge;
mod warm;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::table::Table;

/// Measures one thing and writes it into the table.
type Measure = fn(&Broker, &mut Table) -> anyhow::Result<()>;

/// What can be measured on one broker, by its name.
const SCENARIOS: [(&str, Measure); 11] = [
    ("idle", idle::measure),
    ("leases", leases::measure),
    ("backlog", backlog::measure),
    ("latency", latency::measure),
    ("evenness", evenness::measure),
    ("straggler", straggler::measure),
    ("surge", surge::measure),
    ("handover", handover::measure),
    ("poison", poison::measure),
    ("rate", rate::measure),
    ("rival", rival::measure),
];

fn main() -> anyhow::Result<()> {
    // cargo hands `--bench` to each bench.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if wanted.iter().any(|name| name == "soak") {
        return soak::run();
    }
    let known: Vec<_> = SCENARIOS.iter().map(|(name, _)| *name).collect();
    for name in &wanted {
        anyhow::ensure!(known.contains(&name.as_str()), "{name:?} is not measured here; use soak or {known:?}");
    }
    let broker = Broker::start()?;
    println!("on {}, {} cores\n", broker.name(), std::thread::available_parallelism()?);
    warm::up(&broker)?;
    let mut table = Table::default();
    for (name, measure) in SCENARIOS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            measure(&broker, &mut table)?;
            println!("{name} measured");
        }
    }
    println!("\n{table}");
    Ok(())
}
