//! Each fault has a condition with a reason and one sentence that names the culprit. The same
//! sentences stand in docs/faults.md: a reader finds there what `kubectl describe` shows.

use std::path::Path;

use imagejob_e2e::broker::Kafka;
use imagejob_e2e::kube::World;
use serde_json::{Value, json};

use crate::stand::{SOON, stand};

#[test]
fn m7_a_missing_topic_is_named() {
    let world = stand().world("no-topic", 1);
    let mut job = world.job();
    job["spec"]["source"]["kafka"]["topics"] = json!(["nowhere"]);
    let sentence = fault(&world, &job, "TopicMissing");
    assert!(sentence.contains("nowhere"), "{sentence}");
}

#[test]
fn m7_an_image_that_does_not_exist_is_named() {
    let world = stand().world("no-image", 1);
    let mut job = world.job();
    job["spec"]["dispatcher"]["template"]["spec"]["containers"][0]["image"] = json!("nobody/has-this:1");
    let sentence = fault(&world, &job, "ImageMissing");
    assert!(sentence.contains("nobody/has-this:1"), "{sentence}");
}

#[test]
fn m7_a_missing_secret_is_named() {
    let world = stand().world("no-secret", 1);
    let mut job = world.job();
    job["spec"]["storage"]["secretRef"]["name"] = json!("not-there");
    job["spec"]["scaling"]["minReplicas"] = json!(1);
    let sentence = fault(&world, &job, "SecretMissing");
    assert!(sentence.contains("not-there"), "{sentence}");
}

#[test]
fn m7_an_unreachable_broker_is_named() {
    let world = stand().world("no-broker", 1);
    let mut job = world.job();
    job["spec"]["source"]["kafka"]["bootstrapServers"] = json!("10.254.254.254:9092");
    let sentence = fault(&world, &job, "BrokerUnreachable");
    assert!(sentence.contains("10.254.254.254:9092"), "{sentence}");
}

/// The operator never reads the Secret: the dispatcher says so, who was turned away.
#[test]
fn m7_a_wrong_password_is_named() {
    let secured = Kafka::secured(&stand().kube.host_address, "alice:secret").unwrap();
    let world = stand().world("wrong-password", 1);
    world
        .apply(&json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "kafka-user"},
            "stringData": {"username": "alice", "password": "guessed"},
        }))
        .unwrap();
    let mut job = world.job();
    let kafka = &mut job["spec"]["source"]["kafka"];
    kafka["bootstrapServers"] = json!(secured.sasl);
    kafka["auth"] = json!({"mechanism": "ScramSha512", "secretRef": {"name": "kafka-user"}});
    let sentence = fault(&world, &job, "NotAuthorized");
    assert!(sentence.contains("spec.source.kafka.auth") && !sentence.contains("guessed"), "{sentence}");
}

#[test]
fn m7_a_policy_that_does_not_exist_is_named() {
    let world = stand().world("no-policy", 1);
    let mut job = world.job();
    job["spec"]["scaling"] = json!({"policyRef": {"name": "not-there"}});
    let sentence = fault(&world, &job, "PolicyNotFound");
    assert!(sentence.contains("not-there"), "{sentence}");
}

/// Applies the job and waits until it says why it is not Ready. `kubectl describe` shows the
/// sentence, and docs/faults.md has the same.
fn fault(world: &World<'_>, job: &Value, reason: &str) -> String {
    world.apply(job).unwrap();
    let sentence = world.wait_condition(SOON, "Ready", "False", reason);
    println!("{reason}: {sentence}");
    let described = world.kube.run(&["-n", &world.namespace, "describe", "imagejob"]).unwrap();
    assert!(words(&described).contains(&words(&sentence)), "kubectl describe does not show {sentence:?}:\n{described}");
    let documented = documented(reason);
    assert!(has_in_order(&sentence, &documented), "docs/faults.md says {documented:?}, the job {sentence:?}");
    sentence
}

/// What docs/faults.md says of a reason: `| reason | sentence | ...`.
fn documented(reason: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let row = docs.lines().find(|line| line.starts_with(&format!("| `{reason}` |"))).expect("a row in docs/faults.md");
    row.split('`').nth(3).expect("a sentence in the second column").to_owned()
}

/// Whether the parts of a pattern, between its ellipses, follow each other in a text.
fn has_in_order(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    pattern.split('…').all(|part| {
        let found = rest.find(part);
        rest = found.map_or("", |at| &rest[at + part.len()..]);
        found.is_some()
    })
}

/// A text as one line: `describe` breaks long ones.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
