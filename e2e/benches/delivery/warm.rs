//! A broker that has just started is compiled while it works: for its first half a minute it takes as much
//! of the processor as it gets. Production brokers are past that, so what is measured begins after it.

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::Fleet;
use imagejob_e2e::workshop;

use super::stand::{DISPATCHERS, LIMIT, PARTITIONS};

/// Records through everything: produced, fetched, lent, published, committed.
const RECORDS: usize = 60_000;
const WORKERS: usize = 8;

pub(crate) fn up(broker: &Broker) -> anyhow::Result<()> {
    let Broker::Kafka(_) = broker else { return Ok(()) };
    let mut fleet = Fleet::new(broker, "warm", PARTITIONS, Vec::new())?;
    fleet.start_dispatchers(DISPATCHERS)?;
    fleet.start_workers(WORKERS)?;
    fleet.topics.produce("warm", std::iter::repeat_n(workshop::record(0, Duration::ZERO), RECORDS))?;
    fleet.wait_committed(LIMIT)
}
