//! What is declared twice is as if it had been declared once.

use std::collections::BTreeMap;

use imagejob_e2e::kube::Kube;
use imagejob_e2e::kube::world::JOB;
use serde_json::{Value, json};

use crate::stand::{SOON, install, stand};

/// What the operator makes of a job.
const MADE: &str = "deployments,services,configmaps,secrets,poddisruptionbudgets,serviceaccounts,networkpolicies";

/// The installation and a job are applied again: nothing that they declare, and nothing that the
/// operator made of the job, has another spec, another generation or other owners of its fields.
/// That the operator does not write either while nothing changes is counted by `make scale`.
#[test]
fn what_is_applied_twice_changes_nothing() {
    let world = stand().world("twice", 1);
    let mut job = world.job();
    job["spec"]["scaling"] = json!({"minReplicas": 1, "maxReplicas": 1});
    world.apply(&job).unwrap();
    world.wait_workers(SOON, "1 worker", |workers| workers == 1);
    world.wait_condition(SOON, "Ready", "True", "Working");
    let declared = || {
        let mut objects = look(&stand().kube, &["-f", "-"], &install());
        objects.extend(look(&stand().kube, &["-n", &world.namespace, "imagejobs"], ""));
        objects.extend(look(&stand().kube, &["-n", &world.namespace, MADE, "-l", "imagejob.dev/job"], ""));
        objects
    };

    let before = declared();
    assert!(before.contains_key(&format!("Deployment/{JOB}-worker")), "{:?}", before.keys());
    stand().kube.apply(&install()).unwrap();
    world.apply(&job).unwrap();
    let after = declared();
    assert!(before.keys().eq(after.keys()), "{:?} were, {:?} are", before.keys(), after.keys());
    for (name, object) in &before {
        assert_eq!(&after[name], object, "{name}");
    }
    println!("{} objects are as they were after a second apply", before.len());
}

/// What is declared of objects: everything but their status, and who set what and when.
fn look(kube: &Kube, which: &[&str], input: &str) -> BTreeMap<String, Value> {
    let args = [&["get", "--show-managed-fields", "-o", "json"], which].concat();
    let list: Value = serde_json::from_str(&kube.with_input(&args, input).unwrap()).unwrap();
    let declared = |object: &Value| {
        let name = |field: &Value| field.as_str().unwrap_or_default().to_owned();
        let mut declared = object.clone();
        let fields = declared.as_object_mut().expect("an object");
        fields.remove("status");
        let metadata = fields["metadata"].as_object_mut().expect("an object");
        metadata.remove("resourceVersion");
        if let Some(managers) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
            managers.retain(|manager| manager["subresource"] != "status");
        }
        (format!("{}/{}", name(&object["kind"]), name(&object["metadata"]["name"])), declared)
    };
    list["items"].as_array().expect("a list").iter().map(declared).collect()
}
