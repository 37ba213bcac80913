//! Work of a known length. A record's key says how long it takes; handlers, one for each worker, take
//! that long and note what they did when. So a story can tell which worker was busy when, and kill the
//! one that holds a poisonous record.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use imagejob_protocol::settings::{self, Action, OnFail, Step};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::fleet::BUCKET;
use crate::wait;

/// How long a handler may take, milliseconds; longer than any work of a story.
const LIMIT_MS: u64 = 1_200_000;
/// What a poisonous record's key has instead of a time.
const POISON: &str = "poison";

/// A record whose work takes this long.
pub fn record(number: usize, takes: Duration) -> String {
    json!({ "bucket": BUCKET, "key": format!("{number}/{}", takes.as_micros()) }).to_string()
}

/// A record whose work never ends; see [`Workshop::struck`].
pub fn poison(number: usize) -> String {
    json!({ "bucket": BUCKET, "key": format!("{number}/{POISON}") }).to_string()
}

/// One record's work, or one attempt at it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Whose handler did it.
    pub bench: usize,
    /// Number of the record.
    pub number: usize,
    /// When the handler was called.
    pub begin: Instant,
    /// When it answered.
    pub end: Instant,
}

/// Handlers that listen on 127.0.0.1 while this value lives.
pub struct Workshop {
    ports: Vec<u16>,
    books: Arc<Mutex<Books>>,
    runtime: Runtime,
}

/// What the handlers noted.
#[derive(Default)]
struct Books {
    begun: usize,
    diary: Vec<Entry>,
    struck: Vec<usize>,
}

impl Workshop {
    /// One without handlers.
    pub fn open() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { ports: Vec::new(), books: Arc::default(), runtime })
    }

    /// Adds a handler, for one worker; the step that calls it. Benches are numbered from 0.
    pub fn bench(&mut self) -> anyhow::Result<Step> {
        let (bench, books) = (self.ports.len(), Arc::clone(&self.books));
        let listener = self.runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let port = listener.local_addr()?.port();
        let invoke = move |call: Bytes| {
            let books = Arc::clone(&books);
            async move {
                let call = serde_json::from_slice(&call).unwrap_or_default();
                work(bench, &call, &books).await;
                ([(CONTENT_TYPE, "application/json")], "{}")
            }
        };
        let router = Router::new().route("/invoke", post(invoke));
        self.runtime.spawn(async move { axum::serve(listener, router).await });
        self.ports.push(port);
        let action = Action::Handler(settings::Handler { timeout_ms: LIMIT_MS, ..settings::Handler::on_port(port) });
        Ok(Step { name: "own".into(), on_fail: OnFail::Stop, action })
    }

    /// Calls so far.
    pub fn begun(&self) -> usize {
        lock(&self.books).begun
    }

    /// What was finished so far, in the order in which it was.
    pub fn diary(&self) -> Vec<Entry> {
        lock(&self.books).diary.clone()
    }

    /// Benches that got a poisonous record since the last call.
    pub fn struck(&self) -> Vec<usize> {
        std::mem::take(&mut lock(&self.books).struck)
    }
}

async fn work(bench: usize, call: &Value, books: &Mutex<Books>) {
    let begin = wait::now();
    let key = call["object"]["key"].as_str().unwrap_or_default();
    let (number, takes) = key.split_once('/').unwrap_or_default();
    lock(books).begun += 1;
    if takes == POISON {
        lock(books).struck.push(bench);
        return std::future::pending().await;
    }
    tokio::time::sleep(Duration::from_micros(takes.parse().unwrap_or(0))).await;
    let entry = Entry { bench, number: number.parse().unwrap_or(usize::MAX), begin, end: wait::now() };
    lock(books).diary.push(entry);
}

fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}
