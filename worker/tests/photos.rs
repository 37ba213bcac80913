//! A photo's way through a job's steps, and each way in which it can end early.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use imagejob_protocol::events::{ItemBody, Object};
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Action, Handler, OnFail, Step, Storage, StorageKind};
use imagejob_worker::decode::Cores;
use imagejob_worker::outcome::Failure;
use imagejob_worker::pipeline::Pipeline;
use imagejob_worker::steps::Item;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Larger photos are refused by the stores here.
const MAX_OBJECT_BYTES: u64 = 200_000;

fn repository(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// A store with one bucket, `photos`, and these objects.
fn store(objects: &[(&str, Vec<u8>)]) -> (TempDir, Storage) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("photos")).unwrap();
    for (key, bytes) in objects {
        std::fs::write(dir.path().join("photos").join(key), bytes).unwrap();
    }
    let kind = StorageKind::FileSystem { path: dir.path().to_owned() };
    let storage = Storage { kind, buckets: vec!["photos".to_owned()], max_object_bytes: MAX_OBJECT_BYTES };
    (dir, storage)
}

fn step(name: &str, on_fail: OnFail, action: Action) -> Step {
    Step { name: name.to_owned(), on_fail, action }
}

fn handler(port: u16, timeout: Duration) -> Action {
    let timeout_ms = timeout.as_millis() as u64;
    Action::Handler(Handler { timeout_ms, ..Handler::on_port(port) })
}

async fn process(storage: &Storage, steps: &[Step], key: &str) -> Result<ItemBody, Failure> {
    let pipeline = Pipeline::of(storage, steps).await.unwrap();
    let object = Object::new("photos", key);
    pipeline.process(Item { attempt: 2, ..Item::new("00ff", object) }).await.map(|processed| processed.body)
}

/// A handler on a free port that runs as long as the test.
async fn listening(routes: Router) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    port
}

/// Answers with the request that it got.
async fn echo(headers: HeaderMap, body: Bytes) -> String {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let kind = headers["content-type"].to_str().unwrap();
    json!({"verdict": "Seen", "contentType": kind, "request": request}).to_string()
}

#[tokio::test]
async fn quality_then_the_users_own_code() {
    let (_dir, storage) = store(&[("作业 1.jpg", repository("demo/photos/temple.jpg"))]);
    let port = listening(Router::new().route("/invoke", post(echo))).await;
    let steps = [
        step("quality", OnFail::Stop, Action::Quality {}),
        step("own", OnFail::Stop, handler(port, Duration::from_secs(10))),
    ];
    let body = process(&storage, &steps, "作业 1.jpg").await.unwrap();

    let image = body.image.unwrap();
    assert_eq!((image.width, image.height, image.format.as_str()), (640, 427, "Jpeg"));
    assert_eq!(body.object.bytes, Some(repository("demo/photos/temple.jpg").len() as u64));
    assert_eq!(body.steps["quality"]["verdict"], "Good");
    assert_eq!(body.steps["quality"]["reasons"], json!([]));
    assert_eq!(
        body.steps["own"],
        json!({
            "verdict": "Seen",
            "contentType": "application/json",
            "request": {"id": "00ff", "attempt": 2, "object": {"bucket": "photos", "key": "作业 1.jpg"}},
        })
    );
    assert!(body.timings.decode_ms > 0.0 && body.timings.steps_ms > 0.0);
}

#[tokio::test]
async fn an_unusable_photo_stops_where_the_step_says_so() {
    let (_dir, storage) = store(&[("small.jpg", repository("worker/vision/tests/images/baseline.jpg"))]);
    let port = listening(Router::new().route("/invoke", post(echo))).await;
    for (on_fail, ran) in [(OnFail::Stop, vec!["quality"]), (OnFail::Continue, vec!["own", "quality"])] {
        let steps = [
            step("quality", on_fail, Action::Quality {}),
            step("own", OnFail::Stop, handler(port, Duration::from_secs(10))),
        ];
        let body = process(&storage, &steps, "small.jpg").await.unwrap();
        assert_eq!(body.steps["quality"]["verdict"], "TooSmall");
        let mut names: Vec<_> = body.steps.keys().collect();
        names.sort();
        assert_eq!(names, ran, "{on_fail:?}");
    }
}

#[tokio::test]
async fn each_bad_object_fails_with_its_reason() {
    let photo = repository("demo/photos/temple.jpg");
    let huge = {
        let mut bytes = repository("worker/vision/tests/images/baseline.jpg");
        let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        bytes[frame + 5..frame + 9].copy_from_slice(&[0x75, 0x30, 0x75, 0x30]); // 30,000 x 30,000
        bytes
    };
    let (_dir, storage) = store(&[
        ("empty.jpg", Vec::new()),
        ("large.jpg", vec![0; MAX_OBJECT_BYTES as usize + 1]),
        ("note.jpg", b"not a photo at all".to_vec()),
        ("cut.jpg", photo[..photo.len() / 2].to_vec()),
        ("huge.jpg", huge),
    ]);
    let steps = [step("quality", OnFail::Stop, Action::Quality {})];
    for (key, reason) in [
        ("absent.jpg", FailureReason::ObjectMissing),
        ("../photos/cut.jpg", FailureReason::PathEscapesStore),
        ("empty.jpg", FailureReason::EmptyObject),
        ("large.jpg", FailureReason::ObjectTooLarge),
        ("note.jpg", FailureReason::NotAnImage),
        ("cut.jpg", FailureReason::TruncatedImage),
        ("huge.jpg", FailureReason::TooManyPixels),
    ] {
        let failure = process(&storage, &steps, key).await.unwrap_err();
        assert_eq!(failure.reason, reason, "{key}: {failure}");
    }
}

#[tokio::test]
async fn a_handler_that_breaks_the_call_off_may_succeed_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            drop(connection);
        }
    });
    let (_dir, storage) = store(&[]);
    let steps = [step("own", OnFail::Stop, handler(port, Duration::from_secs(10)))];
    let failure = process(&storage, &steps, "any.jpg").await.unwrap_err();
    assert_eq!(failure.reason, FailureReason::HandlerFailed, "{failure}");
}

#[tokio::test]
async fn a_panic_fails_one_photo_and_its_neighbours_go_on() {
    let cores = Cores::new();
    let (broken, whole) = tokio::join!(cores.run::<()>(|| panic!("a defect in a decoder")), cores.run(|| 7));
    assert_eq!(broken.unwrap_err().reason, FailureReason::StepPanicked);
    assert_eq!(whole.unwrap(), 7);
    let turns = std::thread::available_parallelism().unwrap().get() + 1;
    for _ in 0..turns {
        assert!(cores.run::<()>(|| panic!("again")).await.is_err(), "a panic gives its turn back");
    }
    assert_eq!(cores.run(|| 8).await.unwrap(), 8);
}
