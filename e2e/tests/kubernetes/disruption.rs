//! Whatever dies in the middle, nothing is lost and the job finds its way back.

use std::time::Duration;

use imagejob_e2e::kube::crash::crash;
use imagejob_e2e::kube::kubectl::eventually;
use imagejob_e2e::kube::world::{JOB, OPERATOR_NAMESPACE};
use imagejob_e2e::kube::{Kube, World};
use imagejob_e2e::wait;
use serde_json::Value;

use crate::stand::{SOON, stand};

/// Enough for some 20 s of work on two busy cores.
const RECORDS: usize = 6_000;

/// The API server restarts, the kubelet restarts, and operator, dispatcher and workers are killed
/// while 6,000 photos are being looked at.
#[test]
fn m2_nothing_is_lost_when_parts_of_the_cluster_die() {
    let world = stand().world("killed", 3);
    let mut job = world.job();
    job["spec"]["dispatcher"]["replicas"] = 2.into();
    world.apply(&job).unwrap();
    world.wait_condition(SOON, "Ready", "True", "Working");
    world.produce(RECORDS).unwrap();
    let disruptions: [(usize, &str, &dyn Fn()); 5] = [
        (500, "both operators are killed", &|| crash_operators(world.kube)),
        (1_500, "a worker is killed", &|| crash_one(&world, "worker")),
        (2_500, "the API server restarts", &|| world.kube.provider(&["restart", "kube-apiserver"]).unwrap()),
        (3_500, "a dispatcher is killed", &|| crash_one(&world, "dispatcher")),
        (4_500, "the kubelet restarts", &|| world.kube.provider(&["restart", "kubelet"]).unwrap()),
    ];
    for (due, what, disrupt) in disruptions {
        world.wait_ended(due);
        println!("{} records ended: {what}", world.ended().unwrap());
        disrupt();
    }
    world.wait_ended(RECORDS);
    let account = world.close().unwrap();
    println!("killed parts: {account}");
    assert!(account.is_sound(), "{account}");
    world.wait_condition(SOON, "Ready", "True", "Working");
    world.wait_workers(SOON + SOON, "no worker is left", |workers| workers == 0);
}

/// The data plane does not need the API server: results keep coming while it is away for a minute,
/// and 10 s after its return the status is right.
#[test]
fn workers_keep_working_while_the_api_server_is_away() {
    let away = Duration::from_mins(1);
    let world = stand().world("away", 3);
    let mut job = world.job();
    job["spec"]["scaling"] = serde_json::json!({"minReplicas": 2, "maxReplicas": 2});
    world.apply(&job).unwrap();
    world.wait_workers(SOON, "2 workers", |workers| workers == 2);

    world.kube.provider(&["kill", "kube-apiserver"]).unwrap();
    let gone = wait::now();
    let mut sent = 0;
    while gone.elapsed() < away {
        sent += 100;
        world.produce(100).unwrap();
        world.wait_ended(sent);
    }
    println!("{sent} photos had their results while the API server was away for {:.0} s", gone.elapsed().as_secs_f64());
    world.kube.provider(&["restart", "kube-apiserver"]).unwrap();
    let back = wait::now();
    world.wait_condition(Duration::from_secs(10), "Ready", "True", "Working");
    let lag = eventually(Duration::from_secs(10), "the lag is right", || {
        let lag = world.status()?["lag"].clone();
        Ok((lag["waiting"] == 0 && lag["partial"] != true).then_some(lag))
    });
    println!("status right {:.1} s after the API server was back: {lag}", back.elapsed().as_secs_f64());
    assert!(world.close().unwrap().is_sound());
    // Kubernetes' own controllers come back later; the next story needs them.
    let more = serde_json::json!({"spec": {"scaling": {"minReplicas": 3, "maxReplicas": 3}}});
    world.kube.patch("away", &format!("imagejob/{JOB}"), &more).unwrap();
    world.wait_workers(SOON + SOON, "3 workers", |workers| workers == 3);
}

/// The process of one pod ends without a goodbye.
fn crash_one(world: &World<'_>, component: &str) {
    let pods = world.pods(component).unwrap();
    crash(name(pods.first().expect("one runs"))).unwrap();
}

fn crash_operators(kube: &Kube) {
    for pod in kube.list(OPERATOR_NAMESPACE, "pods", "app.kubernetes.io/name=imagejob-operator").unwrap() {
        crash(name(&pod)).unwrap();
    }
}

fn name(pod: &Value) -> &str {
    pod["metadata"]["name"].as_str().unwrap()
}
