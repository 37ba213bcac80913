//! `ImageJob`: where photos come from, what is done to them, where results go, how it scales.
//!
//! Field docs are what `kubectl explain` prints. Omitted means automatic; zero is never magic;
//! integers carry their unit in the name; enum values are CamelCase.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel;
use crate::profile::Profile;
use crate::results::Results;
use crate::source::Source;
use crate::status::ImageJobStatus;
use crate::step::Step;
use crate::storage::Storage;
use crate::template::PodTemplate;

/// What is wanted of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "imagejob.dev",
    version = "v1alpha1",
    kind = "ImageJob",
    namespaced,
    status = "ImageJobStatus",
    derive = "PartialEq",
    shortname = "imj",
    category = "all",
    printcolumn(
        name = "READY",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether records are being taken care of"
    ),
    printcolumn(
        name = "WORKERS",
        type_ = "integer",
        json_path = ".status.workers.ready",
        description = "Workers that are ready"
    ),
    printcolumn(
        name = "WANTED",
        type_ = "integer",
        json_path = ".status.workers.wanted",
        description = "Workers that should run"
    ),
    printcolumn(
        name = "LAG",
        type_ = "integer",
        json_path = ".status.lag.waiting",
        description = "Records that wait for a worker"
    ),
    printcolumn(
        name = "OLDEST",
        type_ = "integer",
        json_path = ".status.lag.oldestSeconds",
        description = "Age of the oldest waiting record, seconds"
    ),
    printcolumn(
        name = "NEXT",
        type_ = "string",
        json_path = ".status.schedule.next.at",
        description = "When a profile starts or ends next"
    ),
    printcolumn(
        name = "AGE",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the job was created"
    ),
    printcolumn(
        name = "TOPIC",
        type_ = "string",
        json_path = ".spec.source.kafka.topics[0]",
        description = "First of the topics that are read",
        priority = 1
    ),
    printcolumn(
        name = "REASON",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Why the job is ready, or why not",
        priority = 1
    ),
    validation = cel::job_name(),
    doc = "A stream of photos on Kafka, the steps that look at each, and the rules by which workers come and go."
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::job()))]
pub struct ImageJobSpec {
    /// Where records come from and how they name objects.
    pub source: Source,
    /// Where the objects are.
    pub storage: Storage,
    /// JSON pointers (RFC 6901) into the message by name: `{posterId: /poster/id}` lets a step say
    /// `oss://posters/{posterId}.jpg`. `bucket`, `key`, `name` and `ext` of the photo are there without, as is `time`, when
    /// the record was sent (`2026-11-22T15:04:05Z`), unless it is declared here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(
        extend("maxProperties" = 32, "x-kubernetes-validations" = cel::variables()),
        extend("additionalProperties" = serde_json::json!({"type": "string", "maxLength": 1024}))
    )]
    pub variables: BTreeMap<String, String>,
    /// What is done to each photo, in order; 1 to 8 steps.
    #[schemars(
        length(min = 1, max = 8),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub steps: Vec<Step>,
    /// Where results go.
    pub results: Results,
    /// Where records go that are given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<DeadLetter>,
    /// When a record is tried again and when it is given up.
    #[serde(default)]
    pub retry: Retry,
    /// How records are handed to workers.
    #[serde(default)]
    pub delivery: Delivery,
    /// The pods that read from Kafka and lend records to workers.
    #[serde(default)]
    pub dispatcher: Dispatcher,
    /// The pods that work on records.
    #[serde(default)]
    pub worker: Worker,
    /// How many workers run.
    #[serde(default)]
    pub scaling: Scaling,
    /// True to let all workers go: what waits keeps waiting, and the place in each partition is
    /// kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
}

/// Where records go that are given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Topic for the records as they were; `<first source topic>.dlq` if `deadLetter` is omitted.
    #[schemars(length(max = 249), extend("x-kubernetes-validations" = cel::topic()))]
    pub topic: String,
}

