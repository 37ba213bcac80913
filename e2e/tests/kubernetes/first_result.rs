//! From rest to the first result, and back to nothing.

use std::time::{Duration, Instant};

use imagejob_e2e::kube::kubectl::eventually;
use imagejob_e2e::kube::world::{JOB, is_ready};
use imagejob_e2e::wait;
use serde_json::Value;

use crate::stand::{SOON, stand};

/// FC7 and FC1: a job at rest has one dispatcher and no worker; the first photo after that has its
/// result within 10 s, and the phases of the way are printed.
#[test]
fn fc7_the_first_photo_after_rest_has_its_result_within_10_s() {
    let world = stand().world("first-result", 3);
    world.apply(&world.job()).unwrap();
    let sentence = world.wait_condition(SOON, "Ready", "True", "Working");
    println!("at rest: {sentence}");
    assert_eq!(world.pods("worker").unwrap().len(), 0, "nothing waits, so no worker runs");

    let sent = wait::now();
    world.produce(1).unwrap();
    let mut phases = Phases { sent, reached: Vec::new() };
    while phases.reached.last().is_none_or(|(phase, _)| *phase != "result") {
        assert!(sent.elapsed() < SOON, "no result; {phases:?}");
        let pods = world.pods("worker").unwrap();
        let ended = world.ended().unwrap() > 0;
        phases.look(pods.first(), ended);
    }
    println!("FC1 phases of the first photo after rest: {phases:?}");
    assert!(sent.elapsed() <= Duration::from_secs(10), "{phases:?}; 10 s are promised");

    world.wait_workers(SOON, "no worker is left", |workers| workers == 0);
    let account = world.close().unwrap();
    assert!(account.is_sound() && account.duplicates == 0, "{account}");
}

/// Deleting a job takes along everything that was made for it.
#[test]
fn a_deleted_job_leaves_nothing_behind() {
    let world = stand().world("deleted", 1);
    world.apply(&world.job()).unwrap();
    world.produce(5).unwrap();
    world.wait_ended(5);
    let kinds = "deployments,services,configmaps,secrets,poddisruptionbudgets,serviceaccounts,networkpolicies,pods";
    let made = || world.kube.list(&world.namespace, kinds, &format!("imagejob.dev/job={JOB}"));
    assert!(made().unwrap().len() >= 7, "the job's objects carry its label");
    world.kube.run(&["-n", &world.namespace, "delete", "imagejob", JOB]).unwrap();
    eventually(SOON, "everything of the job is gone", || {
        let left = made()?;
        let names = left.iter().map(|o| format!("{}/{}", o["kind"], o["metadata"]["name"])).collect::<Vec<_>>();
        anyhow::ensure!(left.is_empty(), "left: {names:?}");
        Ok(Some(()))
    });
}

/// When each phase was first seen, from the photo's address being sent.
struct Phases {
    sent: Instant,
    reached: Vec<(&'static str, Duration)>,
}

impl Phases {
    fn look(&mut self, worker: Option<&Value>, ended: bool) {
        let condition = |kind: &str| {
            let all = worker.and_then(|pod| pod["status"]["conditions"].as_array());
            all.is_some_and(|all| all.iter().any(|c| c["type"] == kind && c["status"] == "True"))
        };
        let started = worker.is_some_and(|pod| !pod["status"]["containerStatuses"][0]["state"]["running"].is_null());
        let now = [
            ("pod", worker.is_some()),
            ("scheduled", condition("PodScheduled")),
            ("started", started),
            ("ready", worker.is_some_and(is_ready)),
            ("result", ended),
        ];
        for (phase, is_reached) in now {
            if is_reached && self.reached.iter().all(|(known, _)| *known != phase) {
                self.reached.push((phase, self.sent.elapsed()));
            }
        }
    }
}

impl std::fmt::Debug for Phases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (phase, after) in &self.reached {
            write!(f, "{phase} {:.1} s  ", after.as_secs_f64())?;
        }
        Ok(())
    }
}
