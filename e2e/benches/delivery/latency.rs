//! What delivery adds: append -> lease at a worker at half load, and append -> result of work that is
//! nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use imagejob_e2e::admin::Admin;
use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::Fleet;
use imagejob_e2e::table::Table;
use imagejob_e2e::wait::{self, percentile};
use imagejob_e2e::workshop;
use imagejob_protocol::wire::{Lease, Report};

use super::load;
use super::scripted::Scripted;
use super::stand::{DISPATCHERS, LIMIT, PARTITIONS, SLOTS, waits};

const WORKERS: usize = 64;
const RECORD_BYTES: usize = 200;
const WORK: Duration = Duration::from_millis(200);
/// Half of what 64 x 4 slots do in a second with 200 ms a record.
const PER_SECOND: f64 = 640.0;
/// Connections and first positions are not what is measured: 5 s, then 20 s.
const WARM: usize = 5 * 640;
const RECORDS: usize = 20 * 640;

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    let mut leased = appended_to_leased(broker)?;
    leased.sort_unstable();
    table.row("append -> lease at the worker, half load", percentiles(&leased), "p50 <= 5, p99 <= 20 ms");
    table.ratio(format!("{PER_SECOND}/s, {WORKERS} workers x {SLOTS} slots x {} ms", WORK.as_millis()));
    table.row("append -> result in the topic, work is nothing", percentiles(&appended_to_result(broker)?), "");
    table.ratio(format!("{PER_SECOND}/s, 4 real workers"));
    Ok(())
}

fn percentiles(sorted: &[Duration]) -> String {
    let [p50, p99] = [50, 99].map(|percent| percentile(sorted, percent).as_secs_f64() * 1e3);
    format!("p50 {p50:.1}  p99 {p99:.1} ms")
}

/// The broker stamps each record when it appends it, in whole milliseconds; the worker compares with its
/// own clock, which is the same one here.
fn appended_to_leased(broker: &Broker) -> anyhow::Result<Vec<Duration>> {
    let mut fleet = Fleet::new(broker, "latency", PARTITIONS, Vec::new())?;
    if let Broker::Kafka(kafka) = broker {
        Admin::new(kafka.bootstrap())?.configure("latency", "message.timestamp.type", "LogAppendTime")?;
    }
    fleet.start_dispatchers(DISPATCHERS)?;
    fleet.wait_connected(0)?;
    let scripted = Scripted::new()?;
    let waits: Arc<Mutex<Vec<Duration>>> = Arc::default();
    for worker in 0..WORKERS {
        let waits = Arc::clone(&waits);
        let look = move |lease: &Lease| {
            let wait = wait::wall_clock().as_microsecond() - lease.timestamp_ms * 1_000;
            if lease.position.as_ref().is_some_and(|at| at.offset >= WARM as i64 / i64::from(PARTITIONS)) {
                let wait = Duration::from_micros(wait.max(0).unsigned_abs());
                waits.lock().unwrap_or_else(PoisonError::into_inner).push(wait);
            }
        };
        // A real worker offers each slot to one dispatcher; here half of the workers belong to each.
        let address = fleet.dispatcher(worker % DISPATCHERS as usize).0;
        scripted.work(format!("scripted-{worker}"), address, SLOTS, WORK, Arc::new(look));
    }
    let half = WORKERS / DISPATCHERS as usize;
    let ready = |report: &Report| report.workers.len() == half && !report.partitions.is_empty();
    wait::until(
        LIMIT,
        || format!("{half} workers at each dispatcher: {:#?}", fleet.reports()),
        || fleet.reports().iter().all(|report| report.as_ref().is_ok_and(ready)),
    );
    let records = std::iter::repeat_n([b'x'; RECORD_BYTES], WARM + RECORDS);
    fleet.topics.produce("latency", load::poisson(PER_SECOND, records)?)?;
    fleet.wait_committed(LIMIT)?;
    scripted.check()?;
    let waits = std::mem::take(&mut *waits.lock().unwrap_or_else(PoisonError::into_inner));
    anyhow::ensure!(waits.len() == RECORDS, "{} of {RECORDS} records were lent", waits.len());
    Ok(waits)
}

/// Of real workers without a step, sorted.
fn appended_to_result(broker: &Broker) -> anyhow::Result<Vec<Duration>> {
    let mut fleet = Fleet::new(broker, "nothing", PARTITIONS, Vec::new())?;
    fleet.start_dispatchers(DISPATCHERS)?;
    fleet.start_workers(4)?;
    fleet.wait_connected(4)?;
    let records = std::iter::repeat_n(workshop::record(0, Duration::ZERO), WARM + RECORDS);
    fleet.topics.produce("nothing", load::poisson(PER_SECOND, records)?)?;
    fleet.wait_committed(LIMIT)?;
    waits(&fleet, WARM)
}
