//! What workers cost that have nothing to do.

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::table::Table;
use imagejob_e2e::wait;

use super::stand::{LIMIT, Stand};

const WORKERS: usize = 64;
/// Time to settle, and time that is measured.
const WHILE: Duration = Duration::from_secs(10);

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    let mut stand = Stand::start(broker, "idle-crowd", WORKERS)?;
    let pass = || {
        let from = wait::now();
        wait::until(LIMIT, String::new, || from.elapsed() >= WHILE);
    };
    pass();
    let before = cpu(&mut stand)?;
    pass();
    let each = (cpu(&mut stand)? - before) / WHILE.as_secs_f64() / WORKERS as f64;
    table.row("idle worker: share of a core", format!("{:.3} %", 100.0 * each), "");
    Ok(())
}

/// Processor seconds of all workers so far.
fn cpu(stand: &mut Stand) -> anyhow::Result<f64> {
    (0..WORKERS).map(|index| stand.fleet.worker(index).cpu_seconds()).sum()
}
