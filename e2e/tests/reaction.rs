//! M3, how fast a decision follows the broker: from the moment before a burst is sent to the
//! decision that wants workers for it, 50 times, through everything that `imagejob dev` runs.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::dev::{Decision, Dev};
use imagejob_e2e::handler::Handler;
use imagejob_e2e::topics::{Sender, Topics};
use imagejob_e2e::wait::{self, percentile};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const BURSTS: usize = 50;
const RECORDS: usize = 20;
const LIMIT: Duration = Duration::from_secs(30);
/// Bursts come this much after rest, at most, so that they meet every phase of every timer.
const PHASE: Duration = Duration::from_millis(500);

fn job(handler: &Handler) -> String {
    format!(
        "
apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {{name: reaction}}
spec:
  source: {{kafka: {{bootstrapServers: '127.0.0.1:9092', topics: [bursts]}}}}
  storage: {{type: FileSystem, path: /data, buckets: [photos]}}
  steps:
  - {{name: own, handler: {{port: {}, path: /invoke}}}}
  results: {{topic: bursts-results}}
  scaling: {{policyRef: {{name: quick}}, maxReplicas: 2}}
---
apiVersion: imagejob.dev/v1alpha1
kind: ScalePolicy
metadata: {{name: quick}}
spec:
  behavior: {{scaleDownStabilizationSeconds: 1}}
",
        handler.port()
    )
}

#[test]
fn m3_a_decision_follows_the_end_offset() {
    let broker = Broker::start().unwrap();
    for topic in ["bursts", "bursts-results", "bursts.dlq"] {
        broker.create_topic(topic, 3).unwrap();
    }
    let handler = Handler::start(Duration::from_millis(20)).unwrap();
    let mut dev = Dev::start(&broker, &job(&handler), "photos", &[("any.jpg", &[0xff, 0xd8])]).unwrap();
    let sender = Sender::new(&broker.bootstrap(), "bursts", 3).unwrap();
    let seed: u64 = std::env::var("SEED").map_or(2026, |seed| seed.parse().unwrap());
    println!("{}: SEED={seed} decides when bursts come", broker.name());
    let mut chance = StdRng::seed_from_u64(seed);

    let mut reactions = Vec::new();
    for _ in 0..BURSTS {
        // Not the very first zero: that one says that no dispatcher has spoken yet.
        let at_rest = |last: &Decision| last.replicas == 0 && last.reason == "AtRest";
        wait_for_decision(&mut dev, "rest", |decisions| decisions.last().is_some_and(at_rest));
        let (rest, phase) = (wait::now(), chance.random_range(Duration::ZERO..PHASE));
        wait::until(LIMIT, || "time passes".into(), || rest.elapsed() >= phase);
        let sent = wait::wall_clock();
        sender.send(std::iter::repeat_n(br#"{"bucket":"photos","key":"any.jpg"}"#.as_slice(), RECORDS)).unwrap();
        let wants_workers = |decision: &Decision| decision.at >= sent && decision.replicas > 0;
        let decisions = wait_for_decision(&mut dev, "workers", |decisions| decisions.iter().any(wants_workers));
        let decided = decisions.into_iter().find(wants_workers).unwrap();
        assert!(decided.waiting > 0, "{decided:?} is for records that wait");
        reactions.push(since(sent, decided.at));
    }
    reactions.sort_unstable();
    let (p50, p99) = (percentile(&reactions, 50), percentile(&reactions, 99));
    println!("M3 {}: {BURSTS} bursts, send -> decision p50 {p50:.0?}, p99 {p99:.0?}", broker.name());
    assert!(p50 <= Duration::from_millis(500), "p50 {p50:?}; 0.5 s promised");
    assert!(p99 <= Duration::from_secs(2), "p99 {p99:?}; 2 s promised");

    let topics = Topics::new(&broker.bootstrap()).unwrap();
    let results = || topics.count("bursts-results").unwrap();
    wait::until(LIMIT, || format!("{} results", results()), || results() >= BURSTS * RECORDS);
}

fn since(start: Timestamp, end: Timestamp) -> Duration {
    end.duration_since(start).try_into().unwrap()
}

/// Waits until `condition` holds for the decisions so far, and gives them.
fn wait_for_decision(dev: &mut Dev, what: &str, condition: impl Fn(&[Decision]) -> bool) -> Vec<Decision> {
    let last = || format!("no decision for {what}; the last is {:?}", dev.decisions().unwrap().last());
    wait::until(LIMIT, last, || condition(&dev.decisions().unwrap()));
    assert!(dev.is_running(), "imagejob dev ended");
    dev.decisions().unwrap()
}
