//! 64 workers on 4 partitions: all are busy, and about equally.

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::table::Table;

use super::load;
use super::stand::{self, LIMIT, PARTITIONS, SLOTS, Stand};

const WORKERS: usize = 64;
/// Seconds of work for all slots.
const SECONDS: usize = 25;
const WARM: Duration = Duration::from_secs(3);

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    let mean = load::usual_work()?;
    let slots = WORKERS * SLOTS as usize;
    let count = (SECONDS * slots * 1_000) / mean.as_millis() as usize;
    let records = load::records(&load::log_normal(count, mean)?);

    let stand = Stand::start(broker, "evenness", WORKERS)?;
    stand.produce(records.iter())?;
    stand.fleet.wait_committed(LIMIT)?;
    let diary = stand.workshop.diary();
    let (from, to) = stand::full_load(&diary, WARM, slots)?;
    let busy = stand::busy(&diary, from, to);
    let window = to - from;

    let shares: Vec<f64> = busy.values().map(|busy| busy.as_secs_f64() / window.as_secs_f64()).collect();
    let at_work = shares.iter().filter(|share| **share > 0.0).count();
    let (least, most) = shares.iter().fold((f64::MAX, 0.0_f64), |(least, most), &s| (least.min(s), most.max(s)));
    let utilisation = shares.iter().sum::<f64>() / slots as f64;
    let what = format!("{WORKERS} workers x {SLOTS}, {PARTITIONS} partitions, {} ms: busy", mean.as_millis());
    table.row(what, format!("{at_work}/{WORKERS}"), "64/64");
    table.ratio(format!("over {:.1} s with a backlog", window.as_secs_f64()));
    table.row("... busiest against least busy", format!("{:.3}", most / least), "<= 1.3");
    table.row("... slot utilisation, time inside the handler", format!("{:.1} %", 100.0 * utilisation), ">= 90 %");
    let account = stand.fleet.account()?;
    anyhow::ensure!(account.is_sound() && account.duplicates == 0, "{account}");
    Ok(())
}
