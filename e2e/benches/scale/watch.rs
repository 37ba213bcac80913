//! What the API server tells about Deployments, line by line, with the time at which it did.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context as _;
use imagejob_e2e::wait;

/// A worker Deployment's count and when it was seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) replicas: u32,
    pub(crate) ready: u32,
    pub(crate) at: Instant,
}

/// The newest of each Deployment.
type Book = BTreeMap<String, Seen>;

/// A running `kubectl get --watch`.
pub(crate) struct Deployments {
    book: Arc<Mutex<Book>>,
    watch: Child,
}

impl Deployments {
    /// Watches all namespaces.
    pub(crate) fn watch(provider: &Path) -> anyhow::Result<Self> {
        let columns = "custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,\
                       REPLICAS:.spec.replicas,READY:.status.readyReplicas";
        let mut watch = Command::new(provider)
            .args(["kubectl", "get", "deployments", "-A", "--watch", "--no-headers", "-o", columns])
            .stdout(Stdio::piped())
            .spawn()?;
        let lines = BufReader::new(watch.stdout.take().context("standard output is piped")?).lines();
        let book = Arc::<Mutex<Book>>::default();
        let written = Arc::clone(&book);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let at = wait::now();
                let mut fields = line.split_whitespace();
                if let (Some(namespace), Some(name), Some(replicas), ready) =
                    (fields.next(), fields.next(), fields.next(), fields.next())
                {
                    let number = |field: &str| field.parse().unwrap_or(0);
                    let seen = Seen { replicas: number(replicas), ready: ready.map_or(0, number), at };
                    let mut book = written.lock().unwrap_or_else(PoisonError::into_inner);
                    book.insert(format!("{namespace}/{name}"), seen);
                }
            }
        });
        Ok(Self { book, watch })
    }

    /// The newest of `namespace/name`.
    pub(crate) fn newest(&self, name: &str) -> Option<Seen> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }
}

impl Drop for Deployments {
    fn drop(&mut self) {
        if let Err(error) = self.watch.kill().and_then(|()| self.watch.wait().map(drop)) {
            eprintln!("the watch is left behind: {error}");
        }
    }
}
