//! Every field, wrong in every way there is, with the exact sentence that a person reads.
//!
//! Each row changes one field of `full.yaml` (a JSON value; `-` removes it) and names the sentence.
//! A second test holds the table to every field that exists.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use imagejob_api::document::Documents;
use imagejob_api::validate;
use jiff::Timestamp;
use serde_json::Value;

const FULL: &str = include_str!("full.yaml");

/// Field, its new value, and the sentence without the file and the field.
const JOB: &[(&str, &str, &str)] = &[
    ("metadata.name", "-", "is required, but missing"),
    ("metadata.name", "7", "7 is not text; put it in quotes: \"7\""),
    ("metadata.name", "\"Posters\"", "\"Posters\" is not a name; use a-z 0-9 -, with a letter or digit at each end"),
    ("metadata.name", "\"\"", "\"\" is not a name; use a-z 0-9 -, with a letter or digit at each end"),
    (
        "metadata.name",
        "\"a-job-with-a-name-that-is-far-too-long-for-pods\"",
        "\"a-job-with-a-name-that-is-far-too-long-for-pods\" has 47 characters; use at most 40",
    ),
    ("metadata.namespace", "[]", "a list is not text"),
    ("metadata.namespace", "\"Media\"", "\"Media\" is not a name; use a-z 0-9 -, with a letter or digit at each end"),
    ("metadata.labels", "\"posters\"", "\"posters\" is not a map of fields"),
    ("metadata.labels.team", "1", "1 is not text; put it in quotes: \"1\""),
    ("metadata.annotations", "[]", "a list is not a map of fields"),
    ("metadata.generation", "\"three\"", "\"three\" is not a whole number"),
    (
        "metadata.creationTimestamp",
        "\"yesterday\"",
        "\"yesterday\" is not an instant; write it like 2026-11-21T04:00:00Z",
    ),
    ("metadata.nmae", "\"x\"", "unknown field; did you mean name?"),
    ("spec", "-", "is required, but missing"),
    ("spec.source", "-", "is required, but missing"),
    ("spec.source", "[]", "a list is not a map of fields"),
    ("spec.source.kafka", "-", "is required, but missing"),
    ("spec.source.kafka.bootstrapServers", "-", "is required, but missing"),
    (
        "spec.source.kafka.bootstrapServers",
        "\"kafka\"",
        "\"kafka\" is not a broker address; write host:port, several with commas",
    ),
    (
        "spec.source.kafka.bootstrapServers",
        "\"a:1,b:0\"",
        "\"b:0\" is not a broker address; write host:port, several with commas",
    ),
    (
        "spec.source.kafka.bootstrapServers",
        "\"\"",
        "\"\" is not a broker address; write host:port, several with commas",
    ),
    (
        "spec.source.kafka.bootstrapServers",
        "\"kafka://a:1\"",
        "\"kafka://a:1\" is not a broker address; write host:port, several with commas",
    ),
    ("spec.source.kafka.topics", "-", "is required, but missing"),
    ("spec.source.kafka.topics", "\"photos\"", "\"photos\" is not a list"),
    ("spec.source.kafka.topics", "[]", "0 topics are not 1 to 16"),
    ("spec.source.kafka.topics[1]", "\"poster-photos\"", "\"poster-photos\" is there already; keep one"),
    (
        "spec.source.kafka.topics[0]",
        "\"a b\"",
        "\"a b\" is not a topic name; use a-z A-Z 0-9 . _ -, 1 to 249 characters",
    ),
    ("spec.source.kafka.consumerGroup", "\"\"", "is not 1 to 255 characters long; omit it for the default"),
    ("spec.source.kafka.startFrom", "\"Now\"", "\"Now\" is not a start position; use Earliest Latest"),
    ("spec.source.kafka.auth.mechanism", "-", "is required, but missing"),
    (
        "spec.source.kafka.auth.mechanism",
        "\"SCRAM-SHA-512\"",
        "\"SCRAM-SHA-512\" is not a mechanism; use Plain ScramSha256 ScramSha512",
    ),
    ("spec.source.kafka.auth.secretRef", "-", "is required, but missing"),
    (
        "spec.source.kafka.auth.secretRef.name",
        "\"../etc\"",
        "\"../etc\" is not the name of a Secret; use a-z 0-9 - ., with a letter or digit at each end",
    ),
    ("spec.source.kafka.auth.password", "\"secret\"", "unknown field; known are mechanism secretRef"),
    (
        "spec.source.kafka.tls.secretRef.name",
        "\"\"",
        "\"\" is not the name of a Secret; use a-z 0-9 - ., with a letter or digit at each end",
    ),
    ("spec.source.kafka.tls.caCert", "\"x\"", "unknown field; known are secretRef"),
    (
        "spec.source.kafka.sasl",
        "{}",
        "unknown field; known are bootstrapServers topics consumerGroup startFrom auth tls",
    ),
    ("spec.source.format", "\"Xml\"", "\"Xml\" is not a message format; use Auto Plain S3Event OssEvent"),
    ("spec.source.uriPointer", "\"photo/url\"", "\"photo/url\" is not a JSON pointer; write it like /photo/url"),
    ("spec.source.uriPointer", "\"/photo~url\"", "\"/photo~url\" is not a JSON pointer; write it like /photo/url"),
    ("spec.storage", "-", "is required, but missing"),
    ("spec.storage.type", "-", "is required, but missing"),
    ("spec.storage.type", "\"Oss\"", "\"Oss\" is not a storage type; use FileSystem S3"),
    ("spec.storage.endpoint", "\"https://s3\"", "belongs to type S3, not FileSystem; omit it"),
    ("spec.storage.region", "\"eu-central-1\"", "belongs to type S3, not FileSystem; omit it"),
    ("spec.storage.addressing", "\"Path\"", "belongs to type S3, not FileSystem; omit it"),
    ("spec.storage.secretRef", "{\"name\": \"reader\"}", "belongs to type S3, not FileSystem; omit it"),
    ("spec.storage.path", "-", "is required for type FileSystem; name the folder that holds the buckets"),
    ("spec.storage.path", "\"photos\"", "\"photos\" is not an absolute path; begin it with /"),
    ("spec.storage.buckets", "-", "is required, but missing"),
    ("spec.storage.buckets", "[]", "is empty; name at least one bucket"),
    (
        "spec.storage.buckets[0]",
        "\"../etc\"",
        "\"../etc\" is not a bucket name; use a-z A-Z 0-9 . _ -, not beginning with a dot",
    ),
    ("spec.storage.buckets[1]", "\"photos\"", "\"photos\" is there already; keep one"),
    ("spec.storage.maxObjectBytes", "\"64MB\"", "\"64MB\" is not a size above 0; write it like 64Mi"),
    ("spec.storage.maxObjectBytes", "\"0\"", "\"0\" is not a size above 0; write it like 64Mi"),
    ("spec.storage.maxObjectBytes", "64", "64 is not text; put it in quotes: \"64\""),
    ("spec.steps", "-", "is required, but missing"),
    ("spec.steps", "[]", "0 steps are not 1 to 8"),
    ("spec.steps[0]", "\"quality\"", "\"quality\" is not a map of fields"),
    (
        "spec.steps[0].name",
        "\"my step\"",
        "\"my step\" is not a step name; use a letter, then letters and digits, up to 63",
    ),
    ("spec.steps[1].name", "\"quality\"", "\"quality\" is there already; keep one"),
    ("spec.steps[0].onFail", "\"Abort\"", "\"Abort\" is not a failure action; use Continue Stop"),
    ("spec.steps[0].quality.sharpness", "3", "unknown field; none is known here"),
    (
        "spec.steps[0].handler",
        "{\"port\": 9000}",
        "has several kinds; keep one of quality posterMatch homework handler",
    ),
    ("spec.steps[0].quality", "-", "has no kind; add one of quality posterMatch homework handler"),
    ("spec.steps[0].qualty", "{}", "unknown field; did you mean quality?"),
    ("spec.steps[1].handler.command", "\"python3\"", "\"python3\" is not a list"),
    ("spec.steps[1].handler.command[0]", "\"\"", "is empty; name the program"),
    ("spec.steps[1].handler.port", "0", "0 is not from 1 to 65535"),
    ("spec.steps[1].handler.port", "70000", "70000 is not a whole number from 0 to 65535"),
    ("spec.steps[1].handler.path", "\"invoke\"", "\"invoke\" is not a path; write it like /invoke"),
    ("spec.steps[1].handler.timeoutSeconds", "0", "0 is not from 1 to 86400"),
    ("spec.steps[1].handler.timeoutSeconds", "1.5", "1.5 is not a whole number from 0 to 4294967295"),
    ("spec.variables.a-b", "\"/b\"", "is not the name of a variable; use a letter, then letters and digits"),
    ("spec.variables.key", "\"/b\"", "is the photo's own; use a name other than bucket key name ext"),
    ("spec.variables.posterId", "\"poster\"", "\"poster\" is not a JSON pointer; write it like /photo/url"),
    ("spec.steps[2].posterMatch.reference", "-", "is required, but missing"),
    (
        "spec.steps[2].posterMatch.reference",
        "\"https://example.com/a.jpg\"",
        "\"https://example.com/a.jpg\" is not a place in a bucket; write it like oss://posters/{posterId}.jpg",
    ),
    (
        "spec.steps[2].posterMatch.reference",
        "\"oss://other/a.jpg\"",
        "bucket \"other\" is not in storage.buckets; add it there",
    ),
    (
        "spec.steps[2].posterMatch.reference",
        "\"oss://posters/{city}.jpg\"",
        "variable \"city\" is not declared; add city to spec.variables",
    ),
    (
        "spec.steps[2].posterMatch.reference",
        "\"oss://posters/{posterId.jpg\"",
        "\"oss://posters/{posterId.jpg\" has a brace that is not closed",
    ),
    ("spec.steps[3].homework.template", "-", "is required, but missing"),
    ("spec.steps[3].homework.regions", "-", "is required, but missing"),
    (
        "spec.steps[3].homework.template",
        "\"page.png\"",
        "\"page.png\" is not a place in a bucket; write it like oss://posters/{posterId}.jpg",
    ),
    (
        "spec.steps[3].homework.regions",
        "\"oss://posters/{page}.json\"",
        "variable \"page\" is not declared; add page to spec.variables",
    ),
    ("spec.results", "-", "is required, but missing"),
    ("spec.results.topic", "-", "is required, but missing"),
    ("spec.results.topic", "\"..\"", "\"..\" is not a topic name; use a-z A-Z 0-9 . _ -, 1 to 249 characters"),
    (
        "spec.results.topic",
        "\"late-photos\"",
        "\"late-photos\" is a source topic too, and would feed itself; use another",
    ),
    ("spec.results.copy[0]", "\"student\"", "\"student\" is not a JSON pointer; write it like /photo/url"),
    ("spec.results.failureTopic", "\"poster-results\"", "\"poster-results\" is spec.results.topic too; use another"),
    ("spec.deadLetter", "{}", "is required, but missing"),
    (
        "spec.deadLetter.topic",
        "\"poster-failures\"",
        "\"poster-failures\" is spec.results.failureTopic too; use another",
    ),
    (
        "spec.deadLetter.topic",
        "\"poster-photos\"",
        "\"poster-photos\" is a source topic too, and would feed itself; use another",
    ),
    ("spec.retry.maxAttempts", "0", "0 is not from 1 to 100"),
    ("spec.retry.initialBackoffSeconds", "0", "0 is not from 1 to 86400"),
    ("spec.retry.maxBackoffSeconds", "1", "1 is below initialBackoffSeconds 2"),
    ("spec.retry.attempts", "3", "unknown field; known are maxAttempts initialBackoffSeconds maxBackoffSeconds"),
    ("spec.delivery.slots", "0", "0 is not from 1 to 1024"),
    ("spec.delivery.slots", "\"eight\"", "\"eight\" is not a whole number from 0 to 4294967295"),
    ("spec.delivery.slots", "-1", "-1 is not a whole number from 0 to 4294967295"),
    ("spec.delivery.timeoutSeconds", "0", "0 leaves no time; omit it for no limit"),
    ("spec.dispatcher.replicas", "65", "65 is not from 1 to 64"),
    ("spec.dispatcher.template.metadata.labels.zone", "1", "1 is not text; put it in quotes: \"1\""),
    ("spec.dispatcher.template.metadata.name", "\"a\"", "unknown field; known are labels annotations"),
    ("spec.worker.template.metadata.annotations", "[]", "a list is not a map of fields"),
    ("spec.worker.template.spec", "[]", "a list is not a map of fields"),
    ("spec.worker.template.spec.nodeSelector.pool", "7", "7 is not text; put it in quotes: \"7\""),
    ("spec.worker.template.spec.nodeSelectors", "{}", "unknown field; did you mean nodeSelector?"),
    ("spec.worker.template.spec.containers[0].name", "-", "is required, but missing; containers are merged by it"),
    ("spec.worker.template.spec.containers[0].resource", "{}", "unknown field; did you mean resources?"),
    (
        "spec.worker.template.spec.containers[0].resources.requests.cpu",
        "[]",
        "a list is not a quantity; write it like 500m or 64Mi",
    ),
    (
        "spec.worker.template.spec.containers[0].resources.requests.memory",
        "true",
        "true is not a quantity; write it like 500m or 64Mi",
    ),
    ("spec.suspend", "\"yes\"", "\"yes\" is not true or false"),
    (
        "spec.scaling.policyRef.name",
        "\"weekday\"",
        "there is no ScalePolicy \"weekday\"; create it or omit policyRef for the defaults",
    ),
    ("spec.scaling.minReplicas", "401", "401 is above maxReplicas 400"),
    ("spec.scaling.maxReplicas", "0", "0 lets no worker run; use at least 1"),
    ("spec.scaling.maxReplicas", "7001", "7001 is above the policy's 7000; a job may only tighten it"),
    ("spec.scaling.waitSeconds", "1", "1 is below the policy's minWaitSeconds 2"),
    ("spec.scaling.maxReplica", "3", "unknown field; did you mean maxReplicas?"),
    ("spec.scaling.lagThreshold", "0", "0 asks for no end of workers; use at least 1, or omit it"),
    ("spec.scaling.override.replicas", "401", "401 is above maxReplicas 400"),
    (
        "spec.scaling.override.until",
        "\"2026-11-11T00:20:00\"",
        "\"2026-11-11T00:20:00\" is not a time with a zone; write it like 2026-11-11T00:20:00+08:00",
    ),
    (
        "spec.scaling.override.until",
        "\"tomorrow\"",
        "\"tomorrow\" is not a time with a zone; write it like 2026-11-11T00:20:00+08:00",
    ),
    ("spec.scaling.profiles", "{}", "a map is not a list"),
    (
        "spec.scaling.profiles[0].name",
        "\"week end\"",
        "\"week end\" is not a name; use a-z 0-9 -, with a letter or digit at each end",
    ),
    ("spec.scaling.profiles[0].days", "[]", "is empty; omit it for every day"),
    ("spec.scaling.profiles[0].days[1]", "\"Saterday\"", "\"Saterday\" is not a day; use Mon Tue Wed Thu Fri Sat Sun"),
    ("spec.scaling.profiles[0].from", "\"6:00\"", "\"6:00\" is not a time of day; write HH:MM or HH:MM:SS"),
    ("spec.scaling.profiles[0].from", "\"24:00\"", "\"24:00\" is not a time of day; write HH:MM or HH:MM:SS"),
    ("spec.scaling.profiles[0].to", "\"10:61\"", "\"10:61\" is not a time of day; write HH:MM or HH:MM:SS"),
    ("spec.scaling.profiles[0].to", "360", "360 is not text; put it in quotes: \"360\""),
    (
        "spec.scaling.profiles[0].timeZone",
        "\"Asia/Shangai\"",
        "\"Asia/Shangai\" is not a time zone; did you mean Asia/Shanghai?",
    ),
    (
        "spec.scaling.profiles[0].timeZone",
        "\"Beijing\"",
        "\"Beijing\" is not a time zone; use an IANA name such as Asia/Shanghai",
    ),
    ("spec.scaling.profiles[0].floor", "301", "301 is above the ceiling 300 of the same profile"),
    ("spec.scaling.profiles[0].ceiling", "11", "12 is above the ceiling 11 of the same profile"),
    ("spec.scaling.profiles[0].waitSeconds", "1", "1 is below the policy's minWaitSeconds 2"),
    ("spec.sclaing", "{}", "unknown field; did you mean scaling?"),
    (
        "status",
        "{\"phase\": \"Running\"}",
        "unknown field; known are observedGeneration conditions workers dispatchers lag decision schedule",
    ),
];

