//! The user's own code behind a step: what its answers mean.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Action, OnFail, Step, Storage, StorageKind};
use imagejob_worker::outcome::Failure;
use imagejob_worker::pipeline::{Pipeline, Processed};
use imagejob_worker::variables::Variables;
use serde_json::{Value, json};

/// Answers as the key of the object says: `<status> <body>`; `slow` never answers.
async fn answer(headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    assert_eq!(headers["content-type"], "application/json");
    let call: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(headers["x-fc-request-id"], call["id"].as_str().unwrap());
    let key = call["object"]["key"].as_str().unwrap();
    match key.split_once(' ') {
        Some(("long", _)) => (StatusCode::OK, format!("\"{}\"", "x".repeat(2 << 20))),
        Some((status, text)) => (status.parse().unwrap(), text.to_owned()),
        None => std::future::pending().await,
    }
}

fn step(name: &str, port: u16, on_fail: OnFail) -> Step {
    let action = Action::Handler { command: vec![], port, path: "/invoke".into(), timeout_ms: 300 };
    Step { name: name.into(), on_fail, action }
}

async fn pipeline(names: &[&str], on_fail: OnFail) -> Pipeline {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/invoke", post(answer))).await });
    let storage =
        Storage { kind: StorageKind::FileSystem { path: "/".into() }, buckets: vec!["b".into()], max_object_bytes: 1 };
    let steps: Vec<Step> = names.iter().map(|name| step(name, port, on_fail)).collect();
    Pipeline::of(&storage, &steps).await.unwrap()
}

async fn call(pipeline: &Pipeline, key: &str) -> Result<Processed, Failure> {
    let object = Object { bucket: "b".into(), key: key.into(), bytes: None, etag: None };
    pipeline.process("id-1".into(), 1, &object, Variables::default()).await
}

#[tokio::test]
async fn a_json_object_becomes_the_entry_of_the_step() {
    let pipeline = pipeline(&["own"], OnFail::Stop).await;
    let processed = call(&pipeline, r#"200 {"verdict": "Cat", "score": 0.9}"#).await.unwrap();
    assert_eq!(Value::Object(processed.body.steps), json!({"own": {"verdict": "Cat", "score": 0.9}}));
    assert_eq!(processed.body.image, None, "nobody looked at pixels, so nothing was fetched");
}

#[tokio::test]
async fn other_answers_fail_the_photo_with_their_reason() {
    use FailureReason::{HandlerAnswerInvalid, HandlerFailed, HandlerRejected, TimedOut};
    let pipeline = pipeline(&["own"], OnFail::Stop).await;
    for (key, reason) in [
        ("200 not json", HandlerAnswerInvalid),
        ("200 [1]", HandlerAnswerInvalid),
        ("long answer", HandlerAnswerInvalid),
        ("400 no such thing", HandlerRejected),
        ("404 ", HandlerRejected),
        ("429 busy", HandlerFailed),
        ("500 oops", HandlerFailed),
        ("503 ", HandlerFailed),
        ("slow", TimedOut),
    ] {
        let failure = call(&pipeline, key).await.unwrap_err();
        assert_eq!(failure.reason, reason, "{key}: {failure}");
    }
    assert_eq!(
        call(&pipeline, "400 no such thing").await.unwrap_err().to_string(),
        "HandlerRejected: the handler answered 400: no such thing"
    );
}

#[tokio::test]
async fn a_photo_that_is_not_usable_ends_the_steps_if_the_job_says_so() {
    for (on_fail, steps) in [(OnFail::Stop, 1), (OnFail::Continue, 2)] {
        let pipeline = pipeline(&["first", "second"], on_fail).await;
        let processed = call(&pipeline, r#"200 {"usable": false}"#).await.unwrap();
        assert_eq!(processed.body.steps.len(), steps, "{on_fail:?}");
    }
}

/// A handler in 20 lines that ends after its first call.
const ONE_CALL: &str = r#"
import http.server, os, threading

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"pid": %d}' % os.getpid()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        threading.Thread(target=self.server.shutdown).start()

http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

#[tokio::test]
async fn a_command_is_started_with_its_port_and_again_when_it_ends() {
    let command = ["python3", "-c", ONE_CALL].map(str::to_owned).to_vec();
    let action = Action::Handler { command, port: 0, path: "/invoke".into(), timeout_ms: 10_000 };
    let step = Step { name: "own".into(), on_fail: OnFail::Stop, action };
    let storage =
        Storage { kind: StorageKind::FileSystem { path: "/".into() }, buckets: vec!["b".into()], max_object_bytes: 1 };
    let pipeline = Pipeline::of(&storage, &[step]).await.unwrap();
    let pid = |processed: Processed| processed.body.steps["own"]["pid"].as_i64().unwrap();
    let first = pid(call(&pipeline, "a.jpg").await.unwrap());
    let again = async {
        loop {
            match call(&pipeline, "a.jpg").await {
                Ok(processed) => break pid(processed),
                Err(failure) => assert_eq!(failure.reason, FailureReason::HandlerFailed, "{failure}"),
            }
            tokio::task::yield_now().await;
        }
    };
    let second = tokio::time::timeout(Duration::from_secs(30), again).await.unwrap();
    assert_ne!(first, second);
}
