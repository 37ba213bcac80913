//! Every field, wrong in every way there is, with the exact sentence that a person reads.
//!
//! Each row changes one field of `full.yaml` (a JSON value; `-` removes it) and names the sentence.
//! A second test holds the table to every field that exists.

#![allow(clippy::unwrap_used)]

mod job;
mod policy;

use std::collections::BTreeSet;

use imagejob_api::document::Documents;
use imagejob_api::validate;
use jiff::Timestamp;
use job::{JOB, OSS, S3};
use policy::{NARROWER, POLICY};
use serde_json::Value;

const FULL: &str = include_str!("../full.yaml");

/// What calendars refer to.
const DATES: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: calendars, namespace: imagejob-system}
data: {exams: '2026-12-20/2026-12-24 # winter', typo: '24.12.2026'}
";

/// The job and the policy of `full.yaml`.
fn documents() -> [Value; 2] {
    let documents: Vec<Value> = serde_saphyr::from_multiple(FULL).unwrap();
    let [job, policy, _dates] = documents.try_into().unwrap();
    [job, policy]
}

/// Sets a dotted path to a JSON value, or removes it.
fn change(document: &mut Value, path: &str, value: &str) {
    let pointer = format!("/{}", path.replace("].", "/").replace(['.', '['], "/").replace(']', ""));
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(fields), "-") => {
            fields.remove(last).unwrap();
        }
        (Value::Object(fields), value) => {
            fields.insert(last.to_owned(), serde_json::from_str(value).unwrap());
        }
        (Value::Array(items), value) => items[last.parse::<usize>().unwrap()] = serde_json::from_str(value).unwrap(),
        (other, _) => panic!("{path}: {other} has no fields"),
    }
}

/// Everything that is wrong, as it is printed.
fn complaints(job: &Value, policy: &Value) -> Vec<String> {
    let (job, policy) = (job.to_string(), policy.to_string());
    let files = [("job.yaml", job.as_str()), ("policy.yaml", policy.as_str()), ("dates.yaml", DATES)];
    let documents = match Documents::read(files) {
        Ok(documents) => documents,
        Err(errors) => return errors.iter().map(ToString::to_string).collect(),
    };
    let job = &documents.job(None).unwrap().object;
    let policy = job.spec.scaling.policy_ref.as_ref().and_then(|reference| documents.policy(&reference.name));
    match validate(job, policy.map(|policy| &policy.object), Timestamp::UNIX_EPOCH) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(|problem| documents.locate(problem).to_string()).collect(),
    }
}

/// Where a row's sentence is expected: usually at the changed field.
fn expected_place(path: &str, value: &str, sentence: &str) -> String {
    match (path, value) {
        // A missing or surplus kind is the step's fault, a missing amount the profile's.
        _ if sentence.contains(" kind;")
            || sentence.contains(" kinds;")
            || sentence.starts_with("does nothing")
            || sentence.starts_with("has no dates")
            || sentence.starts_with("has no references")
            || sentence.starts_with("there is no key") =>
        {
            path.rsplit_once('.').unwrap().0.to_owned()
        }
        // The fault lies between two fields and is named at the other one.
        ("spec.scaling.profiles[0].ceiling", _) => "spec.scaling.profiles[0].floor".to_owned(),
        ("spec.minReplicas", "21") => "spec.profiles[1].ceiling".to_owned(),
        ("spec.steps[5].resize.maxWidth", "-") => "spec.steps[5].resize.fit".to_owned(),
        ("spec.steps[5].resize.format", "\"Png\"") => "spec.steps[5].resize.quality".to_owned(),
        ("spec.steps[2].posterMatch", set) if set.contains("top") => "spec.steps[2].posterMatch.top".to_owned(),
        ("spec.steps[2].posterMatch", _) => "spec.steps[2].posterMatch.referenceSet".to_owned(),
        ("spec.steps[3]", _) => "spec.steps[5].resize.output".to_owned(),
        ("spec.deadLetter", "{}") => "spec.deadLetter.topic".to_owned(),
        ("spec.calendars[2].configMapRef.key", "\"typo\"") => "spec.calendars[2].configMapRef.dates[0]".to_owned(),
        ("status", _) => "status.phase".to_owned(),
        _ => path.to_owned(),
    }
}

/// Runs a table on the documents of `full.yaml`; prints every row that does not say what it should.
fn check(table: &[(&str, &str, &str)], which: usize, expected: impl Fn(&str, &str, &str) -> String) {
    check_on(&documents(), table, which, expected);
}

