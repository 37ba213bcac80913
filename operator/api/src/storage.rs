//! Where the objects are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{BucketAddressing, SecretRef};
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
    /// Address of the store, `https://host` or `http://host:port`, without a bucket. `S3` only, and required there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::endpoint()))]
    pub endpoint: Option<String>,
    /// Region of the buckets, part of each signature. `S3` only, and required there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), extend("x-kubernetes-validations" = cel::region()))]
    pub region: Option<String>,
    /// Where a request names its bucket; `VirtualHost` if omitted. `S3` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressing: Option<BucketAddressing>,
    /// Secret with the keys `accessKeyId`, `secretAccessKey` and perhaps `sessionToken`; the environment or the
    /// identity of the pods if omitted. `S3` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
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
}
