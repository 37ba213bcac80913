//! Where the objects are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{BucketAddressing, SecretRef, StoreIdentity};
use crate::cel;

/// Where the objects are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::storage()))]
pub struct Storage {
    /// Kind of store.
    #[serde(rename = "type")]
    pub type_: StorageType,
    /// Absolute path of the folder whose subfolders are the buckets: objects are files
    /// `<path>/<bucket>/<key>`. `FileSystem` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096), extend("x-kubernetes-validations" = cel::absolute_path()))]
    pub path: Option<String>,
    /// Address of the store, `https://host` or `http://host:port`, without a bucket. `Oss` and `S3` only, and
    /// required there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::endpoint()))]
    pub endpoint: Option<String>,
    /// Region of the buckets, part of each signature (`cn-hangzhou`, `eu-central-1`). `Oss` and `S3` only, and
    /// required there but with `signatureVersion: V1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), extend("x-kubernetes-validations" = cel::region()))]
    pub region: Option<String>,
    /// Where a request names its bucket; `VirtualHost` if omitted. `Oss` and `S3` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressing: Option<BucketAddressing>,
    /// How requests are signed; `V4` if omitted. `Oss` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_version: Option<SignatureVersion>,
    /// Secret with the keys `accessKeyId`, `secretAccessKey` and perhaps `sessionToken`; an identity if omitted.
    /// `Oss` and `S3` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// Whose key is used without `secretRef`; that of the `Pod` if omitted. `Oss` and `S3` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<StoreIdentity>,
    /// Closed list of buckets, at least one; the first is the default. No other is ever read.
    #[schemars(
        length(min = 1, max = 64),
        inner(length(max = 255)),
        extend("x-kubernetes-validations" = cel::buckets())
    )]
    pub buckets: Vec<String>,
    /// Largest object in bytes, as a quantity (`64Mi`); a larger one fails before it is read.
    #[serde(default = "default_max_object_bytes")]
    #[schemars(length(max = 64), extend("x-kubernetes-validations" = cel::size()))]
    pub max_object_bytes: String,
}

fn default_max_object_bytes() -> String {
    "64Mi".to_owned()
}

/// Kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StorageType {
    /// A folder.
    FileSystem,
    /// S3, or a store that speaks its protocol.
    S3,
    /// Alibaba Cloud OSS.
    Oss,
}

/// How requests to OSS are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum SignatureVersion {
    /// HMAC-SHA1: for old endpoints, and stores that imitate OSS.
    V1,
    /// HMAC-SHA256, for one region.
    #[default]
    V4,
}
