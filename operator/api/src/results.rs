//! Where results go, and which of them elsewhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel;

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    /// Topic for one result per photo.
    #[schemars(length(max = 249), extend("x-kubernetes-validations" = cel::topic()))]
    pub topic: String,
    /// Where results go instead; the first that fits decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub routes: Vec<Route>,
    /// JSON pointers (RFC 6901) into the message; the values are copied into the result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 1024)), extend("x-kubernetes-validations" = cel::json_pointers()))]
    pub copy: Vec<String>,
    /// Topic for one event per record that is given up; none if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 249), extend("x-kubernetes-validations" = cel::topic()))]
    pub failure_topic: Option<String>,
}

/// Results that say something, and their topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// What is looked at: a step's name and a field of what it found, as in `match.verdict`.
    #[schemars(length(max = 256), extend("x-kubernetes-validations" = cel::finding()))]
    pub when: String,
    /// What it has to be, as `imagejob try` prints it without quotes.
    #[schemars(length(max = 256))]
    pub equals: String,
    /// Topic for these results.
    #[schemars(length(max = 249), extend("x-kubernetes-validations" = cel::topic()))]
    pub topic: String,
}