/// The same for a job whose objects lie in S3.
const S3: &[(&str, &str, &str)] = &[
    ("spec.storage.path", "\"/data\"", "belongs to type FileSystem, not S3; omit it"),
    ("spec.storage.endpoint", "-", "is required for type S3; write it like https://s3.eu-central-1.amazonaws.com"),
    (
        "spec.storage.endpoint",
        "\"minio:9000\"",
        "\"minio:9000\" is not the address of a store; write https://host or http://host:port",
    ),
    (
        "spec.storage.endpoint",
        "\"https://user@host\"",
        "\"https://user@host\" is not the address of a store; write https://host or http://host:port",
    ),
    (
        "spec.storage.endpoint",
        "\"https://host/photos\"",
        "\"https://host/photos\" is not the address of a store; write https://host or http://host:port",
    ),
    ("spec.storage.region", "-", "is required for type S3; stores that have none take us-east-1"),
    ("spec.storage.region", "\"EU\"", "\"EU\" is not a region; write it like eu-central-1"),
    ("spec.storage.addressing", "\"CName\"", "\"CName\" is not a bucket addressing; use VirtualHost Path"),
    (
        "spec.storage.secretRef.name",
        "\"Reader\"",
        "\"Reader\" is not the name of a Secret; use a-z 0-9 - ., with a letter or digit at each end",
    ),
    (
        "spec.storage.buckets[0]",
        "\"my.photos\"",
        "\"my.photos\" has a dot and cannot be part of a host; use addressing: Path",
    ),
];

