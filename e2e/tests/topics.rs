//! Topics that change under a job: one that gets more partitions, and one that is deleted and made anew.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use imagejob_e2e::account::{Account, Outcome};
use imagejob_e2e::admin::Admin;
use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::{BUCKET, Fleet, handler_step};
use imagejob_e2e::handler::Handler;
use imagejob_e2e::story::{STALL, Story, skipped};
use imagejob_e2e::topics::result;
use imagejob_e2e::wait;
use imagejob_protocol::events::ItemBody;
use rdkafka::Message as _;

const PARTITIONS: i32 = 3;
/// Work of one record.
const WORK: Duration = Duration::from_millis(20);

#[test]
fn a_topic_that_grows_is_read_to_its_new_ends() {
    if skipped("has topics that stay as they are") {
        return;
    }
    let broker = Broker::start().unwrap();
    let handler = Handler::start(WORK).unwrap();
    let mut fleet = Fleet::new(&broker, "growing", PARTITIONS, vec![handler_step(&handler)]).unwrap();
    fleet.start_dispatchers(2).unwrap();
    fleet.start_workers(2).unwrap();
    fleet.wait_connected(2).unwrap();
    fleet.produce(3_000).unwrap();
    let story = Story::begin("growing", fleet, handler);
    story.goes_on(500);

    Admin::new(&broker.bootstrap()).unwrap().grow("growing", 2 * PARTITIONS as usize).unwrap();
    // Before anybody reads the new ones, so that what comes first is not passed over.
    story.fleet.produce(600).unwrap();
    story.tell("there are twice as many partitions");
    let grown = wait::now();
    story.fleet.wait_connected(2).unwrap();
    println!("growing: the new partitions are held after {:.1} s", grown.elapsed().as_secs_f64());
    story.fleet.produce(600).unwrap();
    assert_eq!(story.end().records, 4_200);
}

#[test]
fn a_topic_that_was_made_anew_while_nobody_ran_is_read_from_its_beginning() {
    if skipped("keeps its topics") {
        return;
    }
    made_anew("anew-at-rest", |fleet, remake| {
        assert_eq!(fleet.stop().unwrap(), Vec::<String>::new());
        remake();
        fleet.start_dispatchers(2).unwrap();
        fleet.start_workers(2).unwrap();
    });
}

#[test]
fn a_topic_that_was_made_anew_under_a_running_job_is_read_from_its_beginning() {
    if skipped("keeps its topics") {
        return;
    }
    made_anew("anew-at-work", |_, remake| remake());
}

/// The first topic of a name is finished; the second of that name is twice as long, so that every offset that was
/// committed for the first is one of the second too.
fn made_anew(name: &str, live_through: impl FnOnce(&mut Fleet, &dyn Fn())) {
    const FIRST: usize = 600;
    const SECOND: usize = 1_200;
    let broker = Broker::start().unwrap();
    let handler = Handler::start(WORK).unwrap();
    let mut fleet = Fleet::new(&broker, name, PARTITIONS, vec![handler_step(&handler)]).unwrap();
    std::fs::write(fleet.objects().join("new.jpg"), [0xff, 0xd8, 0xff, 0xe0]).unwrap();
    fleet.start_dispatchers(2).unwrap();
    fleet.start_workers(2).unwrap();
    fleet.produce(FIRST).unwrap();
    fleet.wait_committed(STALL).unwrap();

    let record = serde_json::json!({ "bucket": BUCKET, "key": "new.jpg" }).to_string();
    let bootstrap = broker.bootstrap();
    live_through(&mut fleet, &|| {
        let admin = Admin::new(&bootstrap).unwrap();
        admin.delete(name).unwrap();
        admin.create(name, PARTITIONS).unwrap();
        let topics = imagejob_e2e::topics::Topics::new(&bootstrap).unwrap();
        wait::until(STALL, || "the topic is not there".into(), || topics.partitions(name).is_ok());
        topics.produce(name, std::iter::repeat_n(record.as_bytes(), SECOND)).unwrap();
    });
    let begun = wait::now();
    let account = || account_of_new(&fleet);
    wait::until(STALL, || format!("{}", account()), || account().lost.is_empty());
    println!("{name}: {}; {:.1} s", account(), begun.elapsed().as_secs_f64());
    fleet.wait_committed(STALL).unwrap();
    assert!(account().is_sound(), "{}", account());
}

/// The books of the records that name the new object.
fn account_of_new(fleet: &Fleet) -> Account {
    let is_new = |body: &ItemBody| body.object.key == "new.jpg";
    let of_new: Vec<Outcome> = fleet
        .topics
        .read(&fleet.working.result_topic)
        .unwrap()
        .iter()
        .filter(|message| is_new(&serde_json::from_slice(message.payload().unwrap()).unwrap()))
        .map(|message| result(message).unwrap())
        .collect();
    let ends: BTreeMap<_, _> = fleet.topics.ends(&fleet.dispatching.topics[0]).unwrap();
    Account::of(&ends, &of_new)
}
