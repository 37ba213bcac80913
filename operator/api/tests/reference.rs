//! `docs/api.md`: every field of both kinds with its type, meaning and default, out of the
//! definitions.
//!
//! `UPDATE_GOLDEN=1 cargo test -p imagejob-api --test reference` writes the file anew.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use imagejob_api::crds::crds;
use serde_json::Value;

const INTRODUCTION: &str = "\
# API reference

Generated from the definitions in `crds/`; `kubectl explain imagejob.spec` says the same on a cluster. What
belongs together and why is told in [jobs.md](jobs.md).
";

#[test]
fn the_reference_is_that_of_the_definitions() {
    let mut text = INTRODUCTION.to_owned();
    for crd in crds() {
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap()["openAPIV3Schema"].clone();
        text.push_str(&section(&crd.spec.names.kind, &schema));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "{} differs; UPDATE_GOLDEN=1 writes it anew", path.display());
}

/// One kind: a table of its spec, what must hold between fields, a table of its status.
fn section(kind: &str, schema: &Value) -> String {
    let head = "| field | type | meaning |\n|---|---|---|\n";
    let mut text = format!("\n## {kind}\n\n{}\n", schema["description"].as_str().unwrap());
    for (part, schema) in schema["properties"].as_object().unwrap() {
        let mut rows = String::new();
        fields(part, schema, &mut rows);
        text.push_str(&format!("\n{head}{rows}"));
        let mut sentences = Vec::new();
        rules(part, schema, &mut sentences);
        if !sentences.is_empty() {
            text.push_str(&format!("\nRefused, with these words:\n\n{}\n", sentences.join("\n")));
        }
    }
    text
}

/// A row for each field below `schema`, depth first.
fn fields(path: &str, schema: &Value, rows: &mut String) {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let required = if required.iter().any(|required| required == name) { ", required" } else { "" };
        let meaning = field["description"].as_str().unwrap_or_default().replace("\n\n", " ").replace('|', "\\|");
        rows.push_str(&format!("| `{path}` | {}{required} | {meaning} |\n", type_of(field)));
        fields(&path, field, rows);
        fields(&format!("{path}[]"), &field["items"], rows);
    }
}

/// A type in words: `list of 1 to 16 texts`.
fn type_of(schema: &Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(|word| format!("`{}`", word.as_str().unwrap())).collect::<Vec<_>>().join(" or ");
    }
    match schema["type"].as_str().unwrap() {
        "array" => format!("list{} of {}", between(schema, "minItems", "maxItems"), type_of(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => "map of text".to_owned(),
        "integer" => format!("integer{}", between(schema, "minimum", "maximum")),
        "string" if schema["format"] == "date-time" => "time".to_owned(),
        "string" => "text".to_owned(),
        other => other.to_owned(),
    }
}

fn between(schema: &Value, least: &str, most: &str) -> String {
    let bound = |name: &str| schema[name].as_f64();
    // The largest number of 32 bits is no bound that anybody chose.
    match (bound(least).filter(|least| *least > 0.0), bound(most).filter(|most| *most < f64::from(u32::MAX))) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" from {least}"),
        (None, Some(most)) => format!(" up to {most}"),
        (None, None) => String::new(),
    }
}

/// What must hold, as the sentences that are said when it does not.
fn rules(path: &str, schema: &Value, sentences: &mut Vec<String>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        sentences.push(format!("- `{path}`: {}", rule["message"].as_str().unwrap()));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        rules(&format!("{path}.{name}"), field, sentences);
    }
    if schema["items"].is_object() {
        rules(&format!("{path}[]"), &schema["items"], sentences);
    }
}
