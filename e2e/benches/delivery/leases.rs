//! What a dispatcher costs: processor time per lease, alone and as one of four; memory per worker.

use std::sync::Arc;
use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::Fleet;
use imagejob_e2e::table::Table;
use imagejob_e2e::wait;

use super::scripted::Scripted;
use super::stand::{LIMIT, PARTITIONS};

const RECORD_BYTES: usize = 200;
/// Workers at all dispatchers together.
const WORKERS: usize = 8;
const SLOTS: u32 = 64;
/// Workers of the memory figure.
const CROWD: usize = 256;

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    // The mock keeps 5 MB a partition, 25,000 records of 200 bytes.
    let records = match broker {
        Broker::Kafka(_) => 1_000_000,
        Broker::Mock(_) => 80_000,
    };
    let one = leases(broker, "leases-one", records, 1)?;
    let what = format!("dispatcher: leases, {WORKERS} workers x {SLOTS}, ledger kept");
    table.row(what, format!("{:.0}/s", one.per_second), "");
    table.row("dispatcher: leases per second of its own CPU", format!("{:.0}/s", one.per_core), ">= 100,000/s");
    table.ratio(format!("{:.0} % of a core while it ran", 100.0 * one.per_second / one.per_core));
    let four = leases(broker, "leases-four", records, 4)?;
    table.row("4 dispatchers: leases per second of their CPU", format!("{:.0}/s", four.per_core), ">= 100,000/s");
    table.ratio(format!(
        "x {:.2} CPU a lease, x {:.2} throughput on these cores",
        one.per_core / four.per_core,
        four.per_second / one.per_second
    ));
    crowd(broker, records, table)
}

/// How fast dispatchers lend.
struct Rates {
    /// In all, per second of wall-clock time.
    per_second: f64,
    /// Per second of the dispatchers' processor time.
    per_core: f64,
}

fn leases(broker: &Broker, name: &str, records: usize, dispatchers: u32) -> anyhow::Result<Rates> {
    let mut fleet = filled(broker, name, records)?;
    fleet.start_dispatchers(dispatchers)?;
    fleet.wait_connected(0)?;
    let scripted = Scripted::new()?;
    let cpu = |fleet: &Fleet| {
        (0..dispatchers as usize).map(|index| fleet.dispatcher(index).1.cpu_seconds()).sum::<anyhow::Result<f64>>()
    };
    let (start, before) = (wait::now(), cpu(&fleet)?);
    for worker in 0..WORKERS {
        let address = fleet.dispatcher(worker % dispatchers as usize).0;
        scripted.work(format!("scripted-{worker}"), address, SLOTS, Duration::ZERO, Arc::new(|_| ()));
    }
    fleet.wait_committed(LIMIT)?;
    scripted.check()?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu(&fleet)? - before);
    Ok(Rates { per_second: records as f64 / seconds, per_core: records as f64 / cpu })
}

/// Memory with 256 workers: when they have just connected, and after they worked through a backlog.
fn crowd(broker: &Broker, records: usize, table: &mut Table) -> anyhow::Result<()> {
    let mut fleet = Fleet::new(broker, "crowd", PARTITIONS, Vec::new())?;
    fleet.start_dispatchers(1)?;
    fleet.wait_connected(0)?;
    let alone = fleet.dispatcher(0).1.resident_mib()?;
    let scripted = Scripted::new()?;
    for worker in 0..CROWD {
        scripted.work(format!("scripted-{worker}"), fleet.dispatcher(0).0, 4, Duration::ZERO, Arc::new(|_| ()));
    }
    fleet.wait_connected(CROWD)?;
    let connected = fleet.dispatcher(0).1.resident_mib()?;
    let each = (connected - alone) * 1_024.0 / CROWD as f64;
    table.row(format!("dispatcher: memory for each of {CROWD} connections"), format!("{each:.1} KiB"), "<= 48 KiB");
    fill(&fleet, "crowd", records)?;
    fleet.wait_committed(LIMIT)?;
    scripted.check()?;
    let after = fleet.dispatcher(0).1.resident_mib()?;
    table.row(
        format!("dispatcher: memory with {CROWD} workers, after a backlog"),
        format!("{after:.1} MiB"),
        "<= 64 MiB",
    );
    Ok(())
}

fn filled(broker: &Broker, name: &str, records: usize) -> anyhow::Result<Fleet> {
    let fleet = Fleet::new(broker, name, PARTITIONS, Vec::new())?;
    fill(&fleet, name, records)?;
    Ok(fleet)
}

fn fill(fleet: &Fleet, name: &str, records: usize) -> anyhow::Result<()> {
    fleet.topics.produce(name, std::iter::repeat_n([b'x'; RECORD_BYTES].as_slice(), records))
}
