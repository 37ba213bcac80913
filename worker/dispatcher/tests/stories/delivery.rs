//! What a dispatcher does with records and workers, over real gRPC and an in-process broker.

use std::time::Duration;

use imagejob_protocol::headers;
use imagejob_protocol::wire::from_worker::Message as Out;
use imagejob_protocol::wire::leases_client::LeasesClient;
use imagejob_protocol::wire::{self, FailureClass};

use crate::harness::{
    Broker, DEAD_LETTERS, Dispatcher, FAILURES, GROUP, TOPIC, Worker, authorized, offset, offsets, settings, value,
};

fn photos(count: i64) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("photo-{n}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_committed_and_what_is_not_done_is_not() {
    let broker = Broker::start(1);
    broker.produce(0, photos(10)).await;
    let dispatcher = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut worker = dispatcher.dial("w1", 4).await;
    assert_eq!(worker.welcome.dispatcher_id, "d1");
    worker.credit(4).await;

    let leases = worker.next_leases(4).await;
    assert_eq!(offsets(&leases), [0, 1, 2, 3]);
    assert_eq!(value(&leases[2]), "photo-2");
    assert_eq!((leases[0].attempt, leases[0].losses, leases[0].interval_ms), (1, 0, 10_000));

    // The second half is done, the first is not: the commit stays, the ledger knows.
    let sequence = worker.done(&leases[2..]).await;
    let ledger = broker.wait_committed(0, 0, 2).await;
    assert!(ledger.window.is_finished(2) && ledger.window.is_finished(3));
    worker.until("word that this is durable", |worker| worker.durable >= sequence).await;

    let more = worker.next_leases(2).await;
    worker.done(&leases[..2]).await;
    worker.done(&more).await;
    let rest = worker.next_leases(4).await;
    worker.done(&rest).await;
    broker.wait_committed(0, 10, 0).await;
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_are_never_exceeded() {
    let broker = Broker::start(3);
    for partition in 0..3 {
        broker.produce(partition, photos(50)).await;
    }
    let dispatcher = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut worker = dispatcher.dial("w1", 8).await;
    worker.credit(5).await;
    let mut held = worker.next_leases(5).await;
    held.extend(worker.leases_within(Duration::from_millis(300)).await);
    assert_eq!(held.len(), 5);

    // Lowered credit holds from its acknowledgement on.
    worker.credit(3).await;
    worker.until("the acknowledgement", |worker| worker.acknowledged == 2).await;
    let ended: Vec<_> = held.drain(..2).collect();
    worker.done(&ended).await;
    held.extend(worker.leases_within(Duration::from_millis(300)).await);
    assert_eq!(held.len(), 3);

    worker.credit(4).await;
    held.extend(worker.next_leases(1).await);
    held.extend(worker.leases_within(Duration::from_millis(300)).await);
    assert_eq!(held.len(), 4);
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transient_failure_is_tried_again_and_a_permanent_one_is_dead_lettered() {
    let broker = Broker::start(1);
    broker.produce(0, photos(3)).await;
    let dispatcher = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut worker = dispatcher.dial("w1", 3).await;
    worker.credit(3).await;
    let leases = worker.next_leases(3).await;
    worker.done(&leases[..1]).await;
    worker.fail(&leases[1], FailureClass::Transient, "ObjectMissing").await;
    worker.fail(&leases[2], FailureClass::Permanent, "TruncatedImage").await;

    let again = worker.next_lease().await;
    assert_eq!((offset(&again), again.attempt), (1, 2));
    worker.done(&[again]).await;
    broker.wait_committed(0, 3, 0).await;

    let letter = &broker.read(DEAD_LETTERS, 1)[0];
    assert_eq!(letter.value, "photo-2");
    for (header, value) in [
        (headers::TOPIC, TOPIC),
        (headers::PARTITION, "0"),
        (headers::OFFSET, "2"),
        (headers::GROUP, GROUP),
        (headers::CLASS, "Permanent"),
        (headers::REASON, "TruncatedImage"),
        (headers::MESSAGE, "TruncatedImage happened"),
        (headers::FAILURES, "1"),
        (headers::LOSSES, "0"),
    ] {
        assert_eq!(letter.header(header), value, "{header}");
    }
    let event = &broker.read(FAILURES, 1)[0];
    assert_eq!(event.header("ce_type"), "dev.imagejob.item.failed.v1");
    assert_eq!(event.header("ce_sourceoffset"), "2");
    assert!(event.value.contains("\"reason\":\"TruncatedImage\""), "{}", event.value);
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_limited_and_survive_a_restart() {
    let broker = Broker::start(1);
    broker.produce(0, photos(1)).await;
    let first = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut worker = first.dial("w1", 1).await;
    worker.credit(1).await;
    let lease = worker.next_lease().await;
    worker.fail(&lease, FailureClass::Transient, "StoreUnavailable").await;
    let lease = worker.next_lease().await;
    assert_eq!(lease.attempt, 2);
    worker.fail(&lease, FailureClass::Transient, "StoreUnavailable").await;
    let lease = worker.next_lease().await;
    assert_eq!(lease.attempt, 3);
    let returned = vec![lease.position.unwrap()];
    worker.outcomes(wire::Outcomes { returned, ..wire::Outcomes::default() }).await;
    drop(worker);
    first.stop().await;

    let second = Dispatcher::start("d2", settings(&broker.address())).await;
    let mut worker = second.dial("w2", 1).await;
    worker.credit(1).await;
    let lease = worker.next_lease().await;
    assert_eq!(lease.attempt, 3, "two failures are remembered, the return is none");
    worker.fail(&lease, FailureClass::Transient, "StoreUnavailable").await;
    broker.wait_committed(0, 1, 0).await;
    let letter = &broker.read(DEAD_LETTERS, 1)[0];
    assert_eq!(letter.header(headers::FAILURES), "3");
    assert_eq!(letter.header(headers::CLASS), "Transient");
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_workers_records_go_to_another_after_the_grace() {
    let broker = Broker::start(1);
    broker.produce(0, photos(2)).await;
    let dispatcher = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut first = dispatcher.dial("w1", 2).await;
    first.credit(2).await;
    let leases = first.next_leases(2).await;
    first.done(&leases[..1]).await;
    first.until("word that this is durable", |worker| worker.durable == 1).await;

    let mut second = dispatcher.dial("w2", 2).await;
    second.credit(2).await;
    drop(first);
    let during_grace = second.leases_within(Duration::from_secs(2)).await;
    assert!(during_grace.is_empty(), "{during_grace:?}");
    let lease = second.next_lease().await;
    assert_eq!((offset(&lease), lease.attempt, lease.losses), (1, 1, 1));
    second.done(&[lease]).await;
    broker.wait_committed(0, 2, 0).await;
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_comes_back_within_the_grace_keeps_what_it_has() {
    let broker = Broker::start(1);
    broker.produce(0, photos(2)).await;
    let dispatcher = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut worker = dispatcher.dial("w1", 2).await;
    worker.credit(2).await;
    let leases = worker.next_leases(2).await;
    drop(worker);

    // It knows of the first lease; the second was lost on the way and is free at once.
    let in_progress = vec![leases[0].position.clone().unwrap()];
    let held = wire::Announce { in_progress, finished: Vec::new() };
    let mut worker = Worker::dial(&dispatcher, "w1", 2, held).await;
    worker.credit(1).await;
    let again = worker.next_lease().await;
    assert_eq!((offset(&again), again.losses), (1, 0), "nobody's fault");
    worker.done(&[leases[0].clone(), again]).await;
    broker.wait_committed(0, 2, 0).await;
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stream_of_a_worker_that_is_connected_changes_nothing() {
    let broker = Broker::start(1);
    broker.produce(0, photos(2)).await;
    let dispatcher = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut worker = dispatcher.dial("w1", 1).await;
    worker.credit(1).await;
    let lease = worker.next_lease().await;
    // A worker that looks for more dispatchers meets the same one again and hangs up.
    let stray = dispatcher.dial("w1", 1).await;
    assert_eq!(stray.welcome.dispatcher_id, "d1");
    drop(stray);
    worker.done(&[lease]).await;
    let next = worker.next_lease().await;
    assert_eq!(offset(&next), 1);
    worker.done(&[next]).await;
    broker.wait_committed(0, 2, 0).await;
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_neither_finished_nor_announced_work_is_lent_again() {
    let broker = Broker::start(1);
    broker.produce(0, photos(5)).await;
    let first = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut worker = first.dial("w1", 4).await;
    worker.credit(4).await;
    let leases = worker.next_leases(4).await;
    worker.done(&leases[1..2]).await;
    broker.wait_committed(0, 0, 1).await;
    first.stop().await;

    // 0 is in progress, 1 is in the ledger, 2 was finished while no dispatcher was there, 3 is unknown.
    let at = |n: usize| leases[n].position.clone().unwrap();
    let held = wire::Announce { in_progress: vec![at(0)], finished: vec![at(2)] };
    let second = Dispatcher::start("d2", settings(&broker.address())).await;
    let mut worker = Worker::dial(&second, "w1", 4, held).await;
    worker.credit(3).await;
    let mut lent = worker.next_leases(2).await;
    assert_eq!(offsets(&lent), [3, 4]);
    lent.push(leases[0].clone());
    worker.held = wire::Announce::default();
    worker.done(&lent).await;
    broker.wait_committed(0, 5, 0).await;
    let mut watch = second.watch().await;
    let report = watch.until("all done", |report| report.partitions[0].base == 5).await;
    let work = report.work.unwrap();
    assert_eq!((work.done, work.duplicates, work.lost), (3, 0, 0));
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_worker_costs_nothing() {
    let broker = Broker::start(1);
    broker.produce(0, photos(2)).await;
    let dispatcher = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut leaving = dispatcher.dial("w1", 2).await;
    leaving.credit(2).await;
    let leases = leaving.next_leases(2).await;
    leaving.say(Out::Drain(wire::Drain {})).await;
    let returned = leases.iter().map(|lease| lease.position.clone().unwrap()).collect();
    leaving.outcomes(wire::Outcomes { returned, ..wire::Outcomes::default() }).await;

    let mut staying = dispatcher.dial("w2", 2).await;
    staying.credit(2).await;
    let leases = staying.next_leases(2).await;
    assert!(leases.iter().all(|lease| lease.attempt == 1 && lease.losses == 0));
    assert_eq!(leaving.leases_within(Duration::from_millis(200)).await.len(), 0);
    staying.done(&leases).await;
    broker.wait_committed(0, 2, 0).await;
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_the_backlog_and_tells_the_number_of_dispatchers() {
    let broker = Broker::start(2);
    broker.produce(0, photos(30)).await;
    let dispatcher = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut watch = dispatcher.watch().await;
    let held = |report: &wire::Report| report.partitions.iter().map(|p| p.waiting).sum::<u64>() == 30;
    let report = watch.until("both partitions and the backlog", held).await;
    assert_eq!(report.dispatcher_id, "d1");
    assert_eq!(report.topics[0].partitions, 2);
    assert!(report.problems.is_empty(), "{:?}", report.problems);

    let mut worker = dispatcher.dial("w1", 4).await;
    worker.credit(4).await;
    let leases = worker.next_leases(4).await;
    let lent = |report: &wire::Report| report.partitions[0].in_flight == 4;
    let report = watch.until("loans", lent).await;
    let partition = &report.partitions[0];
    assert_eq!((partition.end_offset, partition.base, partition.waiting), (30, 0, 26));
    assert_eq!((report.workers[0].worker_id.as_str(), report.workers[0].busy), ("w1", 4));

    worker.done(&leases).await;
    let report = watch.until("four done", |report| report.partitions[0].base == 4).await;
    let work = report.work.unwrap();
    assert_eq!((work.done, work.duplicates, work.recent.unwrap().samples), (4, 0, 4));

    watch.controls.send(wire::Control { peers_expected: 3, ..wire::Control::default() }).await.unwrap();
    worker.until("the number of dispatchers", |worker| worker.welcome.peers_expected == 3).await;

    broker.produce(1, photos(5)).await;
    watch.until("new records", |report| report.partitions[1].end_offset == 5).await;
    let metrics = dispatcher.get("/metrics").await;
    assert!(
        metrics.contains("imagejob_finished_records_total{namespace=\"media\",job=\"posters\",outcome=\"Done\"} 4")
    );
    assert!(dispatcher.get("/readyz").await.starts_with("HTTP/1.1 200"));
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lacks_the_token_is_turned_away() {
    let broker = Broker::start(1);
    let dispatcher = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut client = LeasesClient::new(dispatcher.channel().await);
    let refused = client.work(authorized(tokio_stream::empty(), "guessed")).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_broker_is_named() {
    let broker = Broker::start(1);
    let mut missing = settings(&broker.address());
    missing.topics = vec!["posters".to_owned()];
    broker.forget_topic("posters");
    for (settings, reason) in [(missing, "TopicMissing"), (settings("127.0.0.1:9"), "BrokerUnreachable")] {
        let dispatcher = Dispatcher::start("d1", settings).await;
        let mut watch = dispatcher.watch().await;
        let named = |report: &wire::Report| report.problems.iter().any(|problem| problem.reason == reason);
        watch.until(reason, named).await;
        let answer = dispatcher.get("/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains(reason), "{answer}");
        dispatcher.stop().await;
    }
}

/// The operator can only be as quick as this. Without workers the backlog grows from burst to burst, so that
/// queues that are full of unread records ring no bell.
#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_methods, reason = "real time is what is measured")]
async fn a_burst_is_reported_soon_at_rest_and_on_top_of_a_backlog() {
    const BURSTS: usize = 30;
    let broker = Broker::start(2);
    let dispatcher = Dispatcher::start("d1", settings(&broker.address())).await;
    let mut watch = dispatcher.watch().await;
    watch.until("both partitions", |report| report.partitions.len() == 2).await;
    let (mut end, mut millis) = (0, Vec::new());
    for burst in 0..BURSTS {
        // 37 ms and 1,000 ms have no common factor, so bursts meet every phase of every timer.
        watch.listen_for(Duration::from_millis(400 + 37 * burst as u64)).await;
        broker.produce(0, photos(100)).await;
        end += 100;
        let appended = std::time::Instant::now();
        watch.until("the burst", |report| report.partitions[0].end_offset == end).await;
        millis.push(appended.elapsed().as_millis());
    }
    let raw = millis.clone();
    millis.sort_unstable();
    let (p50, p99) = (millis[BURSTS / 2], millis[BURSTS - 1]);
    println!("append -> report: p50 {p50} ms, p99 {p99} ms of {BURSTS} bursts: {raw:?}");
    assert!(p50 <= 300, "{raw:?}");
    dispatcher.stop().await;
}
