//! `make bench`: the figures that the project promises, each next to its promise, measured on
//! release builds of the real programs. Ratios are against what was measured in the same run.

mod photos;
mod start;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::table::Table;

fn main() -> anyhow::Result<()> {
    let broker = Broker::start()?;
    println!("on {}, {} cores\n", broker.name(), std::thread::available_parallelism()?);
    let mut table = Table::default();
    start::measure(&broker, &mut table)?;
    photos::measure(&broker, &mut table)?;
    println!("{table}");
    Ok(())
}
