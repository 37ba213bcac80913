//! How brokers and stores know us: Secrets by name, never their contents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel;

/// A Secret in the job's namespace. It is mounted into pods; the operator never reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Its name.
    #[schemars(length(max = 253), extend("x-kubernetes-validations" = cel::secret_name()))]
    pub name: String,
}

/// Who we are to the brokers (SASL).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaAuth {
    /// How it is proven: `Plain` sends the password itself, so use it with `tls`; `ScramSha256` and `ScramSha512`
    /// prove it without sending it.
    pub mechanism: Mechanism,
    /// Secret with the keys `username` and `password`.
    pub secret_ref: SecretRef,
}

/// How a client proves to the brokers who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mechanism {
    /// SASL/PLAIN: the password itself is sent, so use it with `tls`.
    Plain,
    /// SASL/SCRAM-SHA-256: the password is proven, not sent.
    ScramSha256,
    /// SASL/SCRAM-SHA-512.
    ScramSha512,
}

/// Encrypted connections to the brokers; `tls: {}` trusts what the image's certificate store trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaTls {
    /// Secret with any of the keys `ca.crt` (whom to trust, instead of the image's certificate store), and
    /// `tls.crt` with `tls.key` (the client certificate to show).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// Where a request to a store names its bucket: `VirtualHost` is `https://<bucket>.<host>/<key>`, `Path` is
/// `https://<host>/<bucket>/<key>`, `CName` is `https://<host>/<key>`; `VirtualHost` if omitted. `Oss` and `S3` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum BucketAddressing {
    /// In the host: `https://<bucket>.<host>/<key>`.
    #[default]
    VirtualHost,
    /// In the path: `https://<host>/<bucket>/<key>`, as most stores of one's own want it.
    Path,
    /// Nowhere: `https://<host>/<key>`, where the host is a name of one's own that leads to the one bucket.
    CName,
}

/// Whose key a store is asked with, where no Secret has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum StoreIdentity {
    /// What the pod was given: variables of its environment, or the role of its ServiceAccount (RRSA, IRSA, EKS Pod
    /// Identity).
    #[default]
    Pod,
    /// The role of the node, from its metadata service. It may be allowed more than any job on the node should be.
    Node,
}
