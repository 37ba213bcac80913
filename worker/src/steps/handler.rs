//! The user's own code, over HTTP on this machine: one POST per photo, answered by a JSON object, which
//! becomes the step's entry in the result. The shape of the calls is that of Function Compute's custom
//! containers, so that these run here as they are.

mod endpoint;
mod program;

use std::time::Duration;

use bytes::Bytes;
use imagejob_protocol::events::percent_encoded;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{self, Payload};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tracing::warn;

use self::endpoint::Endpoint;
use self::program::Program;
use super::{Found, Item};
use crate::outcome::Failure;

/// Largest answer.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// A program that breaks a call off and goes on is called again after this.
const ENDING: Duration = Duration::from_millis(300);
/// How long a handler may take for its `GET /pre-stop`.
const PRE_STOP_LIMIT: Duration = Duration::from_secs(10);

/// A handler that is ready to be called.
pub(super) struct Handler {
    endpoint: Endpoint,
    settings: settings::Handler,
    /// False while its program is being started again.
    ready: watch::Receiver<bool>,
    keeper: Option<AbortHandle>,
}

impl Handler {
    /// Starts the handler's command, if it has one, and waits until it may be called.
    pub(super) async fn start(settings: &settings::Handler) -> anyhow::Result<Self> {
        let endpoint = Endpoint::of(settings)?;
        let (tell, ready) = watch::channel(true);
        let mut keeper = None;
        if let [program, arguments @ ..] = settings.command.as_slice() {
            let program = Program::start(program, arguments, &endpoint, settings).await?;
            keeper = Some(tokio::spawn(program.keep(tell)).abort_handle());
        } else {
            program::make_ready(&endpoint, settings).await?;
        }
        Ok(Self { endpoint, settings: settings.clone(), ready, keeper })
    }

    /// Whether it is handed the photo itself.
    pub(super) fn wants_bytes(&self) -> bool {
        self.settings.payload == Payload::Bytes
    }

    /// Lets the handler finish what it holds, where it asks for that; its program ends when this is dropped.
    pub(super) async fn stop(&self) {
        if self.settings.pre_stop {
            let call = self.endpoint.request(Method::GET, "/pre-stop").send();
            match tokio::time::timeout(PRE_STOP_LIMIT, call).await {
                Ok(Ok(answer)) if answer.status().is_success() => {}
                Ok(Ok(answer)) => warn!(status = answer.status().as_u16(), "the handler did not like GET /pre-stop"),
                Ok(Err(error)) => warn!(%error, "the handler broke GET /pre-stop off"),
                Err(_) => warn!("the handler did not answer GET /pre-stop in time"),
            }
        }
    }

    /// One photo.
    pub(super) async fn call(&self, item: &Item) -> Result<Found, Failure> {
        let limit = Duration::from_millis(self.settings.timeout_ms);
        let call = async {
            // Nobody tells any more where no program is kept: then the last word holds.
            self.ready.clone().wait_for(|ready| *ready).await.ok();
            self.post(item).await
        };
        let answer = tokio::time::timeout(limit, call).await.map_err(|_| {
            let message = format!("the handler did not answer within {} ms", limit.as_millis());
            Failure::new(FailureReason::TimedOut, message)
        })??;
        let entry: Map<String, Value> = serde_json::from_slice(&answer)
            .map_err(|error| invalid(format!("the handler's answer is not a JSON object: {error}")))?;
        // `"usable": false` is how a handler says that later steps need not look.
        let usable = entry.get("usable").and_then(Value::as_bool).unwrap_or(true);
        Ok(Found { entry, usable })
    }

    /// A program that ends breaks its calls off a moment before anybody knows that it has ended: the next call would be
    /// broken off too.
    async fn let_end(&self) {
        if self.keeper.is_some() {
            let mut ready = self.ready.clone();
            tokio::time::timeout(ENDING, ready.wait_for(|ready| !*ready)).await.ok();
        }
    }

    async fn post(&self, item: &Item) -> Result<Vec<u8>, Failure> {
        let (kind, body) = body(self.settings.payload, item);
        let request = self.endpoint.request(Method::POST, &self.settings.path).header("content-type", kind);
        let request = request
            .header("x-fc-request-id", &item.id)
            .header("x-imagejob-attempt", item.attempt)
            .header("x-imagejob-bucket", percent_encoded(&item.object.bucket))
            .header("x-imagejob-key", percent_encoded(&item.object.key));
        let response = match request.body(body).send().await {
            Ok(response) => response,
            Err(error) => {
                self.let_end().await;
                return Err(broken(&error));
            }
        };
        // A container of Function Compute may say so of an answer that is 200 by itself.
        let disowned = response.headers().get("x-fc-status").is_some_and(|status| status.as_bytes() != b"200");
        let status = if disowned && response.status().is_success() { StatusCode::NOT_FOUND } else { response.status() };
        let answer = read(response).await?;
        if status.is_success() { Ok(answer) } else { Err(refused(status, &answer)) }
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        // The keeper owns the child, which is killed with it.
        self.keeper.iter().for_each(AbortHandle::abort);
    }
}

/// What a handler is told, and the type of that.
fn body(payload: Payload, item: &Item) -> (&'static str, Bytes) {
    let (json, bytes) = ("application/json", "application/octet-stream");
    match payload {
        Payload::Reference => {
            let object = json!({ "bucket": item.object.bucket, "key": item.object.key });
            let reference = json!({ "id": item.id, "attempt": item.attempt, "object": object });
            (json, reference.to_string().into())
        }
        Payload::Bytes => (bytes, item.bytes.clone().unwrap_or_default()),
        Payload::Record => {
            let is_json = matches!(item.record.trim_ascii_start().first(), Some(b'{' | b'['));
            (if is_json { json } else { bytes }, item.record.clone())
        }
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        answer.extend_from_slice(&chunk);
        if answer.len() > MAX_ANSWER_BYTES {
            return Err(invalid(format!("the handler's answer is longer than {MAX_ANSWER_BYTES} bytes")));
        }
    }
    Ok(answer)
}

fn broken(error: &reqwest::Error) -> Failure {
    Failure::new(FailureReason::HandlerFailed, format!("the handler broke the call off: {error}"))
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureReason::HandlerAnswerInvalid, message)
}

/// 429 and 5xx may pass, other answers will be the same next time.
fn refused(status: StatusCode, answer: &[u8]) -> Failure {
    let reason = match status {
        StatusCode::TOO_MANY_REQUESTS => FailureReason::HandlerBusy,
        _ if status.is_server_error() => FailureReason::HandlerFailed,
        _ => FailureReason::HandlerRejected,
    };
    let text = String::from_utf8_lossy(answer);
    let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    Failure::new(reason, format!("the handler answered {}: {text}", status.as_u16()))
}
