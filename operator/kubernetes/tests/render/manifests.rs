//! What installs the operator: its rights are those that the program uses and no other, its pods are
//! as safe as those of jobs, and the examples are jobs that make sense.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use imagejob_api::document::Documents;
use imagejob_api::validate;
use imagejob_kubernetes::access::{RIGHTS, Where};
use imagejob_kubernetes::election::LEASE_NAME;
use imagejob_kubernetes::signing_key;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::api::rbac::v1::PolicyRule;
use serde_json::Value;

use super::pod_security;

fn manifests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests")
}

fn text(file: &str) -> String {
    let path = manifests().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documents of a file that are of this kind.
fn documents(file: &str, kind: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(&text(file)).unwrap();
    all.into_iter().filter(|document| document["kind"] == kind).collect()
}

/// The rules of the one role of this kind in a file.
fn rules(file: &str, kind: &str) -> Vec<PolicyRule> {
    let roles = documents(file, kind);
    assert_eq!(roles.len(), 1, "{file} has {} of kind {kind}", roles.len());
    serde_json::from_value(roles[0]["rules"].clone()).unwrap()
}

type Granted = BTreeSet<(String, String, String)>;

fn granted(rules: &[PolicyRule]) -> Granted {
    let mut granted = Granted::new();
    for rule in rules {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                granted.extend(rule.verbs.iter().map(|verb| (group.clone(), resource.clone(), verb.clone())));
            }
        }
    }
    granted
}

fn used(scopes: &[Where]) -> Granted {
    let rights = RIGHTS.iter().filter(|right| scopes.contains(&right.scope));
    let verbs = rights.flat_map(|right| right.verbs.iter().map(move |verb| (right, verb)));
    verbs.map(|(right, verb)| (right.group.to_owned(), right.resource.to_owned(), (*verb).to_owned())).collect()
}

#[test]
fn every_right_is_used_and_every_use_is_a_right() {
    // file, kind of role, where it holds
    let table: [(&str, &str, &[Where]); 4] = [
        ("operator/own-namespace.yaml", "Role", &[Where::Own]),
        ("cluster/jobs.yaml", "ClusterRole", &[Where::Jobs, Where::Cluster, Where::Whole]),
        ("namespaced/jobs.yaml", "Role", &[Where::Jobs]),
        ("namespaced/policies.yaml", "ClusterRole", &[Where::Cluster]),
    ];
    for (file, kind, scopes) in table {
        assert_eq!(granted(&rules(file, kind)), used(scopes), "{file}, and RIGHTS in access.rs");
    }
}

#[test]
fn no_right_is_for_everything() {
    for (group, resource, verb) in used(&[Where::Own, Where::Jobs, Where::Cluster, Where::Whole]) {
        assert!(![&group, &resource, &verb].iter().any(|word| word.contains('*')), "{group} {resource} {verb}");
    }
}

#[test]
fn what_is_read_in_the_own_namespace_is_named() {
    for rule in rules("operator/own-namespace.yaml", "Role") {
        // The name of what is created is not known to who grants the right.
        if rule.verbs == ["create"] {
            continue;
        }
        let name = match rule.resources.as_deref().unwrap() {
            [resource] if resource == "leases" => LEASE_NAME,
            [resource] if resource == "secrets" => signing_key::SECRET,
            other => panic!("a right on {other:?}"),
        };
        assert_eq!(rule.resource_names.as_deref(), Some(&[name.to_owned()][..]), "{:?}", rule.resources);
    }
}

#[test]
fn nobody_reads_secrets_but_the_signing_key() {
    for scopes in [&[Where::Jobs][..], &[Where::Cluster]] {
        let reads = used(scopes).into_iter().filter(|(_, resource, _)| resource == "secrets");
        let verbs: Vec<String> = reads.map(|(_, _, verb)| verb).collect();
        assert!(!verbs.iter().any(|verb| ["get", "list", "watch"].contains(&verb.as_str())), "{verbs:?}");
    }
}

fn operator() -> (Deployment, PodSpec) {
    let deployment = documents("operator/deployment.yaml", "Deployment").remove(0);
    let deployment: Deployment = serde_json::from_value(deployment).unwrap();
    let pod = deployment.spec.clone().unwrap().template.spec.unwrap();
    (deployment, pod)
}

#[test]
fn the_operators_pods_satisfy_the_restricted_standard() {
    assert_eq!(pod_security::broken(&operator().1), Vec::<&str>::new());
}

#[test]
fn the_program_understands_how_it_is_started() {
    let (_, pod) = operator();
    let container = &pod.containers[0];
    let program = env!("CARGO_BIN_EXE_imagejob-operator");
    let help = Command::new(program).args(container.args.as_ref().unwrap()).arg("--help").output().unwrap();
    assert!(help.status.success(), "{}", String::from_utf8_lossy(&help.stderr));
    // However the lines are broken.
    let help: Vec<&str> = std::str::from_utf8(&help.stdout).unwrap().split_whitespace().collect();
    let help = help.join(" ");
    let watch = documents("namespaced/watch.yaml", "Deployment").remove(0);
    let namespaced: Deployment = serde_json::from_value(watch).unwrap();
    let namespaced = namespaced.spec.unwrap().template.spec.unwrap().containers.remove(0).env.unwrap();
    for variable in container.env.iter().flatten().chain(&namespaced) {
        assert!(help.contains(&format!("[env: {}=", variable.name)), "nobody reads {}", variable.name);
    }
}

#[test]
fn network_policies_let_pods_with_these_labels_in() {
    let (deployment, _) = operator();
    let labels = deployment.spec.unwrap().template.metadata.unwrap().labels.unwrap();
    for (key, value) in super::strict_defaults().network_policy.unwrap().labels {
        assert_eq!(labels.get(&key), Some(&value));
    }
}

#[test]
fn the_examples_make_sense() {
    let (job, policy) = (text("examples/job.yaml"), text("examples/policy.yaml"));
    let documents = Documents::read([("job.yaml", job.as_str()), ("policy.yaml", policy.as_str())]).unwrap();
    let policy = &documents.policies[0].object;
    validate(&documents.jobs[0].object, Some(policy), Timestamp::UNIX_EPOCH).unwrap();
}
