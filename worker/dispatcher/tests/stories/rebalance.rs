//! What happens to records and workers when partitions move between dispatchers.

use std::time::Duration;

use imagejob_protocol::wire;

use crate::harness::{Broker, Dispatcher, Watch, Worker, offsets, settings};

fn photos(count: i64) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("photo-{n}"))
}

async fn wait_for_partitions(watch: &mut Watch, count: usize) -> Vec<i32> {
    let report = watch.until("partitions", |report| report.partitions.len() == count).await;
    report.partitions.iter().map(|partition| partition.partition).collect()
}

fn of_partition(leases: &[wire::Lease], partition: i32) -> Vec<wire::Lease> {
    let here = |lease: &&wire::Lease| lease.position.as_ref().unwrap().partition == partition;
    leases.iter().filter(here).cloned().collect()
}

fn positions(leases: &[wire::Lease]) -> Vec<wire::Position> {
    leases.iter().map(|lease| lease.position.clone().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_moves_takes_its_ledger_along_and_leaves_work_in_progress_alone() {
    let broker = Broker::start(2);
    for partition in 0..2 {
        broker.produce(partition, photos(3)).await;
    }
    let first = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut at_first = first.dial("w1", 6).await;
    at_first.credit(6).await;
    let leases = at_first.next_leases(6).await;
    let (done, working): (Vec<_>, Vec<_>) =
        leases.into_iter().partition(|lease| lease.position.as_ref().unwrap().offset == 1);
    at_first.done(&done).await;
    at_first.until("word that this is durable", |worker| worker.durable == 1).await;

    // The new dispatcher gets one of the two partitions. 0 and 2 of it are in progress, 1 is done.
    let second = Dispatcher::start("d2", settings(&broker.address())).await;
    let mut at_second =
        Worker::dial(&second, "w1", 6, wire::Announce { in_progress: positions(&working), finished: vec![] }).await;
    at_second.credit(6).await;
    let mut watch = second.watch().await;
    let moved = wait_for_partitions(&mut watch, 1).await[0];
    // Only now, so that the first dispatcher cannot have lent it already.
    broker.produce(moved, photos(1)).await;
    let lease = at_second.next_lease().await;
    assert_eq!(offsets(std::slice::from_ref(&lease)), [3]);
    assert!(at_second.leases_within(Duration::from_millis(300)).await.is_empty());

    // The outcomes of the work in progress go to whoever lent it. The new holder asks for them.
    at_first.done(&of_partition(&working, moved)).await;
    at_second.held = wire::Announce { in_progress: vec![], finished: positions(&working) };
    at_second.done(&[lease]).await;
    at_second.listen_while(broker.wait_committed(moved, 4, 0)).await;
    at_second.until("word that this is durable", |worker| worker.durable == 1).await;
    second.stop().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_that_stops_hands_over_at_once() {
    let broker = Broker::start(2);
    let first = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut watch = first.watch().await;
    wait_for_partitions(&mut watch, 2).await;
    let second = Dispatcher::start("d2", settings(&broker.address())).await;
    let mut watch = second.watch().await;
    wait_for_partitions(&mut watch, 1).await;

    for partition in 0..2 {
        broker.produce(partition, photos(3)).await;
    }
    let mut at_first = first.dial("w1", 3).await;
    at_first.credit(3).await;
    let leases = at_first.next_leases(3).await;
    at_first.done(&leases[..2]).await;
    first.stop().await;
    wait_for_partitions(&mut watch, 2).await;

    let mut worker = second.dial("w2", 8).await;
    worker.credit(8).await;
    let mut leases = worker.next_leases(4).await;
    leases.extend(worker.leases_within(Duration::from_millis(300)).await);
    assert_eq!(leases.len(), 4, "three of the own partition, the one that was not done of the other");
    worker.done(&leases).await;
    for partition in 0..2 {
        broker.wait_committed(partition, 3, 0).await;
    }
    second.stop().await;
}

#[test]
fn a_dispatcher_that_is_cut_off_in_the_middle_lets_go_of_its_consumer() {
    let broker = Broker::start(2);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let dispatcher = Dispatcher::start("d1", settings(&broker.address())).await;
        let mut watch = dispatcher.watch().await;
        wait_for_partitions(&mut watch, 2).await;
        // Nobody stops it: its tasks are dropped with the runtime, as a panic would drop them.
        std::mem::forget(dispatcher);
    });
    let (gone, wait) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        drop(runtime);
        gone.send(()).unwrap();
    });
    wait.recv_timeout(Duration::from_secs(30)).expect("the consumer closes within 30 s");
}
