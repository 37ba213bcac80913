//! A job whose photos lie in S3: from records that name them to results, with the key in a Secret.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::dev::Dev;
use imagejob_e2e::s3::{ACCESS_KEY_ID, REGION, S3, SECRET_ACCESS_KEY, write_secret};
use imagejob_e2e::topics::{Topics, header};
use imagejob_e2e::wait;
use imagejob_protocol::events::ItemBody;
use imagejob_protocol::headers;
use imagejob_protocol::reasons::FailureReason;
use rdkafka::Message as _;
use serde_json::json;

const LIMIT: Duration = Duration::from_mins(1);
const PHOTO: &[u8] = include_bytes!("../../demo/photos/rocket.jpg");

fn job(endpoint: &str) -> String {
    format!(
        "
apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {{name: from-s3}}
spec:
  source: {{kafka: {{bootstrapServers: '127.0.0.1:9092', topics: [named]}}}}
  storage:
    type: S3
    endpoint: {endpoint}
    region: {REGION}
    addressing: Path
    secretRef: {{name: reader}}
    buckets: [photos]
  steps: [{{name: quality, quality: {{}}}}]
  results: {{topic: named-results}}
  retry: {{maxAttempts: 1}}
  scaling: {{maxReplicas: 1, waitSeconds: 2}}
"
    )
}

#[test]
fn photos_in_s3_become_results_and_those_that_are_missing_dead_letters() {
    // What is shown here is between worker and store: librdkafka's mock is broker enough.
    let broker = Broker::mock().unwrap();
    for topic in ["named", "named-results", "named.dlq"] {
        broker.create_topic(topic, 1).unwrap();
    }
    let store = S3::start("photos").unwrap();
    std::fs::create_dir(store.bucket("photos").join("作业")).unwrap();
    std::fs::write(store.bucket("photos").join("作业/作业 1.jpg"), PHOTO).unwrap();
    let secrets = tempfile::tempdir().unwrap();
    write_secret(&secrets.path().join("reader"), ACCESS_KEY_ID, SECRET_ACCESS_KEY).unwrap();
    let topics = Topics::new(&broker.bootstrap()).unwrap();
    let record = |key: &str| json!({ "bucket": "photos", "key": key }).to_string();
    topics.produce("named", [record("作业/作业 1.jpg").as_bytes(), record("nobody.jpg").as_bytes()]).unwrap();

    let mut dev = Dev::with_secrets(&broker, &job(&store.endpoint()), secrets.path()).unwrap();
    let ended = || ["named-results", "named.dlq"].map(|topic| topics.count(topic).unwrap());
    wait::until(LIMIT, || format!("results and dead letters {:?}", ended()), || ended() == [1, 1]);
    assert!(dev.is_running());
    let result = &topics.read("named-results").unwrap()[0];
    let body: ItemBody = serde_json::from_slice(result.payload().unwrap()).unwrap();
    assert_eq!((body.object.key.as_str(), body.object.bytes), ("作业/作业 1.jpg", Some(PHOTO.len() as u64)));
    assert!(body.steps.contains_key("quality"), "{body:?}");
    let letter = &topics.read("named.dlq").unwrap()[0];
    assert_eq!(header(letter, headers::REASON).unwrap(), FailureReason::ObjectMissing.as_str());
}