fn check_on(
    valid: &[Value; 2],
    table: &[(&str, &str, &str)],
    which: usize,
    expected: impl Fn(&str, &str, &str) -> String,
) {
    let mut failures = Vec::new();
    for (path, value, sentence) in table {
        let mut documents = valid.clone();
        change(&mut documents[which], path, value);
        let (expected, found) = (expected(path, value, sentence), complaints(&documents[0], &documents[1]));
        if !found.contains(&expected) {
            failures.push(format!(
                "{path} = {value}\n  expected: {expected}\n  found:    {}",
                found.join("\n            ")
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_wrong_field_of_a_job_is_one_sentence() {
    check(JOB, 0, |path, value, sentence| format!("job.yaml: {}: {sentence}", expected_place(path, value, sentence)));
}

#[test]
fn every_wrong_field_of_a_store_is_one_sentence() {
    for (type_, table) in [("S3", S3), ("Oss", OSS)] {
        let mut valid = documents();
        let storage = serde_json::json!({
            "type": type_, "endpoint": "https://store.example.com", "region": "eu-central-1",
            "secretRef": {"name": "photos-reader"}, "buckets": ["photos", "posters"],
        });
        change(&mut valid[0], "spec.storage", &storage.to_string());
        assert_eq!(complaints(&valid[0], &valid[1]), Vec::<String>::new());
        check_on(&valid, table, 0, |path, value, sentence| {
            // What a value breaks may be another field.
            let path = if value == "\"CName\"" { "spec.storage.buckets" } else { path };
            format!("job.yaml: {path}: {sentence}")
        });
    }
}

#[test]
fn every_wrong_field_of_a_policy_is_one_sentence() {
    check(POLICY, 1, |path, value, sentence| {
        format!("policy.yaml: {}: {sentence}", expected_place(path, value, sentence))
    });
}

#[test]
fn a_job_that_is_wider_than_its_policy_is_told_so() {
    check(NARROWER, 1, |_, _, sentence| format!("job.yaml: {sentence}"));
}

#[test]
fn a_pointer_belongs_to_the_plain_format_only() {
    let [mut job, policy] = documents();
    change(&mut job, "spec.source.format", "\"S3Event\"");
    let sentence =
        "job.yaml: spec.source.uriPointer: belongs to format Plain, not S3Event; set format: Plain or omit it";
    assert_eq!(complaints(&job, &policy), [sentence]);
}

#[test]
fn without_a_command_a_handler_needs_its_port() {
    let [mut job, policy] = documents();
    change(&mut job, "spec.steps[1].handler", "{\"path\": \"/match\"}");
    let sentence = "job.yaml: spec.steps[1].handler.port: is required without a command and a socket; name the port that is listened on";
    assert_eq!(complaints(&job, &policy), [sentence]);
}

#[test]
fn all_problems_are_told_at_once() {
    let [mut job, mut policy] = documents();
    change(&mut job, "spec.delivery.slots", "0");
    change(&mut job, "spec.retry.maxAttempts", "0");
    change(&mut policy, "spec.timeZone", "\"Mars/Olympus\"");
    assert_eq!(
        complaints(&job, &policy),
        [
            "job.yaml: spec.retry.maxAttempts: 0 is not from 1 to 100",
            "job.yaml: spec.delivery.slots: 0 is not from 1 to 1024",
            "policy.yaml: spec.timeZone: \"Mars/Olympus\" is not a time zone; use an IANA name such as Asia/Shanghai",
        ]
    );
}

#[test]
fn the_tables_speak_of_every_field() {
    let [job, policy] = documents();
    assert_eq!(complaints(&job, &policy), Vec::<String>::new(), "full.yaml is valid");
    for (document, table, kind) in [(job, JOB, "ImageJob"), (policy, POLICY, "ScalePolicy")] {
        let mut fields = BTreeSet::new();
        collect_fields(&document["metadata"], "metadata", &mut fields);
        collect_fields(&document["spec"], "spec", &mut fields);
        let spoken_of: BTreeSet<String> = table.iter().map(|(path, ..)| without_indices(path)).collect();
        let missing: Vec<_> =
            fields.iter().filter(|field| !spoken_of.iter().any(|path| path.starts_with(*field))).collect();
        assert_eq!(missing, Vec::<&String>::new(), "{kind}: fields without a row");
    }
}

fn without_indices(path: &str) -> String {
    path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect()
}

/// Paths of all scalars, list indices left out.
fn collect_fields(value: &Value, path: &str, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(name, value)| collect_fields(value, &format!("{path}.{name}"), fields));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_fields(item, path, fields)),
        _ => {
            // Labels and annotations have keys of the user's own.
            let path = path.strip_suffix(".note").unwrap_or(path);
            fields.insert(path.to_owned());
        }
    }
}

#[test]
fn a_picture_may_not_take_the_place_of_its_photo() {
    let [mut job, policy] = documents();
    change(&mut job, "spec.steps[5].resize.output", "\"oss://photos/{key}\"");
    assert_eq!(complaints(&job, &policy), Vec::<String>::new(), "photos may come from another bucket");
    change(&mut job, "spec.storage.buckets", "[\"photos\"]");
    let sentence = "spec.steps[5].resize.output: \"oss://photos/{key}\" is the photo's own place; \
                    write to another bucket or folder";
    let found = complaints(&job, &policy);
    assert!(found.iter().any(|complaint| complaint.ends_with(sentence)), "{found:?}");
}
