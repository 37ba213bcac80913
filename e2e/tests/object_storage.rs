//! Jobs whose photos lie in S3 and in OSS: from events that name them to results, with the key in a Secret; and
//! `imagejob try`, which says of each object that cannot be read why, and what to do.

#![allow(clippy::unwrap_used, unreachable_pub, missing_docs)]

// The worker's own stories damage and read what was written; these do not.
#[expect(dead_code)]
#[path = "../../worker/tests/oss/server.rs"]
mod server;
#[path = "../../worker/tests/oss/signature.rs"]
mod signature;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::dev::Dev;
use imagejob_e2e::programs::program;
use imagejob_e2e::s3::{self, S3};
use imagejob_e2e::topics::{Topics, header};
use imagejob_e2e::wait;
use imagejob_protocol::events::ItemBody;
use imagejob_protocol::headers;
use imagejob_protocol::reasons::FailureReason;
use jiff::SignedDuration;
use rdkafka::Message as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use server::{ACCESS_KEY_ID, Fault, Oss, REGION, SECRET, Seen, write_secret};

const LIMIT: Duration = Duration::from_mins(1);
const PHOTO: &[u8] = include_bytes!("../../demo/photos/rocket.jpg");

fn job(store: &str, region: &str, endpoint: &str) -> String {
    format!(
        "
apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {{name: from-store}}
spec:
  source: {{kafka: {{bootstrapServers: '127.0.0.1:9092', topics: [named]}}}}
  storage:
    type: {store}
    endpoint: {endpoint}
    region: {region}
    addressing: Path
    secretRef: {{name: reader}}
    buckets: [photos, made]
  steps:
  - {{name: quality, quality: {{}}}}
  - {{name: small, resize: {{output: 's3://made/{{time}}/{{key}}', maxWidth: 64, maxHeight: 64}}}}
  results: {{topic: named-results}}
  retry: {{maxAttempts: 1}}
  scaling: {{maxReplicas: 1, waitSeconds: 2}}
"
    )
}

/// What is shown here is between worker and store: librdkafka's mock is broker enough.
fn broker() -> Broker {
    let broker = Broker::mock().unwrap();
    for topic in ["named", "named-results", "named.dlq"] {
        broker.create_topic(topic, 1).unwrap();
    }
    broker
}

/// An event of OSS about a version of an object.
fn event(key: &str, etag: &str) -> String {
    let object = json!({"key": key, "eTag": etag, "size": PHOTO.len(), "deltaSize": PHOTO.len()});
    let oss = json!({"bucket": {"name": "photos"}, "object": object, "ossSchemaVersion": "1.0"});
    json!({"events": [{"eventName": "ObjectCreated:PutObject", "eventSource": "acs:oss", "eventVersion": "1.0", "oss": oss}]})
        .to_string()
}