/// The same for the policy.
const POLICY: &[(&str, &str, &str)] = &[
    ("metadata.name", "-", "is required, but missing"),
    ("spec.waitSeconds", "1", "1 is below minWaitSeconds 2"),
    ("spec.minWaitSeconds", "0", "0 cannot be kept; use at least 1"),
    ("spec.minReplicas", "7001", "7001 is above maxReplicas 7000"),
    ("spec.maxReplicas", "0", "0 lets no worker run; use at least 1"),
    ("spec.timeZone", "\"\"", "\"\" is not a time zone; use an IANA name such as Asia/Shanghai"),
    ("spec.timeZone", "\"asia/shanghai \"", "\"asia/shanghai \" is not a time zone; did you mean Asia/Shanghai?"),
    ("spec.profiles[1].name", "\"weekend\"", "\"weekend\" is there already; keep one"),
    ("spec.profiles[1].days", "[]", "is empty; omit it for every day"),
    ("spec.profiles[0].days[0]", "6", "6 is not a day; use Mon Tue Wed Thu Fri Sat Sun"),
    ("spec.profiles[1].dates", "[]", "is empty; omit it for none"),
    (
        "spec.profiles[1].dates[0]",
        "\"2026-02-30\"",
        "\"2026-02-30\" is not a date; write it like 2026-11-28, or 2026-10-01/2026-10-07",
    ),
    (
        "spec.profiles[1].dates[0]",
        "\"2026-10-07/2026-10-01\"",
        "2026-10-01 is before 2026-10-07; write the first one first",
    ),
    (
        "spec.profiles[1].yearly[0]",
        "\"11-31\"",
        "\"11-31\" is not a day of the year; write it like 11-11, or 07-01/08-31",
    ),
    ("spec.profiles[1].peaks", "[]", "says how a volume spreads; add volume, or omit it"),
    ("spec.profiles[1].spare", "0", "0 keeps none; omit it"),
    ("spec.profiles[1].fadeOutSeconds", "60", "changes a floor; add floor, rate or volume, or omit it"),
    ("spec.profiles[1].trim", "{}", "changes a floor; add floor, rate or volume, or omit it"),
    ("spec.profiles[1].from", "\"22\"", "\"22\" is not a time of day; write HH:MM or HH:MM:SS"),
    ("spec.profiles[1].to", "\"06:00:60\"", "\"06:00:60\" is not a time of day; write HH:MM or HH:MM:SS"),
    ("spec.profiles[1].timeZone", "\"UTC+8\"", "\"UTC+8\" is not a time zone; use an IANA name such as Asia/Shanghai"),
    ("spec.profiles[1].floor", "401", "401 is above maxReplicas 400"),
    ("spec.profiles[1].ceiling", "-", "does nothing; add at least one of floor rate volume ceiling waitSeconds spare"),
    ("spec.profiles[1].waitSeconds", "1", "1 is below the policy's minWaitSeconds 2"),
    ("spec.behavior.scaleDownStabilizationSeconds", "0", "0 is not from 1 to 3600"),
    ("spec.behavior.scaleUp", "{}", "unknown field; known are scaleDownStabilizationSeconds"),
    (
        "spec.maxReplicasPerNamespace",
        "1",
        "unknown field; known are waitSeconds minWaitSeconds minReplicas maxReplicas timeZone profiles behavior",
    ),
];

