//! The same work by a plain consumer group, as it is written everywhere: one record at a time for each
//! partition, and with a pool of as many threads as our workers have slots.
//!
//! The rival is favoured. It runs inside the bench, without processes or handlers, it never commits, and
//! its pool waits for no straggler, which a real one has to if it wants to lose nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::table::Table;
use imagejob_e2e::topics::Topics;
use imagejob_e2e::wait;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use rdkafka::{ClientConfig, Message as _};
use tokio::sync::Semaphore;

use super::load;
use super::stand::{LIMIT, PARTITIONS, SLOTS, Stand};

const WORKERS: [usize; 4] = [1, 4, 16, 64];
const MEAN: Duration = Duration::from_millis(200);
/// How long results are counted, after as long for everybody to get going.
const WINDOW: Duration = Duration::from_secs(8);

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    for workers in WORKERS {
        let ours = ours(broker, workers)?;
        // One thread for each partition, however few processes they are spread over.
        let plain = group(broker, &format!("plain-{workers}"), workers.max(PARTITIONS as usize), 1)?;
        let pool = group(broker, &format!("pool-{workers}"), workers, SLOTS as usize)?;
        table.row(
            format!("{workers} workers x {SLOTS} slots, {PARTITIONS} partitions, 200 ms"),
            format!("{ours:.0}/s"),
            "",
        );
        table.ratio(format!(
            "x {:.1} a consumer group ({plain:.0}/s), x {:.1} one with pools of {SLOTS} ({pool:.0}/s)",
            ours / plain,
            ours / pool
        ));
    }
    Ok(())
}

/// Work for longer than anybody is watched.
fn backlog(workers: usize) -> anyhow::Result<Vec<String>> {
    let count = workers.max(PARTITIONS as usize) * SLOTS as usize * 5 * 4 * WINDOW.as_secs() as usize;
    Ok(load::records(&load::log_normal(count, MEAN)?))
}

fn ours(broker: &Broker, workers: usize) -> anyhow::Result<f64> {
    let name = format!("ours-{workers}");
    let stand = Stand::start(broker, &name, workers)?;
    stand.produce(backlog(workers)?.iter())?;
    rate(&stand.fleet.topics, &stand.fleet.working.result_topic)
}

/// Results a second, once they come.
fn rate(topics: &Topics, results: &str) -> anyhow::Result<f64> {
    let count = || topics.count(results).unwrap_or_default();
    wait::until(LIMIT, || "no result yet".into(), || count() > 0);
    let began = wait::now();
    wait::until(LIMIT, String::new, || began.elapsed() >= WINDOW);
    let (before, from) = (topics.count(results)?, wait::now());
    wait::until(LIMIT, String::new, || from.elapsed() >= WINDOW);
    Ok((topics.count(results)? - before) as f64 / from.elapsed().as_secs_f64())
}

/// A consumer group whose members work on so many records at once each.
fn group(broker: &Broker, name: &str, members: usize, at_once: usize) -> anyhow::Result<f64> {
    let results = format!("{name}-results");
    broker.create_topic(name, PARTITIONS)?;
    broker.create_topic(&results, PARTITIONS)?;
    let topics = Topics::new(&broker.bootstrap())?;
    topics.produce(name, backlog(members)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (bootstrap, over) = (broker.bootstrap(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let members: Vec<_> = (0..members)
            .map(|_| {
                let member = || member(&bootstrap, name, &results, at_once, runtime.handle(), &over);
                scope.spawn(member)
            })
            .collect();
        let rate = rate(&topics, &results);
        over.store(true, Relaxed);
        for member in members {
            member.join().map_err(|_| anyhow::anyhow!("a member panicked"))??;
        }
        rate
    })
}

fn member(
    bootstrap: &str,
    topic: &str,
    results: &str,
    at_once: usize,
    runtime: &tokio::runtime::Handle,
    over: &AtomicBool,
) -> anyhow::Result<()> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    let producer: FutureProducer = config.clone().set("enable.idempotence", "true").set("linger.ms", "2").create()?;
    let consumer: BaseConsumer = config
        .set("group.id", format!("rival.{topic}"))
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()?;
    consumer.subscribe(&[topic])?;
    let slots = Arc::new(Semaphore::new(at_once));
    while !over.load(Relaxed) {
        let slot = runtime.block_on(Arc::clone(&slots).acquire_owned())?;
        let Some(record) = consumer.poll(Duration::from_millis(100)).transpose()? else { continue };
        let takes = takes(record.payload().unwrap_or_default()).unwrap_or_default();
        let (producer, results) = (producer.clone(), results.to_owned());
        runtime.spawn(async move {
            tokio::time::sleep(takes).await;
            let result = FutureRecord::<(), _>::to(&results).payload("{}");
            // A result that is refused counts as nothing.
            producer.send(result, Timeout::Never).await.ok();
            drop(slot);
        });
    }
    Ok(())
}

/// How long a record says that it takes.
fn takes(record: &[u8]) -> Option<Duration> {
    let record: serde_json::Value = serde_json::from_slice(record).ok()?;
    let (_, micros) = record["key"].as_str()?.split_once('/')?;
    Some(Duration::from_micros(micros.parse().ok()?))
}
