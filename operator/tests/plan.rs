//! What processes read when they start, held still by golden files, and when a plan is another one.
//!
//! `UPDATE_GOLDEN=1 cargo test -p imagejob-operator --test plan` writes the files anew.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;
use std::path::Path;

use imagejob_api::document::Documents;
use imagejob_api::{ValidatedJob, validate};
use imagejob_operator::plan::dispatchers;
use imagejob_operator::secrets::SecretPaths;
use imagejob_operator::{Plan, Token, plan};
use imagejob_scaling::{Arrivals, Backlog, Lag, Memory, Observation, Workers, decide};
use jiff::Timestamp;
use serde::Serialize;

const MINIMAL: &str = "
apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {name: photos}
spec:
  source: {kafka: {bootstrapServers: 'kafka:9092', topics: [in]}}
  storage: {type: FileSystem, path: /data, buckets: [photos]}
  steps: [{name: quality, quality: {}}, {name: own, handler: {command: [./own]}}]
  results: {topic: out}
";

fn job(text: &str) -> ValidatedJob {
    let documents = Documents::read([("job.yaml", text)]).unwrap();
    let policy = documents.policies.first().map(|policy| &policy.object);
    validate(&documents.jobs[0].object, policy, Timestamp::UNIX_EPOCH).unwrap()
}

fn planned(job: &ValidatedJob, waiting: u64, token: &str) -> Plan {
    let seen = Observation {
        now: "2026-11-20T12:00:00Z".parse().unwrap(),
        backlog: Backlog::Known(Lag { waiting, ..Lag::default() }),
        workers: Workers::default(),
        service: None,
        start_up: None,
        others: imagejob_scaling::Others::default(),
        arrivals: Arrivals::default(),
    };
    let (decision, _) = decide(&seen, &job.scaling, &Memory::default());
    plan(job, &decision, 2, &Token::new(token), &SecretPaths::Mounted)
}

fn assert_golden(name: &str, value: &impl Serialize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{}", path.display());
}

#[test]
fn settings_of_a_job_with_every_field() {
    let plan = planned(&job(include_str!("../api/tests/full.yaml")), 0, "secret");
    assert_golden("dispatcher-full.json", &plan.dispatcher_settings);
    assert_golden("worker-full.json", &plan.worker_settings);
}

#[test]
fn settings_of_a_job_with_as_little_as_possible() {
    let plan = planned(&job(MINIMAL), 0, "secret");
    assert_golden("dispatcher-minimal.json", &plan.dispatcher_settings);
    assert_golden("worker-minimal.json", &plan.worker_settings);
}

#[test]
fn a_plan_is_another_one_when_anything_in_it_is() {
    let minimal = job(MINIMAL);
    let plan = planned(&minimal, 100, "secret");
    assert_eq!(plan.hash(), planned(&minimal, 100, "secret").hash());
    assert_eq!(plan.hash(), planned(&minimal, 101, "secret").hash(), "one more record asks for no more workers");
    let others = vec![
        planned(&minimal, 100_000, "secret"),
        planned(&minimal, 100, "second"),
        planned(&job(&MINIMAL.replace("topic: out", "topic: elsewhere")), 100, "secret"),
        planned(&job(&MINIMAL.replace("path: /data", "path: /else")), 100, "secret"),
        Plan { dispatchers: 3, ..plan.clone() },
    ];
    for other in others {
        assert_ne!(plan.hash(), other.hash(), "{other:?}");
    }
}

#[test]
fn a_token_is_never_printed() {
    let plan = planned(&job(MINIMAL), 0, "very-secret");
    assert!(!format!("{plan:?}").contains("very-secret"));
    assert!(!plan.hash().to_string().contains("very-secret"));
}

#[test]
fn dispatchers_never_outnumber_partitions() {
    // asked for, partitions, running: expected
    let table =
        [(2, Some(3), 0, 2), (5, Some(3), 5, 3), (2, Some(0), 2, 1), (2, None, 0, 2), (5, None, 3, 3), (2, None, 3, 2)];
    for (asked, partitions, applied, expected) in table {
        let asked = NonZeroU32::new(asked).unwrap();
        assert_eq!(dispatchers(asked, partitions, applied), expected, "{asked} {partitions:?} {applied}");
    }
}
