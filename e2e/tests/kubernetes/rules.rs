//! The API server itself takes and refuses what the definitions' table says: the same cases that
//! `operator/api` checks with a stand-in.

use std::collections::BTreeMap;
use std::path::Path;

use imagejob_e2e::kube::Kube;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::stand::stand;

/// The file of cases; its head says what they mean.
#[derive(Deserialize)]
struct Table {
    bases: BTreeMap<String, Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    kind: String,
    before: Option<Value>,
    patch: Value,
    reject: Option<String>,
}

#[test]
fn the_api_server_takes_and_refuses_what_the_table_says() {
    let kube = &stand().kube;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../operator/api/tests/cel/cases.yaml");
    let table: Table = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let wrong: Vec<String> =
        table.cases.iter().filter_map(|case| wrong(kube, &table.bases[&case.kind], case)).collect();
    println!("{} cases on the API server", table.cases.len());
    assert!(table.cases.len() > 50 && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the server did otherwise than the case says.
fn wrong(kube: &Kube, base: &Value, case: &Case) -> Option<String> {
    let object = |patch: &Value| {
        let mut object = base.clone();
        object["metadata"]["name"] = json!("rules");
        json_patch::merge(&mut object, patch);
        object.to_string()
    };
    if let Some(before) = &case.before {
        kube.with_input(&["create", "-f", "-"], &object(before)).unwrap();
    }
    // What exists already is replaced, so that a field that the case leaves out is gone.
    let verb = if case.before.is_some() { "replace" } else { "create" };
    let answer = kube.with_input(&[verb, "--dry-run=server", "-f", "-"], &object(&case.patch));
    if case.before.is_some() {
        kube.run(&["delete", &case.kind, "rules", "--wait=true"]).unwrap();
    }
    match (answer, &case.reject) {
        (Ok(_), None) => None,
        (Err(error), Some(part)) if error.to_string().contains(part) => None,
        (Ok(_), Some(part)) => Some(format!("{}: taken, but {part:?} was expected", case.name)),
        (Err(error), expected) => Some(format!("{}: {error}; expected {expected:?}", case.name)),
    }
}
