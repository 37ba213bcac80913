//! What a worker does with an object.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Classify, Resize, Watermark};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Name of its entry in the result.
    pub name: String,
    /// Whether later steps run after a bad verdict.
    pub on_fail: OnFail,
    /// What it does.
    pub action: Action,
}

/// Whether later steps run after a verdict that says the photo is unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFail {
    /// Later steps are left out; the result says what was found.
    Stop,
    /// Later steps run all the same.
    Continue,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Action {
    /// Sharpness, brightness, size, verdict.
    Quality {},
    /// Is it the poster that the message names?
    PosterMatch {
        /// `oss://bucket/key` with `{variables}`.
        reference: String,
    },
    /// Which poster of a set is it?
    PosterSearch {
        /// `oss://bucket/key` of a text with the references' places, one a line.
        set: String,
        /// Candidates in the result, 1..10.
        top: u32,
    },
    /// Which answer regions of the page that the message names are written in?
    Homework {
        /// The blank page's picture, `oss://bucket/key` with `{variables}`.
        template: String,
        /// JSON with the regions' names and rectangles, likewise.
        regions: String,
    },
    /// What does the photo show, by a model of the user's?
    Classify(Classify),
    /// A smaller picture, written to the store.
    Resize(Resize),
    /// A picture with a mark on it, written to the store.
    Watermark(Watermark),
    /// The user's own code over HTTP on this machine.
    Handler(Handler),
}

/// The user's own code over HTTP on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Handler {
    /// Program and arguments that the worker starts and stops, with `PORT` or `SOCKET` in its environment;
    /// empty = something else (a sidecar) listens already.
    pub command: Vec<String>,
    /// TCP port on 127.0.0.1; 0 with a command = the worker picks a free one.
    pub port: u16,
    /// Unix socket that is listened on instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// Path of the POST.
    pub path: String,
    /// Limit of one call, milliseconds.
    pub timeout_ms: u64,
    /// What the body of a call is.
    pub payload: Payload,
    /// Path of a GET that is answered with 2xx while the handler is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_path: Option<String>,
    /// `POST /initialize` once before the first photo.
    #[serde(default, skip_serializing_if = "is_false")]
    pub initialize: bool,
    /// `GET /pre-stop` after the last one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pre_stop: bool,
}

impl Handler {
    /// One that listens on a port already, called as if nothing was said about it.
    pub fn on_port(port: u16) -> Self {
        Self {
            command: Vec::new(),
            port,
            socket: None,
            path: "/invoke".to_owned(),
            timeout_ms: 30_000,
            payload: Payload::Reference,
            health_path: None,
            initialize: false,
            pre_stop: false,
        }
    }
}

/// What the body of a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// JSON with the photo's place.
    Reference,
    /// The photo.
    Bytes,
    /// The record's value as it came.
    Record,
}

/// Serde asks with a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}
