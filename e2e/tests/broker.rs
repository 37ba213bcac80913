//! The harness itself against a broker: what is produced is read back, and nothing outlives a test.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::topics::Topics;
use imagejob_e2e::wait;

#[test]
fn what_is_produced_is_read_back() {
    let broker = Broker::start().unwrap();
    broker.create_topic("numbers", 3).unwrap();
    let topics = Topics::new(&broker.bootstrap()).unwrap();
    let values: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
    topics.produce("numbers", values.iter().map(String::as_bytes)).unwrap();

    assert_eq!(topics.ends("numbers").unwrap(), BTreeMap::from([(0, 334), (1, 333), (2, 333)]));
    assert_eq!(topics.committed("nobody", "numbers").unwrap(), BTreeMap::new());
    let mut read: Vec<u32> = topics
        .read("numbers")
        .unwrap()
        .iter()
        .map(|message| std::str::from_utf8(rdkafka::Message::payload(message).unwrap()).unwrap().parse().unwrap())
        .collect();
    read.sort_unstable();
    assert_eq!(read, (0..1_000).collect::<Vec<_>>());
}

#[test]
fn a_broker_ends_with_its_value() {
    let broker = Broker::start().unwrap();
    let address = broker.bootstrap();
    assert!(TcpStream::connect(&address).is_ok(), "{address} answers while the broker lives");
    drop(broker);
    let gone = || TcpStream::connect(&address).is_err();
    wait::until(Duration::from_secs(5), || format!("{address} still answers"), gone);
}
