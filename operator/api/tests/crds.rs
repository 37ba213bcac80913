//! The definitions in `crds/` are those of the types, and such as an API server takes without a
//! warning.
//!
//! `UPDATE_GOLDEN=1 cargo test -p imagejob-api --test crds` writes the files anew.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use imagejob_api::crds::{crds, manifest};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

const HEADER: &str = "# Generated from operator/api by `UPDATE_GOLDEN=1 cargo test -p imagejob-api --test crds`.\n";

#[test]
fn the_files_are_those_of_the_types() {
    for crd in crds() {
        let name = format!("{}.yaml", crd.spec.names.plural);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds").join(name);
        let text = format!("{HEADER}{}", manifest(&crd).unwrap());
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == text, "{} differs; UPDATE_GOLDEN=1 writes it anew", path.display());
        let read: CustomResourceDefinition = serde_saphyr::from_str(&written).unwrap();
        assert!(read == crd, "{} does not say what it was written from", path.display());
    }
}

/// Calls `look` with the path and the schema of every field.
fn walk(path: &str, schema: &Value, look: &mut impl FnMut(&str, &Value)) {
    look(path, schema);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), field, look);
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[key].is_object() {
            walk(&format!("{path}{mark}"), &schema[key], look);
        }
    }
}

/// The fields of both kinds for which `wrong` has something to say.
fn complaints(wrong: impl Fn(&str, &Value) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    for crd in crds() {
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
        walk(&crd.spec.names.kind, &schema["openAPIV3Schema"], &mut |path, schema| {
            found.extend(wrong(path, schema).map(|what| format!("{path}: {what}")));
        });
    }
    found
}

#[test]
fn every_field_is_explained_in_lines_that_a_terminal_wraps() {
    let found = complaints(|path, schema| match schema["description"].as_str() {
        // What is in a list or a map is explained where the list is.
        None => (!path.ends_with(['}', ']'])).then(|| "has no description".to_owned()),
        Some(text) => (text.contains("[`") || text.contains(" \n")).then(|| format!("{text:?} is no plain text")),
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn formats_are_known_to_api_servers_and_null_means_omitted() {
    let known = [Value::Null, "int32".into(), "int64".into(), "date-time".into()];
    let found = complaints(|_, schema| {
        let format = (!known.contains(&schema["format"])).then(|| format!("format {} is unknown", schema["format"]));
        format.or_else(|| schema.get("nullable").map(|_| "is nullable".to_owned()))
    });
    assert_eq!(found, Vec::<String>::new());
}

/// A rule may cost what the largest text and the longest list allow; without a largest size that
/// is too much, and the definition as a whole is refused.
#[test]
fn what_rules_walk_over_has_a_largest_size() {
    let found = complaints(|path, schema| {
        let (kind, limit) = match schema["type"].as_str() {
            Some("string") => ("text", "maxLength"),
            Some("array") => ("list", "maxItems"),
            _ => return None,
        };
        let written_by_users = path.contains(".spec.") && !path.contains(".template.");
        let bounded = schema.get(limit).is_some() || schema.get("enum").is_some();
        (written_by_users && !bounded).then(|| format!("a {kind} without {limit}"))
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn sentences_are_single_lines_that_name_the_way_out() {
    let found = complaints(|_, schema| {
        let rules = schema["x-kubernetes-validations"].as_array()?;
        let wrong = rules.iter().find(|rule| {
            let message = rule["message"].as_str().unwrap_or_default();
            message.is_empty() || message.contains('\n') || message.ends_with(['.', ' '])
        })?;
        Some(wrong.to_string())
    });
    assert_eq!(found, Vec::<String>::new());
}
