//! `imagejob record` on a real Kafka: what came when is counted from the topic itself, and can be simulated.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::programs::{Process, program};
use imagejob_e2e::story::skipped;
use imagejob_e2e::topics::Topics;

const RECORDS: usize = 2_000;

fn run(folder: &Path, args: &[&str]) -> String {
    let args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
    let mut process = Process::start(&program("imagejob").unwrap(), "imagejob", folder, &args).unwrap();
    let (well, text) = process.finish().unwrap();
    assert!(well, "{args:?}: {text}{}", process.log());
    text
}

#[test]
fn what_a_topic_holds_becomes_a_trace_that_is_simulated() {
    if skipped("looks up no offsets by time") {
        return;
    }
    let broker = Broker::start().unwrap();
    broker.create_topic("recorded", 3).unwrap();
    Topics::new(&broker.bootstrap()).unwrap().produce("recorded", std::iter::repeat_n("photo", RECORDS)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let job = format!(
        "apiVersion: imagejob.dev/v1alpha1\nkind: ImageJob\nmetadata: {{name: recorded, namespace: default}}\nspec:\n  \
         source: {{kafka: {{bootstrapServers: \"{}\", topics: [recorded]}}}}\n  \
         storage: {{type: FileSystem, path: /data, buckets: [photos]}}\n  steps: [{{name: quality, quality: {{}}}}]\n  \
         results: {{topic: results}}\n",
        broker.bootstrap()
    );
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("job.yaml"), job).unwrap();

    let trace = run(folder.path(), &["record", &path("job.yaml"), "--hours", "1"]);
    let rows: Vec<(i64, usize)> = trace
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap())
        .map(|(second, records)| (second.parse().unwrap(), records.parse().unwrap()))
        .collect();
    assert_eq!(rows.iter().map(|(_, records)| records).sum::<usize>(), RECORDS, "{trace}");
    assert!(rows.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "a line for each second: {trace}");

    std::fs::write(path("trace.csv"), &trace).unwrap();
    let report = run(
        folder.path(),
        &[
            "simulate",
            "--trace",
            &path("trace.csv"),
            "--job",
            &path("job.yaml"),
            "--service-rate",
            "40",
            "--report",
            "json",
        ],
    );
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        (report["runs"][0]["policy"].as_str(), report["runs"][0]["over_wait_percent"].as_f64()),
        (Some("policy"), Some(0.0))
    );
}
