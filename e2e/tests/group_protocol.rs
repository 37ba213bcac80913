//! `spec.source.kafka.groupProtocol: Consumer` (KIP-848) on Apache Kafka: the broker shares the partitions among the
//! dispatchers, and they move in the middle of the work without a record lost or done twice.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::{Fleet, handler_step};
use imagejob_e2e::handler::Handler;
use imagejob_e2e::wait;
use imagejob_protocol::settings::GroupProtocol;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

const NAME: &str = "group-protocol";
const PARTITIONS: i32 = 4;
const WORKERS: usize = 3;
/// 3 workers x 8 slots do 480 a second. Members hear of a change with their next heartbeat, which the broker asks for
/// every five seconds: partitions move in the middle of the 20 s of work.
const RECORDS: usize = 10_000;
const WORK: Duration = Duration::from_millis(50);
const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn partitions_move_between_dispatchers_when_the_broker_shares_them_out() {
    let broker = Broker::kafka(1).unwrap();
    let handler = Handler::start(WORK).unwrap();
    let mut fleet = Fleet::new(&broker, NAME, PARTITIONS, vec![handler_step(&handler)]).unwrap();
    fleet.dispatching.group_protocol = GroupProtocol::Consumer;
    fleet.start_dispatchers(2).unwrap();
    fleet.start_workers(WORKERS).unwrap();
    until_held(&fleet, &[2, 2]);
    assert_eq!(classic_members(&broker, &fleet), 0, "the members are there, but not of a classic group");

    fleet.produce(RECORDS).unwrap();
    until_ended(&fleet, RECORDS / 8);
    assert!(fleet.stop_dispatcher(0).unwrap(), "it did not end well");
    until_held(&fleet, &[0, 4]);
    until_ended(&fleet, RECORDS / 4);
    fleet.start_dispatcher(0).unwrap();
    until_held(&fleet, &[2, 2]);
    assert!(fleet.ended().unwrap() < RECORDS, "they moved while there was work");

    fleet.wait_committed(LIMIT).unwrap();
    assert_eq!(fleet.stop().unwrap(), Vec::<String>::new(), "these did not end well");
    let account = fleet.account().unwrap();
    println!("{}, KIP-848: {account}", broker.name());
    assert!(account.is_sound() && account.duplicates == 0, "{account}");
    assert_eq!(account.succeeded, RECORDS);
}

/// Waits until the dispatchers hold so many partitions.
fn until_held(fleet: &Fleet, expected: &[usize]) {
    let held = || -> Vec<usize> {
        let partitions = |report: Result<imagejob_protocol::wire::Report, _>| report.map_or(0, |r| r.partitions.len());
        fleet.reports().into_iter().map(partitions).collect()
    };
    wait::until(LIMIT, || format!("{:?} of {expected:?} held", held()), || held() == expected);
}

fn until_ended(fleet: &Fleet, due: usize) {
    let ended = || fleet.ended().unwrap();
    wait::until(LIMIT, || format!("{} of {due} records ended", ended()), || ended() >= due);
}

/// Members of the group in the eyes of one who knows classic groups only.
fn classic_members(broker: &Broker, fleet: &Fleet) -> usize {
    let asker: BaseConsumer = ClientConfig::new().set("bootstrap.servers", broker.bootstrap()).create().unwrap();
    let group = &fleet.dispatching.consumer_group;
    let groups = asker.fetch_group_list(Some(group), Duration::from_secs(10)).unwrap();
    groups.groups().iter().filter(|found| found.name() == group).map(|found| found.members().len()).sum()
}
