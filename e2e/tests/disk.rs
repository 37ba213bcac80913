//! A broker whose disk fills up under a job.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use imagejob_e2e::broker::{Broker, Kafka};
use imagejob_e2e::fleet::{Fleet, handler_step};
use imagejob_e2e::handler::Handler;
use imagejob_e2e::story::{STALL, Story, skipped};
use imagejob_e2e::wait;
use imagejob_protocol::wire::Problem;

const RECORDS: usize = 4_000;
const WORKERS: usize = 2;
/// Work of one record; 2 workers x 8 slots do 320 records/s.
const WORK: Duration = Duration::from_millis(50);
/// Room for all topics of a story, MiB.
const DISK_MIB: u32 = 64;

/// Kafka gives up a folder that it cannot write to, and itself when that was its only one.
#[test]
fn nothing_is_lost_when_the_brokers_disk_is_full() {
    if skipped("has no disk") {
        return;
    }
    let Some(kafka) = Kafka::on_small_disks(1, DISK_MIB).unwrap() else {
        return eprintln!("SKIPPED: a disk that fills up needs the right to mount one (root)");
    };
    let mut broker = Broker::Kafka(kafka);
    let handler = Handler::start(WORK).unwrap();
    let mut fleet = Fleet::new(&broker, "disk", 3, vec![handler_step(&handler)]).unwrap();
    fleet.start_dispatchers(2).unwrap();
    fleet.start_workers(WORKERS).unwrap();
    fleet.wait_connected(WORKERS).unwrap();
    fleet.produce(RECORDS).unwrap();
    let story = Story::begin("disk", fleet, handler);
    story.goes_on(500);

    let Broker::Kafka(kafka) = &mut broker else { unreachable!("it was made of a real one") };
    kafka.fill_disk(1).unwrap();
    story.tell("the disk is full");
    wait::until(STALL, || format!("{:#?}", story.fleet.reports()), || !problems(&story).is_empty());
    for problem in problems(&story) {
        story.tell(&format!("{}: {}", problem.reason, problem.message));
    }
    // Whether it has ended by itself or only stopped to write, it comes back with room.
    story.tell(if kafka.kill_broker(1).is_ok() { "the broker still ran" } else { "the broker had ended" });
    kafka.clear_disk(1).unwrap();
    kafka.start_broker(1).unwrap();
    story.tell("there is room, and the broker is back");
    story.goes_on(500);
    wait::until(STALL, || format!("{:#?}", problems(&story)), || problems(&story).is_empty());
    story.end();
}

fn problems(story: &Story) -> Vec<Problem> {
    story.fleet.reports().into_iter().flatten().flat_map(|report| report.problems).collect()
}
