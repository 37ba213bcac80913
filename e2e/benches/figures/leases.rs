//! How many records a dispatcher leases per second when the work is nothing: scripted workers
//! answer each frame of leases with one frame of `Done`.

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::{Fleet, TOKEN};
use imagejob_e2e::wait;
use imagejob_protocol::wire::leases_client::LeasesClient;
use imagejob_protocol::wire::{
    Announce, Credit, Done, FromWorker, Hello, Lease, Outcomes, from_dispatcher, from_worker,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;

use super::Table;

const RECORD_BYTES: usize = 200;
const WORKERS: usize = 8;
const SLOTS: u32 = 64;
const PARTITIONS: i32 = 4;
const LIMIT: Duration = Duration::from_mins(2);

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    // The mock keeps 5 MB a partition, 25,000 records of 200 bytes.
    let records = match broker {
        Broker::Kafka(_) => 1_000_000,
        Broker::Mock(_) => 80_000,
    };
    let mut fleet = Fleet::new(broker, "leases", PARTITIONS, Vec::new())?;
    let record = vec![b'x'; RECORD_BYTES];
    fleet.topics.produce("leases", std::iter::repeat_n(record.as_slice(), records))?;

    fleet.start_dispatchers(1)?;
    fleet.wait_connected(0)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (start, before) = (wait::now(), fleet.dispatcher(0).1.cpu_seconds()?);
    for worker in 0..WORKERS {
        runtime.spawn(work(format!("scripted-{worker}"), format!("http://{}", fleet.dispatcher(0).0)));
    }
    fleet.wait_committed(LIMIT)?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), fleet.dispatcher(0).1.cpu_seconds()? - before);

    let per_second = records as f64 / seconds;
    let per_core = records as f64 / cpu;
    table.row(
        format!("dispatcher: leases, {WORKERS} workers x {SLOTS}, ledger kept"),
        format!("{per_second:.0}/s"),
        "",
    );
    table.row("dispatcher: leases per second of its own CPU", format!("{per_core:.0}/s"), ">= 100,000/s");
    table.ratio(format!("{:.0} % of a core while it ran", 100.0 * cpu / seconds));
    let resident = fleet.dispatcher(0).1.resident_mib()?;
    table.row("dispatcher: resident memory after that", format!("{resident:.1} MiB"), "<= 64 MiB");
    Ok(())
}

/// A worker whose work is nothing.
async fn work(worker_id: String, dispatcher: String) -> anyhow::Result<()> {
    let mut client = LeasesClient::connect(dispatcher).await?;
    let (send, receive) = tokio::sync::mpsc::channel(64);
    let say = |message| FromWorker { message: Some(message) };
    let hello = Hello { worker_id, slots: SLOTS, held: Some(Announce::default()) };
    send.send(say(from_worker::Message::Hello(hello))).await?;
    send.send(say(from_worker::Message::Credit(Credit { version: 1, leases: SLOTS }))).await?;
    let mut request = Request::new(ReceiverStream::new(receive));
    request.metadata_mut().insert("authorization", format!("Bearer {TOKEN}").parse()?);
    let mut frames = client.work(request).await?.into_inner();
    let mut sequence = 0;
    while let Some(frame) = frames.message().await? {
        if let Some(from_dispatcher::Message::Loans(loans)) = frame.message {
            sequence += 1;
            let done = loans.leases.into_iter().map(done).collect();
            let outcomes = Outcomes { sequence, done, ..Outcomes::default() };
            send.send(say(from_worker::Message::Outcomes(outcomes))).await?;
        }
    }
    Ok(())
}

fn done(lease: Lease) -> Done {
    Done { position: lease.position, results: 1, ..Done::default() }
}
