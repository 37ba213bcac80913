//! What an API server takes and what it refuses, and that our own validation says the same.
//!
//! The cases are in `cases.yaml`, which the stories on a real API server read too. Here its place is
//! taken by a small checker of schemas and by an evaluator of rules.

#![allow(clippy::unwrap_used)]

#[path = "../any_value/mod.rs"]
mod any_value;
mod schema;

use std::collections::BTreeMap;
use std::path::Path;

use imagejob_api::crds::crds;
use imagejob_api::document::Documents;
use imagejob_api::validate;
use jiff::Timestamp;
use kube_cel::{CompiledSchema, Validator, compile_schema};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

/// The file of cases.
#[derive(Deserialize)]
struct Table {
    /// A valid object of each kind.
    bases: BTreeMap<String, Value>,
    cases: Vec<Case>,
}

/// A change of a base, and what comes of it.
#[derive(Deserialize)]
struct Case {
    name: String,
    kind: String,
    /// What the object was before, as a merge patch of the base; none if it is created.
    #[serde(default)]
    before: Option<Value>,
    /// What is written, as a merge patch of the base.
    patch: Value,
    /// A part of what the API server says; none if it takes it.
    #[serde(default)]
    reject: Option<String>,
    /// A part of what only our own validation says: it knows zones, and the policy of a job.
    #[serde(default)]
    stricter: Option<String>,
}

fn table() -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cel/cases.yaml");
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// RFC 7386, as `kubectl patch --type=merge` does it.
fn merged(target: &Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut fields = target.as_object().cloned().unwrap_or_default();
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), merged(fields.get(name).unwrap_or(&Value::Null), change));
        }
    }
    Value::Object(fields)
}

/// Stands in for an API server that has our definitions.
struct Server {
    kinds: BTreeMap<String, (Value, CompiledSchema)>,
    validator: Validator,
}

impl Server {
    fn new() -> Self {
        let kinds = crds().map(|crd| {
            let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap()["openAPIV3Schema"].clone();
            let compiled = compile_schema(&schema);
            (crd.spec.names.kind, (schema, compiled))
        });
        Self { kinds: kinds.into(), validator: Validator::new() }
    }

    /// What is wrong with an object that is written over `before`.
    fn refusals(&self, object: &Value, before: Option<&Value>) -> Vec<String> {
        let (schema, compiled) = &self.kinds[object["kind"].as_str().unwrap()];
        let object = &without_nulls(object);
        let mut body = object.clone();
        for given in ["apiVersion", "kind", "metadata"] {
            body.as_object_mut().unwrap().remove(given);
        }
        let violations = schema::violations(schema, &body);
        if !violations.is_empty() {
            return violations;
        }
        match self.validator.validate_compiled(compiled, object, before) {
            Ok(()) => Vec::new(),
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A server prunes null from fields that are not nullable, before it fills in defaults.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let given = fields.iter().filter(|(_, value)| !value.is_null());
            given.map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        scalar => scalar.clone(),
    }
}

/// The last document of `full.yaml`: what a calendar refers to.
fn dates() -> &'static str {
    include_str!("../full.yaml").rsplit("---\n").next().unwrap()
}

