//! A dispatcher's memory does not grow with what waits: gigabytes of large records, first without a worker
//! and then with many.

use std::sync::Arc;
use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::Fleet;
use imagejob_e2e::table::Table;
use imagejob_e2e::wait;
use rand::RngCore as _;

use super::load;
use super::scripted::Scripted;
use super::stand::{LIMIT, PARTITIONS};

/// A photo's thumbnail in the record itself, say. Random bytes, which no compression shrinks.
const RECORD_BYTES: usize = 100_000;
const WORKERS: usize = 8;
const SLOTS: u32 = 64;
const WORK: Duration = Duration::from_millis(100);
const WHILE: Duration = Duration::from_secs(15);

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    let gigabytes: usize = match broker {
        Broker::Kafka(_) => std::env::var("BACKLOG_GB").map_or(Ok(10), |text| text.parse())?,
        Broker::Mock(_) => return Ok(()),
    };
    let mut fleet = Fleet::new(broker, "backlog", PARTITIONS, Vec::new())?;
    let mut bytes = vec![0; RECORD_BYTES];
    load::chance().fill_bytes(&mut bytes);
    let count = gigabytes * 1_000_000_000 / RECORD_BYTES;
    fleet.topics.produce("backlog", std::iter::repeat_n(bytes.as_slice(), count))?;
    fleet.start_dispatchers(1)?;
    fleet.wait_connected(0)?;
    let idle = most_memory(&fleet)?;
    let scripted = Scripted::new()?;
    for worker in 0..WORKERS {
        scripted.work(format!("scripted-{worker}"), fleet.dispatcher(0).0, SLOTS, WORK, Arc::new(|_| ()));
    }
    let busy = most_memory(&fleet)?;
    scripted.check()?;
    let lent =
        fleet.reports().into_iter().flatten().filter_map(|report| report.work).map(|work| work.leased).sum::<u64>();
    anyhow::ensure!(lent > 0 && lent < count as u64, "{lent} of {count} records were lent");
    table.row(format!("dispatcher: memory, {gigabytes} GB wait, no worker"), format!("{idle:.1} MiB"), "<= 128 MiB");
    table.row(
        format!("... while {WORKERS} workers x {SLOTS} take 100 KB records"),
        format!("{busy:.1} MiB"),
        "<= 128 MiB",
    );
    table.ratio(format!("{lent} records in {} s", WHILE.as_secs()));
    Ok(())
}

/// The most that the dispatcher held for a while, MiB.
fn most_memory(fleet: &Fleet) -> anyhow::Result<f64> {
    let (from, mut most) = (wait::now(), 0.0_f64);
    let mut failure = None;
    wait::until(LIMIT, String::new, || {
        match fleet.dispatcher(0).1.resident_mib() {
            Ok(mib) => most = most.max(mib),
            Err(error) => failure = Some(error),
        }
        from.elapsed() >= WHILE
    });
    failure.map_or(Ok(most), Err)
}