/// Where a result says that the small picture is, and what it holds.
fn made(body: &ItemBody) -> (String, String) {
    let small = &body.steps["small"];
    let text = |field: &str| small[field].as_str().unwrap().to_owned();
    assert_eq!((text("bucket"), &small["width"]), ("made".to_owned(), &json!(64)), "{small}");
    (text("key"), text("sha256"))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn photos_in_s3_become_results_and_those_that_are_missing_dead_letters() {
    let broker = broker();
    let store = S3::start("photos").unwrap();
    std::fs::create_dir(store.bucket("made")).unwrap();
    std::fs::create_dir(store.bucket("photos").join("作业")).unwrap();
    std::fs::write(store.bucket("photos").join("作业/作业 1.jpg"), PHOTO).unwrap();
    let secrets = tempfile::tempdir().unwrap();
    s3::write_secret(&secrets.path().join("reader"), s3::ACCESS_KEY_ID, s3::SECRET_ACCESS_KEY).unwrap();
    let topics = Topics::new(&broker.bootstrap()).unwrap();
    let record = |key: &str| json!({ "bucket": "photos", "key": key }).to_string();
    topics.produce("named", [record("作业/作业 1.jpg").as_bytes(), record("nobody.jpg").as_bytes()]).unwrap();

    let mut dev = Dev::with_secrets(&broker, &job("S3", s3::REGION, &store.endpoint()), secrets.path()).unwrap();
    let ended = || ["named-results", "named.dlq"].map(|topic| topics.count(topic).unwrap());
    wait::until(LIMIT, || format!("results and dead letters {:?}", ended()), || ended() == [1, 1]);
    assert!(dev.is_running());
    let result = &topics.read("named-results").unwrap()[0];
    let body: ItemBody = serde_json::from_slice(result.payload().unwrap()).unwrap();
    assert_eq!((body.object.key.as_str(), body.object.bytes), ("作业/作业 1.jpg", Some(PHOTO.len() as u64)));
    assert!(body.steps.contains_key("quality"), "{body:?}");
    let (key, sha256) = made(&body);
    let written = std::fs::read(store.bucket("made").join(&key)).unwrap();
    assert!(key.ends_with("Z/作业/作业 1.jpg") && sha256 == digest(&written), "{key}");
    let letter = &topics.read("named.dlq").unwrap()[0];
    assert_eq!(header(letter, headers::REASON).unwrap(), FailureReason::ObjectMissing.as_str());
}

#[test]
fn photos_in_oss_become_results_and_each_that_cannot_be_read_a_letter_with_its_reason() {
    let broker = broker();
    let store = Oss::start();
    store.put("made", "bucket", "");
    let good = store.put("photos", "作业/作业 1.jpg", PHOTO);
    let overwritten = store.put("photos", "changed.jpg", PHOTO);
    store.put("photos", "changed.jpg", PHOTO);
    let secrets = tempfile::tempdir().unwrap();
    write_secret(&secrets.path().join("reader"), ACCESS_KEY_ID, SECRET);
    let topics = Topics::new(&broker.bootstrap()).unwrap();
    let records = [event("changed.jpg", &overwritten), event("nobody.jpg", "0"), event("作业/作业 1.jpg", &good)];
    topics.produce("named", records.each_ref().map(String::as_bytes)).unwrap();

    let mut dev = Dev::with_secrets(&broker, &job("Oss", REGION, &store.endpoint()), secrets.path()).unwrap();
    let ended = || ["named-results", "named.dlq"].map(|topic| topics.count(topic).unwrap());
    wait::until(LIMIT, || format!("results and dead letters {:?}", ended()), || ended() == [1, 2]);
    assert!(dev.is_running());
    let result = &topics.read("named-results").unwrap()[0];
    let body: ItemBody = serde_json::from_slice(result.payload().unwrap()).unwrap();
    assert_eq!((body.object.key.as_str(), body.object.etag.as_deref()), ("作业/作业 1.jpg", Some(good.as_str())));
    let (key, sha256) = made(&body);
    let world = store.world();
    let written = world.object("made", &key).unwrap();
    assert!(key.ends_with("Z/作业/作业 1.jpg") && sha256 == digest(&written.bytes), "{key}");
    drop(world);
    let letters = topics.read("named.dlq").unwrap();
    let mut reasons: Vec<_> = letters.iter().map(|letter| header(letter, headers::REASON).unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["ObjectChanged", "ObjectMissing"]);
}

/// Runs `imagejob try` on an object; what it prints, and its last line on standard error.
fn try_on(folder: &Path, secrets: Option<&Path>, object: &str) -> (Value, bool) {
    let mut command = Command::new(program("imagejob").unwrap());
    command.arg("try").arg(folder.join("job.yaml")).arg(object);
    if let Some(secrets) = secrets {
        command.arg("--secrets").arg(secrets);
    }
    let output = command.output().unwrap();
    let line = serde_json::from_slice(&output.stdout);
    let said = line.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (said, output.status.success())
}

#[test]
fn try_reads_an_object_or_says_why_not_and_what_to_do() {
    let store = Oss::start();
    store.put("photos", "a.jpg", PHOTO);
    let folder = tempfile::tempdir().unwrap();
    write_secret(&folder.path().join("reader"), ACCESS_KEY_ID, SECRET);
    std::fs::write(folder.path().join("job.yaml"), job("Oss", REGION, &store.endpoint())).unwrap();
    let secrets = Some(folder.path());

    store.world().faults.push_back(Fault::Slow);
    let (said, good) = try_on(folder.path(), secrets, "oss://photos/a.jpg");
    assert!(good, "{said}");
    assert_eq!(said["object"], json!({"bucket": "photos", "key": "a.jpg", "bytes": PHOTO.len()}));
    let Seen { path, range, if_match, authorization, .. } = store.world().seen.remove(0);
    assert_eq!((path.as_str(), range.as_deref(), if_match), ("/photos/a.jpg", Some("bytes=0-16777215"), None));
    assert!(authorization.starts_with("OSS4-HMAC-SHA256 Credential="), "{authorization}");

    let none = Duration::ZERO;
    for (faults, ahead, object, reason, words) in [
        (
            vec![Fault::Refuse(403, "AccessDenied")],
            none,
            "oss://photos/a.jpg",
            "AccessDenied",
            "allow the key to read the bucket",
        ),
        (vec![], Duration::from_mins(20), "oss://photos/a.jpg", "AccessDenied", "behind the store's: set it"),
        (vec![Fault::Refuse(503, "Busy"); 3], none, "oss://photos/a.jpg", "StoreUnavailable", "ask the store less"),
        (
            vec![Fault::Cut(1); 3],
            none,
            "oss://photos/a.jpg",
            "StoreUnavailable",
            "could not be read from http://127.0.0.1",
        ),
        (vec![Fault::Redirect], none, "oss://photos/a.jpg", "StoreUnavailable", "correct storage.endpoint"),
        (vec![], none, "oss://photos/b.jpg", "ObjectMissing", "there is no object photos/b.jpg"),
        (vec![], none, "oss://posters/a.jpg", "BucketNotListed", "not in storage.buckets (made, photos); add it there"),
        (vec![Fault::Overwrite], none, "oss://photos/a.jpg", "NotAnImage", ""),
    ] {
        let mut world = store.world();
        world.ahead = SignedDuration::try_from(ahead).unwrap();
        world.faults = faults.into();
        drop(world);
        let (said, good) = try_on(folder.path(), secrets, object);
        println!("{said}");
        assert!(!good && said["reason"] == reason && said["message"].as_str().unwrap().contains(words), "{said}");
    }
    let (said, good) = try_on(folder.path(), None, "oss://photos/a.jpg");
    assert!(!good && said["reason"] == "CredentialsUnavailable", "{said}");
    assert!(said["message"].as_str().unwrap().contains("say with --secrets DIR"), "{said}");
}