/// A job against a policy that admits less.
const NARROWER: &[(&str, &str, &str)] = &[
    ("spec.minReplicas", "2", "spec.scaling.minReplicas: 1 is below the policy's 2; a job may only tighten it"),
    ("spec.maxReplicas", "399", "spec.scaling.maxReplicas: 400 is above the policy's 399; a job may only tighten it"),
    ("spec.minWaitSeconds", "31", "spec.scaling.waitSeconds: 30 is below the policy's minWaitSeconds 31"),
];

/// The job and the policy of `full.yaml`.
fn documents() -> [Value; 2] {
    let documents: Vec<Value> = serde_saphyr::from_multiple(FULL).unwrap();
    documents.try_into().unwrap()
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
    let documents = match Documents::read([("job.yaml", job.as_str()), ("policy.yaml", policy.as_str())]) {
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
        _ if sentence.contains(" kind") || sentence.starts_with("does nothing") => {
            path.rsplit_once('.').unwrap().0.to_owned()
        }
        // The fault lies between two fields and is named at the other one.
        ("spec.scaling.profiles[0].ceiling", _) => "spec.scaling.profiles[0].floor".to_owned(),
        ("spec.deadLetter", "{}") => "spec.deadLetter.topic".to_owned(),
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
    let mut valid = documents();
    let storage = serde_json::json!({
        "type": "S3", "endpoint": "https://s3.eu-central-1.amazonaws.com", "region": "eu-central-1",
        "secretRef": {"name": "photos-reader"}, "buckets": ["photos", "posters"],
    });
    change(&mut valid[0], "spec.storage", &storage.to_string());
    assert_eq!(complaints(&valid[0], &valid[1]), Vec::<String>::new());
    check_on(&valid, S3, 0, |path, _, sentence| format!("job.yaml: {path}: {sentence}"));
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
    let sentence =
        "job.yaml: spec.steps[1].handler.port: is required without a command; name the port that is listened on";
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
    let digits_gone: String = path.chars().filter(|c| !c.is_ascii_digit()).collect();
    digits_gone.replace("[]", "")
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
