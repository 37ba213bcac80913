//! What pods and Deployments say about themselves, and what we make of it: a table.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use imagejob_kubernetes::faults::{of_deployment, of_pod};
use imagejob_operator::Role;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

/// `ImageMissing: pod w-1 cannot get image i:1: manifest unknown`.
fn pod(status: Value) -> Option<(String, bool)> {
    let volumes = json!([
        {"name": "kafka", "secret": {"secretName": "kafka-user"}},
        {"name": "settings", "configMap": {"name": "posters-settings"}},
        {"name": "token", "secret": {"secretName": "posters-token"}},
    ]);
    let spec = json!({"containers": [], "volumes": volumes});
    let pod = json!({"metadata": {"name": "w-1"}, "spec": spec, "status": status});
    let pod: Pod = serde_json::from_value(pod).unwrap();
    let found = of_pod(Role::Worker, &pod)?;
    Some((format!("{}: {}", found.fault.reason, found.fault.message), found.from.is_some()))
}

fn waiting(reason: &str, message: &str) -> Value {
    let state = json!({"waiting": {"reason": reason, "message": message}});
    let last = json!({"terminated": {"exitCode": 3, "reason": "Error"}});
    json!({"containerStatuses": [{
        "name": "worker", "image": "i:1", "imageID": "", "ready": false, "restartCount": 6,
        "state": state, "lastState": last,
    }]})
}

fn condition(type_: &str, status: &str, reason: &str) -> Value {
    let since = "2026-11-21T06:00:00Z";
    json!({"type": type_, "status": status, "reason": reason, "message": "0/3 nodes", "lastTransitionTime": since})
}

#[test]
fn pods_that_cannot_start() {
    let image = "pod w-1 cannot get image i:1: manifest unknown";
    let secret = "pod w-1 lacks what it mounts or reads: secret \"kafka-user\" not found";
    let table = [
        (waiting("ErrImagePull", "manifest unknown"), format!("ImageMissing: {image}")),
        (waiting("ImagePullBackOff", "manifest unknown"), format!("ImageMissing: {image}")),
        (waiting("InvalidImageName", ""), "ImageMissing: pod w-1 cannot get image i:1".to_owned()),
        (waiting("CreateContainerConfigError", "secret \"kafka-user\" not found"), format!("SecretMissing: {secret}")),
        (
            waiting("CrashLoopBackOff", "back-off 5m0s"),
            "CrashLoop: container worker of pod w-1 ended 6 times, last with exit code 3; \
             kubectl logs w-1 -c worker --previous"
                .to_owned(),
        ),
        (
            waiting("RunContainerError", "exec: no such file"),
            "CrashLoop: container worker of pod w-1 cannot be started: exec: no such file".to_owned(),
        ),
        (
            json!({"conditions": [condition("PodScheduled", "False", "Unschedulable")]}),
            "Unschedulable: no node takes pod w-1: 0/3 nodes".to_owned(),
        ),
    ];
    for (status, sentence) in table {
        assert_eq!(pod(status.clone()), Some((sentence, false)), "{status}");
    }
}

#[test]
fn pods_that_only_take_their_time() {
    let gated = json!({"conditions": [condition("PodScheduled", "False", "SchedulingGated")]});
    let ready = json!({"conditions": [condition("Ready", "True", "")]});
    for status in [json!({}), waiting("ContainerCreating", ""), waiting("PodInitializing", ""), gated, ready] {
        assert_eq!(pod(status.clone()), None, "{status}");
    }
}

#[test]
fn volumes_that_are_not_mounted_are_a_fault_after_a_while() {
    let scheduled = condition("PodScheduled", "True", "");
    let mounting = json!({"conditions": [scheduled, condition("PodReadyToStartContainers", "False", "")]});
    let (sentence, later) = pod(mounting).unwrap();
    assert!(later, "it may be a matter of seconds");
    assert_eq!(
        sentence,
        "SecretMissing: pod w-1 still waits for its volumes; does each of these Secrets exist: kafka-user, \
         posters-token? kubectl describe pod w-1 names the one"
    );
    let mounted = json!({"conditions": [scheduled, condition("PodReadyToStartContainers", "True", "")]});
    assert_eq!(pod(mounted), None);
}

#[test]
fn deployments_whose_pods_are_refused() {
    let deployment = |status: &str, message: &str| {
        let failure = json!({"type": "ReplicaFailure", "status": status, "reason": "FailedCreate", "message": message});
        let deployment = json!({"metadata": {"name": "posters-worker"}, "status": {"conditions": [failure]}});
        let deployment: Deployment = serde_json::from_value(deployment).unwrap();
        of_deployment(Role::Worker, &deployment).map(|fault| format!("{}: {}", fault.reason, fault.message))
    };
    let quota = "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4";
    assert_eq!(
        deployment("True", quota).unwrap(),
        format!("QuotaExceeded: the namespace's quota admits no more pods of Deployment posters-worker: {quota}")
    );
    assert_eq!(
        deployment("True", "violates PodSecurity \"restricted:latest\"").unwrap(),
        "PodsRefused: the API server refuses pods of Deployment posters-worker: violates PodSecurity \
         \"restricted:latest\""
    );
    assert_eq!(deployment("False", quota), None);
}
