//! Where a job's records come from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{KafkaAuth, KafkaTls};
use crate::cel;

/// Where records come from and how they name objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::source()))]
pub struct Source {
    /// The Kafka cluster and topics.
    pub kafka: Kafka,
    /// How messages name objects: `Auto` finds out from each message, `Plain` is a bare URI, JSON
    /// with `uri` or `bucket` and `key`, or a URI at `uriPointer`, `S3Event` is S3's notification,
    /// version 2.x, and `OssEvent` OSS's. `MnsBase64` is Base64 of such a message, `CloudEvent` one with
    /// such a message as its data, `FcConnector` an array of records with such messages as their values.
    #[serde(default)]
    pub format: MessageFormat,
    /// JSON pointer (RFC 6901) to the object's URI, for producers with their own JSON; format
    /// `Plain` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::json_pointer()))]
    pub uri_pointer: Option<String>,
    /// Buckets by the domain names that stand for them in `https://` addresses, at most 32. Addresses of the
    /// form `https://<bucket>.oss-cn-hangzhou.aliyuncs.com/<key>` need no entry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(
        extend("maxProperties" = 32, "x-kubernetes-validations" = cel::hosts()),
        extend("additionalProperties" = serde_json::json!({"type": "string", "maxLength": 255}))
    )]
    pub hosts: BTreeMap<String, String>,
}

/// A Kafka cluster and the topics that are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::kafka()))]
pub struct Kafka {
    /// Brokers to begin with, `host:port`, separated by commas.
    #[schemars(length(max = 4096), extend("x-kubernetes-validations" = cel::bootstrap_servers()))]
    pub bootstrap_servers: String,
    /// Source topics, 1 to 16.
    #[schemars(length(min = 1, max = 16), inner(length(max = 249)), extend("x-kubernetes-validations" = cel::topics()))]
    pub topics: Vec<String>,
    /// Consumer group of the dispatchers; `<namespace>.<name>` if omitted. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub consumer_group: Option<String>,
    /// How the dispatchers share the partitions: `Classic` works with every broker, and notices a dead dispatcher
    /// after 6 s; `Consumer` (KIP-848) needs brokers of version 4.0 or newer, and notices one when
    /// `group.consumer.session.timeout.ms` of the broker has passed, by default 45 s.
    #[serde(default)]
    pub group_protocol: GroupProtocol,
    /// Where to begin on a partition without a committed offset: `Earliest` is the oldest record
    /// that the broker still has, `Latest` the first one that is not older than the job.
    #[serde(default)]
    pub start_from: StartPosition,
    /// Who we are to the brokers; without a name if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<KafkaAuth>,
    /// Encrypted connections; plain text if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<KafkaTls>,
}

/// How the members of a consumer group share the partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum GroupProtocol {
    /// The members do it among themselves.
    #[default]
    Classic,
    /// The broker does it (KIP-848).
    Consumer,
}

/// Where to begin on a partition without a committed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum StartPosition {
    /// The oldest record that the broker still has.
    #[default]
    Earliest,
    /// The first record that is not older than the job itself.
    Latest,
}

/// How messages name objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum MessageFormat {
    /// Found out from each message.
    #[default]
    Auto,
    /// A bare URI, JSON with `uri` or `bucket` and `key`, or a URI at `uriPointer`.
    Plain,
    /// S3 event notification, version 2.x.
    S3Event,
    /// OSS event, as OSS and function triggers send it.
    OssEvent,
    /// Base64 of any of these, as MNS carries bodies.
    MnsBase64,
    /// CloudEvent 1.x, binary or structured, with any of these as its data.
    CloudEvent,
    /// Array of records of another topic, as a sink connector to functions makes it.
    FcConnector,
}
