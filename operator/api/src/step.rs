//! Steps: what is done to each photo.

mod classify;
mod outputs;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel;

pub use classify::{ChannelOrder, Classify, ModelFit, ModelInput, ModelRuntime, TensorLayout};
pub use outputs::*;

/// One step: a name and exactly one kind (`quality`, `posterMatch`, `homework`, `classify`, `resize`, `watermark` or
/// `handler`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::step()))]
pub struct Step {
    /// Name of its entry in the result; unique in the job.
    #[schemars(length(max = 63), extend("x-kubernetes-validations" = cel::step_name()))]
    pub name: String,
    /// What happens after a verdict that says the photo is unusable: `Continue` runs later steps all
    /// the same, `Stop` leaves them out.
    #[serde(default)]
    pub on_fail: FailureAction,
    /// Sharpness, brightness and size, and a verdict on them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// Is it the poster that the message names, or one of a set, or another, or a sibling that differs in a part?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster_match: Option<PosterMatch>,
    /// Which answer regions of the page that the message names are written in?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homework: Option<Homework>,
    /// What does the photo show, by an ONNX model of your own?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classify: Option<Classify>,
    /// A smaller picture, written to the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<Resize>,
    /// A picture with a text or another picture on it, written to the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Watermark>,
    /// Code of your own, called over HTTP on localhost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<Handler>,
}

/// What happens after a verdict that says the photo is unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum FailureAction {
    /// Later steps run all the same.
    #[default]
    Continue,
    /// Later steps are left out; the result says what was found.
    Stop,
}

/// Sharpness, brightness and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quality {}

/// Is it the poster that the message names, or which one of a set is it?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::poster_match()))]
pub struct PosterMatch {
    /// A picture of the poster alone: `oss://bucket/key` or `s3://bucket/key`, the bucket one of
    /// `storage.buckets`, the key with variables in braces, `oss://posters/{posterId}.jpg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::reference()))]
    pub reference: Option<String>,
    /// A text with up to 1,000 such places, one a line, the same for all photos, `oss://posters/set.txt`: the photo is
    /// looked for among them. Exactly one of `reference` and `referenceSet` is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::reference_set()))]
    pub reference_set: Option<String>,
    /// Candidates of a `referenceSet` in the result, the best first; 3 if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub top: Option<u32>,
}

/// Which answer regions of the page that the message names are written in?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Homework {
    /// A picture of the blank page alone, `oss://bucket/key` or `s3://bucket/key` as in
    /// `posterMatch.reference`.
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::reference()))]
    pub template: String,
    /// Its answer regions, likewise: a JSON array of `{"name", "x", "y", "width", "height"}` in pixels of the
    /// template.
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::reference()))]
    pub regions: String,
}

/// Code of your own, called over HTTP on the worker's machine with a POST per photo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::handler()))]
pub struct Handler {
    /// Program and arguments that each worker starts and stops, with the port in the environment
    /// variable `PORT`, or the socket in `SOCKET`. If omitted, something else listens already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 4096)))]
    pub command: Vec<String>,
    /// TCP port on 127.0.0.1, 1 to 65535; with a `command` it may be omitted, and each worker
    /// picks a free one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Absolute path of a Unix socket that is listened on instead of a port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 107), extend("x-kubernetes-validations" = cel::absolute_path()))]
    pub socket: Option<String>,
    /// Path of the POST.
    #[serde(default = "default_handler_path")]
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::http_path()))]
    pub path: String,
    /// Limit of one call, seconds.
    #[serde(default = "default_handler_timeout_seconds")]
    #[schemars(range(min = 1, max = 86_400))]
    pub timeout_seconds: u32,
    /// Body of the POST: `Reference` is JSON with the photo's bucket and key, `Bytes` the photo, `Record` the value
    /// of the record as it came.
    #[serde(default)]
    pub payload: Payload,
    /// Path of a GET that is answered with 2xx while the handler is well. The first photo waits for that; a `command`
    /// that was not well three times, 10 s apart, is started again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::http_path()))]
    pub health_path: Option<String>,
    /// Calls around the photos, as Function Compute makes them: `Initialize` is one `POST /initialize` after each
    /// start, `PreStop` one `GET /pre-stop` before the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2), extend("x-kubernetes-list-type" = "set"))]
    pub lifecycle: Vec<LifecycleCall>,
}

/// Body of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Payload {
    /// JSON with the photo's place.
    #[default]
    Reference,
    /// The photo.
    Bytes,
    /// The record's value as it came.
    Record,
}

/// A call that is not about a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LifecycleCall {
    /// `POST /initialize`.
    Initialize,
    /// `GET /pre-stop`.
    PreStop,
}

fn default_handler_path() -> String {
    "/invoke".to_owned()
}

const fn default_handler_timeout_seconds() -> u32 {
    30
}
