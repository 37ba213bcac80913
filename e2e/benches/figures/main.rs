//! `make bench`: the figures that the project promises, each next to its promise, measured on
//! release builds of the real programs. Ratios are against what was measured in the same run.
//!
//! `cargo bench --bench figures -- NAME...` measures some of them: start, photos, classify.

mod classify;
mod photos;
mod start;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::table::Table;

fn main() -> anyhow::Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let is_asked = |name: &str| asked.is_empty() || asked.iter().any(|asked| asked == name);
    println!("{} cores", std::thread::available_parallelism()?);
    let mut table = Table::default();
    if is_asked("start") || is_asked("photos") {
        let broker = Broker::start()?;
        println!("on {}", broker.name());
        if is_asked("start") {
            start::measure(&broker, &mut table)?;
        }
        if is_asked("photos") {
            photos::measure(&broker, &mut table)?;
        }
    }
    if is_asked("classify") {
        classify::measure(&mut table)?;
    }
    println!("\n{table}");
    Ok(())
}
