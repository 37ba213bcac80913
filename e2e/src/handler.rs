//! A user's handler that takes a known time: it answers each `POST /invoke` after a pause. It runs
//! inside the test, the way a sidecar that "listens already" does, and counts what it sees.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use tokio::runtime::Runtime;

use crate::wait;

/// A handler that listens on 127.0.0.1 while this value lives.
pub struct Handler {
    port: u16,
    seen: Arc<Seen>,
    _runtime: Runtime,
}

/// What the handler saw.
#[derive(Default)]
struct Seen {
    calls: AtomicUsize,
    running: AtomicUsize,
    most_running: AtomicUsize,
    first: OnceLock<Instant>,
}

impl Handler {
    /// Listens on a free port and takes `pause` for each call.
    pub fn start(pause: Duration) -> anyhow::Result<Self> {
        Self::with_first(pause, pause)
    }

    /// Takes `first` for the first call and `pause` for each other.
    pub fn with_first(first: Duration, pause: Duration) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let port = listener.local_addr()?.port();
        let seen = Arc::new(Seen::default());
        let state = Arc::clone(&seen);
        let invoke = move || {
            let seen = Arc::clone(&state);
            async move {
                let number = seen.begin();
                tokio::time::sleep(if number == 0 { first } else { pause }).await;
                seen.running.fetch_sub(1, Relaxed);
                ([(CONTENT_TYPE, "application/json")], r#"{"verdict":"Good"}"#)
            }
        };
        let router = Router::new().route("/invoke", post(invoke));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { port, seen, _runtime: runtime })
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Calls so far.
    pub fn calls(&self) -> usize {
        self.seen.calls.load(Relaxed)
    }

    /// Most calls that ran at once.
    pub fn most_running(&self) -> usize {
        self.seen.most_running.load(Relaxed)
    }

    /// When the first call came.
    pub fn first_call(&self) -> Option<Instant> {
        self.seen.first.get().copied()
    }
}

impl Seen {
    /// Calls before this one.
    fn begin(&self) -> usize {
        self.first.get_or_init(wait::now);
        let running = self.running.fetch_add(1, Relaxed) + 1;
        self.most_running.fetch_max(running, Relaxed);
        self.calls.fetch_add(1, Relaxed)
    }
}
