//! What a dispatcher and a worker read from a file when they start (a ConfigMap on Kubernetes).
//! Plain data, JSON, fields in camelCase, values in CamelCase; written by the operator's `plan`, so
//! already validated and with no optional field left to a default. A change rolls the pods that
//! read it.
//!
//! What differs from pod to pod (listen address, id, dispatcher addresses) and what is secret
//! (the token, passwords, keys) is not in here: flags and mounted files carry those, and settings
//! name the folders of such files at most.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use classify::{ChannelOrder, Classify, ModelFit, ModelInput, ModelRuntime, TensorLayout};
pub use outputs::{Bounds, Fit, Mark, Output, PictureFormat, Position, Resize, Watermark};
pub use steps::{Action, Handler, OnFail, Payload, Step};
pub use storage::{Access, Addressing, OssSignature, Storage, StorageKind};

mod classify;
mod outputs;
mod steps;
mod storage;

/// The job that a process belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobName {
    /// Kubernetes namespace; `default` for `imagejob dev`.
    pub namespace: String,
    /// Name of the `ImageJob`.
    pub name: String,
}

/// Settings of `imagejob-worker dispatch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DispatcherSettings {
    /// The job.
    pub job: JobName,
    /// The brokers, and as whom they are talked to.
    pub kafka: Kafka,
    /// Source topics, 1..16.
    pub topics: Vec<String>,
    /// Consumer group of the dispatchers.
    pub consumer_group: String,
    /// How its members share the partitions.
    pub group_protocol: GroupProtocol,
    /// Where to begin on a partition that has no committed offset.
    pub start_from: StartFrom,
    /// Topic for records that are given up, as they were.
    pub dead_letter_topic: String,
    /// Topic for one event per record that is given up, if named.
    pub failure_topic: Option<String>,
    /// When to give up.
    pub retry: Retry,
    /// Distinct dispatchers that workers should connect to, until the operator's `Control` says
    /// otherwise.
    pub peers_expected: u32,
}

/// How the members of a consumer group share the partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupProtocol {
    /// The members do it among themselves.
    Classic,
    /// The broker does it (KIP-848).
    Consumer,
}

/// The brokers, and as whom they are talked to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kafka {
    /// `host:port,...`.
    pub bootstrap_servers: String,
    /// As whom; none = without a name.
    pub auth: Option<KafkaAuth>,
    /// none = in plain text.
    pub tls: Option<KafkaTls>,
}

/// How a client proves who it is (SASL).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaAuth {
    /// How.
    pub mechanism: SaslMechanism,
    /// Folder with the files `username` and `password`, which are read when a process starts.
    pub directory: PathBuf,
}

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaslMechanism {
    /// The password itself is sent.
    Plain,
    /// RFC 5802 with SHA-256: the password is proven, not sent.
    ScramSha256,
    /// The same with SHA-512.
    ScramSha512,
}

/// How connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaTls {
    /// Folder with any of the files `ca.crt` (else the system's roots are trusted), and `tls.crt` with
    /// `tls.key` (else no client certificate is shown); none = none of them.
    pub directory: Option<PathBuf>,
}

/// First position on a partition without a committed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum StartFrom {
    /// The log start.
    Earliest,
    /// The first record not older than the job itself.
    Created {
        /// Creation time of the job, Unix milliseconds.
        at_ms: i64,
    },
}

/// Retries of transient failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all, at least 1.
    pub max_attempts: u32,
    /// Pause before the second attempt, milliseconds; doubles with each further one.
    pub initial_backoff_ms: u64,
    /// Longest pause, milliseconds.
    pub max_backoff_ms: u64,
    /// Records older than this are given up instead of lent, milliseconds; none if age does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_ms: Option<u64>,
    /// What becomes of a record that is given up.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_exhausted: OnExhausted,
}

/// What becomes of a record whose attempts are used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnExhausted {
    /// It is finished, and kept in the dead-letter topic.
    #[default]
    DeadLetter,
    /// It is finished and counted.
    Skip,
    /// It is tried again after each longest pause, until it succeeds or is too old.
    Block,
}

/// Serde asks with a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_default(on_exhausted: &OnExhausted) -> bool {
    *on_exhausted == OnExhausted::default()
}

/// Settings of `imagejob-worker work`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkerSettings {
    /// The job.
    pub job: JobName,
    /// The brokers, and as whom they are talked to.
    pub kafka: Kafka,
    /// Consumer group of the dispatchers; part of result ids.
    pub consumer_group: String,
    /// How messages name objects.
    pub format: Format,
    /// Buckets by the domain names that stand for them in `https://` addresses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<String, String>,
    /// Where objects are.
    pub storage: Storage,
    /// JSON pointers into the message, by the name that patterns in steps use.
    pub variables: BTreeMap<String, String>,
    /// What is done to each photo, in order; 1..8.
    pub steps: Vec<Step>,
    /// Topic for results.
    pub result_topic: String,
    /// Where results go instead; the first that fits decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// JSON pointers whose values are copied from the message into the result.
    pub copy: Vec<String>,
    /// Records worked on at once.
    pub slots: u32,
    /// An item's own limit in milliseconds; none = no limit.
    pub timeout_ms: Option<u64>,
}

/// Results that say something, and their topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// Names that lead to a value in the results' `steps`, the step's first; at least two.
    pub when: Vec<String>,
    /// A string, or what JSON writes for another value.
    pub equals: String,
    /// Topic for these results.
    pub topic: String,
}

/// How messages name objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Format {
    /// Found out from each message.
    Auto,
    /// A bare URI, or JSON with `uri` or `bucket` and `key`, or a URI at a pointer.
    Plain {
        /// JSON pointer to the URI, for producers with their own JSON.
        uri_pointer: Option<String>,
    },
    /// S3 event notification 2.x.
    S3Event,
    /// OSS event, as OSS and function triggers send it.
    OssEvent,
    /// Base64 of any of these, as MNS carries bodies.
    MnsBase64,
    /// CloudEvent 1.x with any of these as its data.
    CloudEvent,
    /// Array of records of another topic, as a sink connector to functions makes it.
    FcConnector,
}
