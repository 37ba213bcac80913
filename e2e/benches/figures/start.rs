//! How long a worker takes from exec to ready, and what idle processes hold in memory.

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::{Fleet, quality_step};
use imagejob_e2e::table::Table;
use imagejob_e2e::wait::{self, percentile};

const STARTS: usize = 20;
/// Memory is read after this long without work.
const IDLE: Duration = Duration::from_secs(10);

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    let mut fleet = Fleet::new(broker, "idle", 3, vec![quality_step()])?;
    fleet.start_dispatchers(1)?;
    let mut ready = Vec::new();
    for _ in 0..STARTS {
        let start = wait::now();
        fleet.start_workers(1)?;
        let line = fleet.worker(0).line()?;
        anyhow::ensure!(line.is_some_and(|line| line.starts_with("ready")), "a worker says when it is ready");
        ready.push(start.elapsed());
        fleet.kill_worker(0)?;
    }
    ready.sort_unstable();
    let milliseconds = |percent| percentile(&ready, percent).as_secs_f64() * 1e3;
    let figure = format!("p50 {:.1}  max {:.1} ms", milliseconds(50), milliseconds(100));
    table.row(format!("worker: exec -> ready, {STARTS} starts"), figure, "<= 50 ms");

    fleet.start_workers(1)?;
    fleet.wait_connected(1)?;
    let connected = wait::now();
    wait::until(IDLE * 2, || "time passes".into(), || connected.elapsed() >= IDLE);
    let worker = fleet.worker(0).resident_mib()?;
    table.row("worker: resident memory, idle for 10 s", format!("{worker:.1} MiB"), "<= 32 MiB");
    let dispatcher = fleet.dispatcher(0).1.resident_mib()?;
    table.row("dispatcher: resident memory, idle for 10 s", format!("{dispatcher:.1} MiB"), "<= 32 MiB");
    Ok(())
}
