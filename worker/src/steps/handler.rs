//! The user's own code, over HTTP on localhost: one POST per photo with a JSON body, answered by a
//! JSON object, which becomes the step's entry in the result. The shape of the call is that of
//! Function Compute's custom containers, so that these run here as they are.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use imagejob_protocol::reasons::FailureReason;
use reqwest::StatusCode;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::AbortHandle;
use tracing::{info, warn};

use super::{Found, Item};
use crate::outcome::Failure;
use crate::transport;

/// How long a handler may take to listen after it was started.
const START_LIMIT: Duration = Duration::from_mins(1);
/// Pause between two looks whether it listens.
const START_POLL: Duration = Duration::from_millis(10);
/// Pause before a handler that ended is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(500);
/// Largest answer.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// A handler that listens.
pub(super) struct Handler {
    client: reqwest::Client,
    url: String,
    timeout: Duration,
    keeper: Option<AbortHandle>,
}

impl Handler {
    /// Starts `command`, if there is one, and waits until the port answers.
    pub(super) async fn start(command: &[String], port: u16, path: &str, timeout_ms: u64) -> anyhow::Result<Self> {
        let port = if port == 0 { free_port()? } else { port };
        let mut keeper = None;
        if let [program, arguments @ ..] = command {
            let mut command = Command::new(program);
            command.args(arguments).env("PORT", port.to_string()).stdin(Stdio::null()).kill_on_drop(true);
            let child = command.spawn().with_context(|| format!("handler {program:?} does not start"))?;
            let mut program = Program { command, child };
            program.wait_until_it_listens(port).await?;
            keeper = Some(tokio::spawn(program.keep()).abort_handle());
        } else {
            tokio::time::timeout(START_LIMIT, listens(port))
                .await
                .with_context(|| format!("no handler listens on port {port}"))?;
        }
        let client = transport::local()?;
        let url = format!("http://127.0.0.1:{port}{path}");
        Ok(Self { client, url, timeout: Duration::from_millis(timeout_ms), keeper })
    }

    /// One photo.
    pub(super) async fn call(&self, item: &Item) -> Result<Found, Failure> {
        let answer = tokio::time::timeout(self.timeout, self.post(item)).await.map_err(|_| {
            Failure::new(
                FailureReason::TimedOut,
                format!("the handler did not answer within {} ms", self.timeout.as_millis()),
            )
        })??;
        let entry: Map<String, Value> = serde_json::from_slice(&answer).map_err(|error| {
            Failure::new(
                FailureReason::HandlerAnswerInvalid,
                format!("the handler's answer is not a JSON object: {error}"),
            )
        })?;
        // `"usable": false` is how a handler says that later steps need not look.
        let usable = entry.get("usable").and_then(Value::as_bool).unwrap_or(true);
        Ok(Found { entry, usable })
    }

    async fn post(&self, item: &Item) -> Result<Vec<u8>, Failure> {
        let body = json!({
            "id": item.id,
            "attempt": item.attempt,
            "object": { "bucket": item.object.bucket, "key": item.object.key },
        });
        let broken = |error: reqwest::Error| {
            Failure::new(FailureReason::HandlerFailed, format!("the handler broke the call off: {error}"))
        };
        let request = self.client.post(&self.url).header("content-type", "application/json");
        let request = request.header("x-fc-request-id", &item.id).body(body.to_string());
        let mut response = request.send().await.map_err(broken)?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            answer.extend_from_slice(&chunk);
            if answer.len() > MAX_ANSWER_BYTES {
                return Err(Failure::new(
                    FailureReason::HandlerAnswerInvalid,
                    format!("the handler's answer is longer than {MAX_ANSWER_BYTES} bytes"),
                ));
            }
        }
        if status.is_success() { Ok(answer) } else { Err(refused(status, &answer)) }
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        // The keeper owns the child, which is killed with it.
        self.keeper.iter().for_each(AbortHandle::abort);
    }
}

/// 429 and 5xx may pass, other answers will be the same next time.
fn refused(status: StatusCode, answer: &[u8]) -> Failure {
    let transient = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    let reason = if transient { FailureReason::HandlerFailed } else { FailureReason::HandlerRejected };
    let text = String::from_utf8_lossy(answer);
    let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    Failure::new(reason, format!("the handler answered {}: {text}", status.as_u16()))
}

/// A handler's process.
struct Program {
    command: Command,
    child: Child,
}

impl Program {
    async fn wait_until_it_listens(&mut self, port: u16) -> anyhow::Result<()> {
        tokio::select! {
            ended = self.child.wait() => bail!("the handler ended before it listened on port {port}: {}", ended?),
            () = listens(port) => Ok(()),
            () = tokio::time::sleep(START_LIMIT) => {
                bail!("the handler does not listen on port {port} (environment variable PORT) after {} s", START_LIMIT.as_secs())
            }
        }
    }

    /// Starts the program again whenever it ends.
    async fn keep(mut self) {
        loop {
            match self.child.wait().await {
                Ok(status) => warn!(%status, "the handler ended: starting it again"),
                Err(error) => warn!(%error, "the handler cannot be waited for: starting it again"),
            }
            tokio::time::sleep(RESTART_PAUSE).await;
            match self.command.spawn() {
                Ok(child) => self.child = child,
                Err(error) => warn!(%error, "the handler does not start"),
            }
            info!(pid = self.child.id(), "handler started");
        }
    }
}

async fn listens(port: u16) {
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
        tokio::time::sleep(START_POLL).await;
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
