//! Status of a `ScalePolicy`: whether it makes sense, who refers to it, and what it will ask for.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Written when it changes: when the policy does, when jobs come or go, and at each transition.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScalePolicyStatus {
    /// Generation of the spec that the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready: the policy makes sense.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Jobs that refer to it.
    #[serde(default)]
    pub jobs: u32,
    /// Records a second that a worker is expected to do, from which floors of rates and volumes are computed: what
    /// the jobs' workers do in the median, or a guess before any was measured.
    #[serde(default)]
    pub worker_records_per_second: u32,
    /// What profiles will ask for in the next 14 days, at most 128 changes of it; a job may change its own share.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transitions: Vec<TransitionStatus>,
}

/// A change of what profiles ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransitionStatus {
    /// When, UTC.
    pub at: Timestamp,
    /// When, on the clocks of the policy's zone: `Sat 2026-11-28 06:00 Asia/Shanghai`.
    pub local: String,
    /// Profiles that are active from then on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// Workers of a job that run at least from then on.
    pub floor: u32,
    /// Workers of a job that run at most from then on.
    pub most: u32,
    /// The promise from then on, seconds.
    pub wait_seconds: u32,
}
