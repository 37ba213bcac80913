//! The rate limit of a job holds over a minute, however many dispatchers share it.

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::Fleet;
use imagejob_e2e::table::Table;
use imagejob_e2e::{wait, workshop};

use super::stand::{LIMIT, PARTITIONS};

const DISPATCHERS: u32 = 4;
const WORKERS: usize = 4;
const PER_SECOND: u32 = 200;
const WHILE: Duration = Duration::from_mins(1);

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    let mut fleet = Fleet::new(broker, "rate", PARTITIONS, Vec::new())?;
    fleet.records_per_second = Some(PER_SECOND);
    // More than are lent while it is measured, on each partition.
    let records = PER_SECOND as usize * WHILE.as_secs() as usize * 2;
    fleet.topics.produce("rate", std::iter::repeat_n(workshop::record(0, Duration::ZERO), records))?;
    fleet.start_dispatchers(DISPATCHERS)?;
    fleet.start_workers(WORKERS)?;
    fleet.wait_connected(WORKERS)?;
    let shared = || fleet.reports().into_iter().flatten().all(|report| report.partitions.len() == 1);
    wait::until(LIMIT, || format!("a partition each: {:#?}", fleet.reports()), shared);
    let (before, from) = (fleet.ended()?, wait::now());
    wait::until(LIMIT, String::new, || from.elapsed() >= WHILE);
    let rate = (fleet.ended()? - before) as f64 / from.elapsed().as_secs_f64();
    let what = format!("rate limit {PER_SECOND}/s, {DISPATCHERS} dispatchers, {WORKERS} workers, 60 s");
    table.row(what, format!("{rate:.1}/s"), "within 5 %");
    table.ratio(format!("{:+.2} %", 100.0 * (rate / f64::from(PER_SECOND) - 1.0)));
    Ok(())
}