/// When a record is tried again and when it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = cel::retry()))]
pub struct Retry {
    /// Attempts in all, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts: u32,
    /// Pause before the second attempt, seconds; doubles with each further one.
    #[schemars(range(min = 1, max = 86_400))]
    pub initial_backoff_seconds: u32,
    /// Longest pause, seconds.
    #[schemars(range(min = 1, max = 86_400))]
    pub max_backoff_seconds: u32,
    /// Records that were appended more than this many seconds ago are given up (`Expired`) instead of
    /// worked on; age does not matter if omitted.
    #[schemars(range(min = 1, max = 31_536_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<u32>,
    /// What becomes of a record that is given up.
    pub on_exhausted: LastResort,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            initial_backoff_seconds: 1,
            max_backoff_seconds: 60,
            max_age_seconds: None,
            on_exhausted: LastResort::DeadLetter,
        }
    }
}

/// What becomes of a record whose attempts are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LastResort {
    /// It is finished, and kept in the dead-letter topic.
    DeadLetter,
    /// It is finished, counted, and kept nowhere.
    Skip,
    /// It is tried again every `maxBackoffSeconds` until it succeeds or is older than `maxAgeSeconds`.
    Block,
}

/// How records are handed to workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Delivery {
    /// Records that one worker works on at once, 1 to 1024.
    #[schemars(range(min = 1, max = 1_024))]
    pub slots: u32,
    /// Limit of one photo from lease to result, seconds; none if omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<u32>,
    /// How fast records are handed out by all dispatchers together; as fast as workers take them if omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
}

/// How fast records are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Records per second, attempts after a failure included. Each dispatcher hands out the part that its
    /// partitions are of all, so the limit is reached where every partition has a backlog.
    #[schemars(range(min = 1))]
    pub records_per_second: u32,
}

impl Delivery {
    /// The rate limit, if there is one.
    pub fn records_per_second(&self) -> Option<NonZeroU32> {
        self.rate_limit.and_then(|limit| NonZeroU32::new(limit.records_per_second))
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self { slots: 8, timeout_seconds: None, rate_limit: None }
    }
}

/// The pods that read from Kafka and lend records to workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Dispatcher {
    /// Dispatchers, 1 to 64. More than partitions would have nothing to do.
    #[schemars(range(min = 1, max = 64))]
    pub replicas: u32,
    /// Changes to their pods; the container is named `dispatcher`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<PodTemplate>,
}

impl Default for Dispatcher {
    fn default() -> Self {
        Self { replicas: 2, template: None }
    }
}

/// The pods that work on records.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Worker {
    /// Changes to their pods; the container is named `worker`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<PodTemplate>,
}

/// How many workers run. Everything omitted is the policy's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = cel::scaling()))]
pub struct Scaling {
    /// The policy; documented defaults if omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_ref: Option<PolicyRef>,
    /// Workers that always run; not below the policy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<u32>,
    /// Workers that never are exceeded; not above the policy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_replicas: Option<u32>,
    /// The promise, seconds from a record's append to its first lease; longer or shorter than the
    /// policy's, never below its `minWaitSeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub wait_seconds: Option<u32>,
    /// Waiting records for each worker, at least 1: a further candidate beside the deadlines, as
    /// with other autoscalers; none if omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub lag_threshold: Option<u32>,
    /// Named schedules; merged by name with the policy's, field by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub profiles: Vec<Profile>,
    /// A count that holds for a while, whatever waits and whatever profiles say.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Override>,
}

/// A worker count that somebody fixed for a while, within the bounds of job and policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Override {
    /// Workers that run until then.
    pub replicas: u32,
    /// When it ends, RFC 3339 with a zone (`2026-11-11T00:20:00+08:00`); an expired override does
    /// nothing.
    #[schemars(length(max = 64), extend("x-kubernetes-validations" = cel::instant()))]
    pub until: String,
}

/// A `ScalePolicy` by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