/// What our own validation says of a job, or of a policy that the base job refers to.
fn complaints(bases: &BTreeMap<String, Value>, object: &Value) -> Vec<String> {
    // A profile of the job's own would hide what is wrong with the policy's.
    let scaling = serde_json::json!({"policyRef": {"name": object["metadata"]["name"]}, "profiles": null});
    let refer = serde_json::json!({"spec": {"scaling": scaling}});
    let (job, policy) = match object["kind"].as_str().unwrap() {
        "ImageJob" => (object.clone(), bases["ScalePolicy"].clone()),
        _ => (merged(&bases["ImageJob"], &refer), object.clone()),
    };
    let (job, policy) = (job.to_string(), policy.to_string());
    let files = [("job", job.as_str()), ("policy", policy.as_str()), ("full.yaml", dates())];
    let documents = match Documents::read(files) {
        Ok(documents) => documents,
        Err(errors) => return errors.iter().map(ToString::to_string).collect(),
    };
    let job = &documents.jobs[0].object;
    let reference = job.spec.scaling.policy_ref.as_ref();
    let policy = reference.and_then(|reference| documents.policy(&reference.name)).map(|policy| &policy.object);
    match validate(job, policy, Timestamp::UNIX_EPOCH) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_server_takes_and_refuses_what_the_table_says_and_so_do_we() {
    let Table { bases, cases } = table();
    let server = Server::new();
    let mut failures = Vec::new();
    for case in &cases {
        let base = &bases[&case.kind];
        let (object, before) = (merged(base, &case.patch), case.before.as_ref().map(|before| merged(base, before)));
        let refusals = server.refusals(&object, before.as_ref());
        let ours = complaints(&bases, &object);
        let as_told = |told: &Vec<String>, expected: Option<&String>| match expected {
            Some(sentence) => told.iter().any(|line| line.contains(sentence)),
            None => told.is_empty(),
        };
        if !as_told(&refusals, case.reject.as_ref()) {
            failures.push(format!("{}: the server says {refusals:#?}", case.name));
        }
        // What depends on the object as it was is the server's business alone.
        let agreed = match (&case.reject, &case.before) {
            (Some(_), None) => !ours.is_empty(),
            _ => as_told(&ours, case.stricter.as_ref()),
        };
        if !agreed {
            failures.push(format!("{}: we say {ours:#?}", case.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_rule_refuses_something_in_the_table() {
    let refused: Vec<String> = table().cases.into_iter().filter_map(|case| case.reject).collect();
    let mut silent = Vec::new();
    for crd in crds() {
        let mut pending = vec![serde_json::to_value(&crd.spec.versions[0].schema).unwrap()];
        while let Some(value) = pending.pop() {
            let rules = value["x-kubernetes-validations"].as_array().into_iter().flatten();
            let sentences = rules.filter_map(|rule| rule["message"].as_str());
            silent.extend(sentences.filter(|sentence| !refused.iter().any(|r| r == sentence)).map(str::to_owned));
            match value {
                Value::Object(fields) => pending.extend(fields.into_values()),
                Value::Array(items) => pending.extend(items),
                _ => {}
            }
        }
    }
    assert_eq!(silent, Vec::<String>::new(), "rules without a case");
}

#[test]
fn a_patch_merges_as_kubectl_does_it() {
    let merge = |target: &str, patch: &str| {
        let [target, patch] = [target, patch].map(|text| serde_json::from_str(text).unwrap());
        merged(&target, &patch).to_string()
    };
    assert_eq!(merge(r#"{"a":{"b":1,"c":2}}"#, r#"{"a":{"b":null,"d":3}}"#), r#"{"a":{"c":2,"d":3}}"#);
    assert_eq!(merge(r#"{"a":[1,2]}"#, r#"{"a":[3]}"#), r#"{"a":[3]}"#);
}

/// Whatever `imagejob dev` takes can be applied to a cluster.
#[test]
fn what_we_take_the_server_takes() {
    let documents: Vec<Value> = serde_saphyr::from_multiple(include_str!("../full.yaml")).unwrap();
    let of_ours = documents.into_iter().filter(|document| document["kind"] != "ConfigMap");
    let bases: BTreeMap<String, Value> =
        of_ours.map(|document| (document["kind"].as_str().unwrap().to_owned(), document)).collect();
    let server = Server::new();
    for base in bases.values() {
        assert_eq!(server.refusals(base, None), Vec::<String>::new());
    }
    let config = ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(
        kind in prop::sample::select(vec!["ImageJob", "ScalePolicy"]),
        place in any::<prop::sample::Index>(),
        value in any_value::values(),
    )| {
        let mut object = bases[kind].clone();
        let mut places = Vec::new();
        any_value::places(&object["spec"], "/spec", &mut places);
        let place = place.get(&places);
        *object.pointer_mut(place).unwrap() = value.clone();
        if complaints(&bases, &object).is_empty() {
            let refusals = server.refusals(&object, None);
            prop_assert!(refusals.is_empty(), "{place} = {value}: {refusals:#?}");
        }
    });
}
