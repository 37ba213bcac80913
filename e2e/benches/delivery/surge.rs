//! Workers go from 8 to 64 and back under load: nothing pauses, and the consumer group never notices.

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::group;
use imagejob_e2e::table::Table;
use imagejob_e2e::wait;

use super::load;
use super::stand::{self, LIMIT, SLOTS, Stand};

const FEW: usize = 8;
const MANY: usize = 64;
const MEAN: Duration = Duration::from_millis(200);
/// Seconds of work, for few and for many workers.
const SECONDS: usize = 8;

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    let a_second = |workers: usize| workers * SLOTS as usize * 1_000 / MEAN.as_millis() as usize;
    let phases = [FEW, MANY, FEW].map(|workers| a_second(workers) * SECONDS);
    let count: usize = phases.iter().sum();
    let records = load::records(&load::log_normal(count, MEAN)?);

    let mut stand = Stand::start(broker, "surge", FEW)?;
    let generation = |stand: &Stand| match broker {
        Broker::Kafka(_) => group::generation(&stand.fleet.topics, &stand.fleet.dispatching.consumer_group).map(Some),
        Broker::Mock(_) => Ok(None),
    };
    let before = generation(&stand)?;
    stand.produce(records.iter())?;
    stand.wait_begun(phases[0] / 2);
    let from = wait::wall_clock().as_millisecond();
    stand.wait_begun(phases[0]);
    stand.start_workers(MANY - FEW)?;
    stand.wait_begun(phases[0] + phases[1]);
    stand.stop_workers(FEW)?;
    stand.wait_begun(count - FEW * SLOTS as usize);
    let to = wait::wall_clock().as_millisecond();
    stand.fleet.wait_committed(LIMIT)?;

    let mut results: Vec<_> = stand.results()?.into_values().flatten().collect();
    results.sort_unstable();
    let gap = stand::longest_gap(&results, from, to);
    let what = format!("workers {FEW} -> {MANY} -> {FEW}: longest time without a result");
    table.row(what, format!("{gap} ms"), "< 250 ms");
    let after = generation(&stand)?;
    if let (Some(before), Some(after)) = (before, after) {
        table.row("... generation of the group", format!("{before} -> {after}"), "unchanged");
    }
    let account = stand.fleet.account()?;
    table.row("... duplicates", account.duplicates.to_string(), "0");
    anyhow::ensure!(account.is_sound(), "{account}");
    Ok(())
}
