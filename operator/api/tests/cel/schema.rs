//! The part of OpenAPI that our definitions use, checked as an API server checks it before it
//! evaluates rules: types, enums, ranges, sizes, required and unknown fields, lists that are maps.

use std::collections::BTreeSet;

use serde_json::Value;

/// What is wrong with `value`, one sentence each.
pub(crate) fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check("", schema, value, &mut found);
    found
}

fn below(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

fn check(path: &str, schema: &Value, value: &Value, found: &mut Vec<String>) {
    if let Some(kind) = schema["type"].as_str().filter(|kind| !is(kind, value)) {
        found.push(format!("{path} in body must be of type {kind}"));
        return;
    }
    if let Some(admitted) = schema["enum"].as_array().filter(|admitted| !admitted.contains(value)) {
        let words: Vec<String> = admitted.iter().map(ToString::to_string).collect();
        found.push(format!("{path}: Unsupported value: {value}: supported values: {}", words.join(", ")));
    }
    match value {
        Value::Object(_) => fields(path, schema, value, found),
        Value::Array(items) => list(path, schema, items, found),
        Value::String(text) => sizes(path, schema, ["minLength", "maxLength"], text.chars().count(), found),
        Value::Number(number) => range(path, schema, number.as_f64().unwrap_or_default(), found),
        Value::Null | Value::Bool(_) => {}
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        _ => panic!("a schema of type {kind} is not expected here"),
    }
}

fn fields(path: &str, schema: &Value, value: &Value, found: &mut Vec<String>) {
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(required).is_none() {
            found.push(format!("{}: Required value", below(path, required)));
        }
    }
    let preserved = schema["x-kubernetes-preserve-unknown-fields"] == true;
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = below(path, name);
        match (schema["properties"].get(name), schema.get("additionalProperties")) {
            (Some(schema), _) | (None, Some(schema)) => check(&path, schema, value, found),
            (None, None) if preserved => {}
            (None, None) => found.push(format!("unknown field \"{path}\"")),
        }
    }
}

fn list(path: &str, schema: &Value, items: &[Value], found: &mut Vec<String>) {
    sizes(path, schema, ["minItems", "maxItems"], items.len(), found);
    for (i, item) in items.iter().enumerate() {
        check(&format!("{path}[{i}]"), &schema["items"], item, found);
    }
    if schema["x-kubernetes-list-type"] == "map" {
        let mut seen = BTreeSet::new();
        for (i, item) in items.iter().enumerate() {
            if !seen.insert(item["name"].to_string()) {
                found.push(format!("{path}[{i}]: Duplicate value: {{\"name\":{}}}", item["name"]));
            }
        }
    }
}

/// Sizes of text and lists, in the words of an API server.
fn sizes(path: &str, schema: &Value, [least, most]: [&str; 2], size: usize, found: &mut Vec<String>) {
    let bound = |name: &str| schema[name].as_u64().map(|bound| bound as usize);
    let text = least == "minLength";
    if let Some(least) = bound(least).filter(|least| size < *least) {
        let what =
            if text { format!("be at least {least} chars long") } else { format!("have at least {least} items") };
        found.push(format!("{path} in body should {what}"));
    }
    if let Some(most) = bound(most).filter(|most| size > *most) {
        let text = text.then(|| format!("Too long: may not be more than {most}"));
        let what = text.unwrap_or_else(|| format!("Too many: {size}: must have at most {most} items"));
        found.push(format!("{path}: {what}"));
    }
}

fn range(path: &str, schema: &Value, number: f64, found: &mut Vec<String>) {
    if let Some(least) = schema["minimum"].as_f64().filter(|least| number < *least) {
        found.push(format!("{path} in body should be greater than or equal to {least}"));
    }
    if let Some(most) = schema["maximum"].as_f64().filter(|most| number > *most) {
        found.push(format!("{path} in body should be less than or equal to {most}"));
    }
}
