//! The user's own code behind a step: what its answers mean.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Action, Handler, OnFail, Payload, Step, Storage, StorageKind};
use imagejob_worker::outcome::Failure;
use imagejob_worker::pipeline::{Pipeline, Processed};
use imagejob_worker::steps::Item;
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
    let action = Action::Handler(Handler { timeout_ms: 300, ..Handler::on_port(port) });
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
    let object = Object::new("b", key);
    pipeline.process(Item::new("id-1", object)).await
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
    use FailureReason::{HandlerAnswerInvalid, HandlerBusy, HandlerFailed, HandlerRejected, TimedOut};
    let pipeline = pipeline(&["own"], OnFail::Stop).await;
    for (key, reason) in [
        ("200 not json", HandlerAnswerInvalid),
        ("200 [1]", HandlerAnswerInvalid),
        ("long answer", HandlerAnswerInvalid),
        ("400 no such thing", HandlerRejected),
        ("404 ", HandlerRejected),
        ("429 busy", HandlerBusy),
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
    let action = Action::Handler(Handler { command, timeout_ms: 10_000, ..Handler::on_port(0) });
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

/// Writes down each call, and answers with its type, its length and what was written down so far.
const FUNCTION: &str = r#"
import http.server, json, os, socketserver

class Handler(http.server.BaseHTTPRequestHandler):
    calls = []
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        Handler.calls.append(self.command + " " + self.path)
        entry = {"type": self.headers.get("content-type"), "bytes": len(body), "text": body[:24].decode(errors="replace"),
                 "key": self.headers.get("x-imagejob-key"), "calls": Handler.calls}
        answer = json.dumps(entry).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def do_GET(self):
        Handler.calls.append(self.command + " " + self.path)
        if self.path == "/pre-stop":
            open(os.environ["SOCKET"] + ".stopped", "w").close()
        self.send_response(200 if self.path != "/health" or Handler.calls.count("GET /health") > 2 else 503)
        self.send_header("content-length", "0")
        self.end_headers()
    def address_string(self):
        return "socket"

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    pass

Server(os.environ["SOCKET"], Handler).serve_forever()
"#;

/// A folder with one photo and a step whose program listens on a socket in it.
async fn function(payload: Payload) -> (tempfile::TempDir, Pipeline) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("b")).unwrap();
    std::fs::write(folder.path().join("b/作业 1.jpg"), b"not even an image").unwrap();
    let handler = Handler {
        command: ["python3", "-c", FUNCTION].map(str::to_owned).to_vec(),
        socket: Some(folder.path().join("own.sock")),
        payload,
        health_path: Some("/health".to_owned()),
        initialize: true,
        pre_stop: true,
        ..Handler::on_port(0)
    };
    let kind = StorageKind::FileSystem { path: folder.path().to_owned() };
    let storage = Storage { kind, buckets: vec!["b".into()], max_object_bytes: 100 };
    let step = Step { name: "own".into(), on_fail: OnFail::Stop, action: Action::Handler(handler) };
    let pipeline = Pipeline::of(&storage, &[step]).await.unwrap();
    (folder, pipeline)
}

#[tokio::test]
async fn a_function_is_well_and_initialised_before_its_first_photo_and_told_before_its_end() {
    let (folder, pipeline) = function(Payload::Reference).await;
    let found = call(&pipeline, "作业 1.jpg").await.unwrap().body.steps["own"].clone();
    let calls = json!(["GET /health", "GET /health", "GET /health", "POST /initialize", "POST /invoke"]);
    assert_eq!(found["calls"], calls);
    assert_eq!(found["key"], "%E4%BD%9C%E4%B8%9A%201.jpg");
    let stopped = folder.path().join("own.sock.stopped");
    assert!(!stopped.exists());
    pipeline.stop().await;
    assert!(stopped.exists(), "GET /pre-stop came");
}

#[tokio::test]
async fn a_handler_is_told_the_place_or_handed_the_photo_or_the_record() {
    for (payload, kind, text) in [
        (Payload::Reference, "application/json", r#"{"attempt":1,"id":"id-1""#),
        (Payload::Bytes, "application/octet-stream", "not even an image"),
        (Payload::Record, "application/json", r#"{"events":[]}"#),
    ] {
        let (_folder, pipeline) = function(payload).await;
        let object = Object::new("b", "作业 1.jpg");
        let item = Item { record: r#"{"events":[]}"#.into(), ..Item::new("id-1", object) };
        let body = pipeline.process(item).await.unwrap().body;
        let found = &body.steps["own"];
        assert_eq!((&found["type"], found["text"].as_str().unwrap()), (&json!(kind), text), "{payload:?}");
        assert_eq!(body.object.bytes, (payload == Payload::Bytes).then_some(17), "{payload:?}");
    }
}

#[tokio::test]
async fn a_photo_that_is_too_large_is_not_handed_over() {
    let (folder, pipeline) = function(Payload::Bytes).await;
    std::fs::write(folder.path().join("b/large.jpg"), [0; 101]).unwrap();
    assert_eq!(call(&pipeline, "large.jpg").await.unwrap_err().reason, FailureReason::ObjectTooLarge);
}

#[tokio::test]
async fn a_handler_that_hangs_on_one_photo_answers_for_the_others() {
    let pipeline = pipeline(&["own"], OnFail::Stop).await;
    let (hung, good) = tokio::join!(call(&pipeline, "slow"), async {
        for _ in 0..20 {
            call(&pipeline, r#"200 {"verdict": "Cat"}"#).await.unwrap();
        }
        "done"
    });
    assert_eq!((hung.unwrap_err().reason, good), (FailureReason::TimedOut, "done"));
}

#[tokio::test]
async fn a_program_that_never_gets_ready_says_why() {
    let load = |handler: Handler| async move {
        let kind = StorageKind::FileSystem { path: "/".into() };
        let storage = Storage { kind, buckets: vec!["b".into()], max_object_bytes: 1 };
        let step = Step { name: "own".into(), on_fail: OnFail::Stop, action: Action::Handler(handler) };
        let Err(error) = Pipeline::of(&storage, &[step]).await else { panic!("it is not ready") };
        format!("{error:#}")
    };
    let command = |program: &str| vec!["sh".to_owned(), "-c".to_owned(), program.to_owned()];
    let ended = load(Handler { command: command("exit 3"), ..Handler::on_port(0) }).await;
    assert!(ended.starts_with("the handler ended before it listened on port "), "{ended}");
    assert!(ended.ends_with("exit status: 3"), "{ended}");
    let none = load(Handler { command: vec!["no-such-program".to_owned()], ..Handler::on_port(0) }).await;
    assert!(none.starts_with("handler \"no-such-program\" does not start"), "{none}");
}
