//! How long a partition stands still when its dispatcher is replaced: asked to end, or killed.

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::Fleet;
use imagejob_e2e::table::Table;
use imagejob_e2e::wait;

use super::load;
use super::stand::{self, LIMIT, SLOTS, Stand};

const WORKERS: usize = 16;
const MEAN: Duration = Duration::from_millis(100);
const SECONDS: usize = 25;
/// Records begun before the dispatcher goes: 5 s of work.
const BEFORE: usize = 5 * WORKERS * SLOTS as usize * 10;
/// Results after this long after it have nothing to do with it.
const AFTER_MS: i64 = 15_000;

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    let graceful = pause(broker, "handover", |fleet| {
        anyhow::ensure!(fleet.stop_dispatcher(0)?, "the dispatcher did not end well");
        fleet.start_dispatcher(0)
    })?;
    table.row("dispatcher asked to end: longest pause of a partition", format!("{graceful} ms"), "< 2,000 ms");
    let crash = pause(broker, "crash", |fleet| {
        fleet.kill_dispatcher(0)?;
        fleet.start_dispatcher(0)
    })?;
    table.row("dispatcher killed (session 6 s): longest pause", format!("{crash} ms"), "< 8,000 ms");
    Ok(())
}

/// Longest time, ms, without a result from one of the partitions after `replace`.
fn pause(broker: &Broker, name: &str, replace: impl FnOnce(&mut Fleet) -> anyhow::Result<()>) -> anyhow::Result<i64> {
    let count = SECONDS * WORKERS * SLOTS as usize * 1_000 / MEAN.as_millis() as usize;
    let records = load::records(&load::log_normal(count, MEAN)?);
    let mut stand = Stand::start(broker, name, WORKERS)?;
    stand.produce(records.iter())?;
    stand.wait_begun(BEFORE);
    let from = wait::wall_clock().as_millisecond();
    replace(&mut stand.fleet)?;
    stand.fleet.wait_committed(LIMIT)?;

    let results = stand.results()?;
    // A partition whose backlog ended pauses for a good reason.
    let pause = |times: &Vec<i64>| stand::longest_gap(times, from, times[times.len() - 1].min(from + AFTER_MS));
    let account = stand.fleet.account()?;
    anyhow::ensure!(account.is_sound(), "{account}");
    println!("{name}: {account}");
    Ok(results.values().map(pause).max().unwrap_or_default())
}
