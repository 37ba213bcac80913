//! One record in 32 takes a second, many times as long as the others: nobody waits for it.

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::table::Table;

use super::load;
use super::stand::{self, LIMIT, PARTITIONS, SLOTS, Stand};

const WORKERS: usize = 16;
const STRAGGLER: Duration = Duration::from_secs(1);
const EACH: usize = 32;
const SECONDS: usize = 20;
const WARM: Duration = Duration::from_secs(3);

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    let slots = WORKERS * SLOTS as usize;
    let short = load::usual_work()?;
    // (31 x 200 ms + 1 s) / 32 = 225 ms; 64 slots do 284 records a second at best.
    let mean = (short.as_secs_f64() * (EACH - 1) as f64 + STRAGGLER.as_secs_f64()) / EACH as f64;
    let ideal = slots as f64 / mean;
    let count = (ideal * SECONDS as f64) as usize;
    // Each 32nd in its partition, not all in one partition.
    let straggles = |n: usize| n / PARTITIONS as usize % EACH == EACH - 1;
    let work: Vec<_> = (0..count).map(|n| if straggles(n) { STRAGGLER } else { short }).collect();

    let stand = Stand::start(broker, "straggler", WORKERS)?;
    stand.produce(load::records(&work).iter())?;
    stand.fleet.wait_committed(LIMIT)?;
    let diary = stand.workshop.diary();
    let (from, to) = stand::full_load(&diary, WARM, slots)?;
    let done = diary.iter().filter(|entry| (from..to).contains(&entry.end)).count();
    let rate = done as f64 / (to - from).as_secs_f64();
    let what = format!("one 1 s straggler in 32 of {} ms: throughput", short.as_millis());
    table.row(what, format!("{rate:.0}/s"), ">= 90 % of ideal");
    table.ratio(format!("{:.1} % of {ideal:.0}/s", 100.0 * rate / ideal));
    let account = stand.fleet.account()?;
    anyhow::ensure!(account.is_sound() && account.duplicates == 0, "{account}");
    Ok(())
}
