//! What is kept of pods and Deployments.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use imagejob_kubernetes::facts::{DeploymentFacts, PodFacts};
use imagejob_kubernetes::render::labels;
use imagejob_operator::Role;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

fn pod(role: Role, uid: &str, status: Value) -> PodFacts {
    let metadata = json!({
        "name": "p", "namespace": "media", "uid": uid, "creationTimestamp": "2026-11-21T06:00:00Z",
        "labels": labels::labels("posters", Some(role)),
    });
    let pod: Pod = serde_json::from_value(json!({"metadata": metadata, "status": status})).unwrap();
    PodFacts::of(&pod).unwrap()
}

fn ready(since: &str) -> Value {
    json!({"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": since}]})
}

#[test]
fn a_pod_that_misses_a_probe_has_not_been_starting_all_the_while() {
    let first = pod(Role::Worker, "u", ready("2026-11-21T06:00:02Z"));
    let unready = pod(Role::Worker, "u", json!({})).after(&first);
    assert_eq!(unready.ready, None);
    let again = pod(Role::Worker, "u", ready("2026-11-21T07:00:00Z"));
    let kept: Timestamp = "2026-11-21T06:00:02Z".parse().unwrap();
    assert_eq!(again.clone().after(&first).ready, Some(kept));
    assert_eq!(again.clone().after(&unready).ready, Some(kept), "also if it was seen unready between");
    let successor = pod(Role::Worker, "v", ready("2026-11-21T07:00:00Z"));
    assert_ne!(successor.after(&first).ready, Some(kept), "another pod of the same name");
}

#[test]
fn dispatchers_have_addresses_of_either_family_and_workers_none() {
    let address = |role, ip: &str| pod(role, "u", json!({"podIP": ip})).address;
    assert_eq!(address(Role::Dispatcher, "10.0.0.7").as_deref(), Some("10.0.0.7:7400"));
    assert_eq!(address(Role::Dispatcher, "fd00::7").as_deref(), Some("[fd00::7]:7400"));
    assert_eq!(address(Role::Worker, "10.0.0.7"), None);
}

#[test]
fn pods_that_have_ended_are_not_waited_for() {
    for (phase, leaving) in [("Pending", false), ("Running", false), ("Failed", true), ("Succeeded", true)] {
        assert_eq!(pod(Role::Worker, "u", json!({"phase": phase})).leaving, leaving, "{phase}");
    }
}

#[test]
fn an_older_version_of_a_deployment_does_not_replace_a_newer_one() {
    let facts = |version: &str| {
        let metadata = json!({
            "name": "w", "namespace": "media", "resourceVersion": version,
            "labels": labels::labels("posters", Some(Role::Worker)),
        });
        let deployment: Deployment = serde_json::from_value(json!({"metadata": metadata})).unwrap();
        DeploymentFacts::of(&deployment).unwrap()
    };
    assert!(facts("99").replaced_by(&facts("100")), "numbers, not texts");
    assert!(!facts("100").replaced_by(&facts("99")));
    assert!(facts("100").replaced_by(&facts("100")));
}
