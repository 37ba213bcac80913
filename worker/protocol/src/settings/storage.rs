//! Where a worker finds objects.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where objects are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Storage {
    /// Kind of store and its address.
    pub kind: StorageKind,
    /// Closed list; the first is the default. Nothing outside it is ever read.
    pub buckets: Vec<String>,
    /// Larger objects fail before they are read.
    pub max_object_bytes: u64,
}

impl Storage {
    /// Bytes of objects that a worker holds at once, however many slots it has: 256 MiB, or one object of the
    /// largest size. A photo is held from its first byte until it is decoded; 256 MiB are fifty of 5 MB.
    pub fn max_bytes_held(&self) -> u64 {
        self.max_object_bytes.max(256 << 20)
    }
}

/// Kind of store and its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum StorageKind {
    /// Objects are files `<path>/<bucket>/<key>`.
    FileSystem {
        /// Absolute path.
        path: PathBuf,
    },
    /// S3, or a store that speaks its protocol.
    S3 {
        /// `https://host` or `http://host:port`, without a bucket. No other host is ever asked.
        endpoint: String,
        /// Part of each signature.
        region: String,
        /// Where a request names its bucket.
        addressing: Addressing,
        /// Where the access key is.
        access: Access,
    },
    /// Alibaba Cloud OSS.
    Oss {
        /// As above.
        endpoint: String,
        /// How requests are signed.
        signature: OssSignature,
        /// Where a request names its bucket.
        addressing: Addressing,
        /// Where the access key is.
        access: Access,
    },
}

/// How requests to OSS are signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum OssSignature {
    /// HMAC-SHA256, for one region.
    V4 {
        /// Region of the buckets, without `oss-`.
        region: String,
    },
    /// HMAC-SHA1, which old endpoints and stores that imitate OSS know.
    V1 {},
}

/// Where the access key is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Access {
    /// In files.
    Secret {
        /// Folder with the files `accessKeyId`, `secretAccessKey` and perhaps `sessionToken`, which are
        /// read again when the store refuses what they said.
        directory: PathBuf,
    },
    /// In the environment of the process, or given out for the identity of its pod.
    Pod {},
    /// Given out for the identity of the node.
    Node {},
}

/// Where a request names its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Addressing {
    /// `https://<bucket>.<host>/<key>`.
    VirtualHost,
    /// `https://<host>/<bucket>/<key>`.
    Path,
    /// `https://<host>/<key>`: the host leads to the one bucket.
    CName,
}
