//! Where the objects are.

use std::path::{Path, PathBuf};

use super::problem::Problems;
use super::{access, names, quantity};
use crate::access::{BucketAddressing, StoreIdentity};
use crate::storage::{self, SignatureVersion, StorageType};

/// Where the objects are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Kind of store and its address.
    pub kind: StorageKind,
    /// Buckets, at least one; the first is the default.
    pub buckets: Vec<String>,
    /// Largest object, bytes.
    pub max_object_bytes: u64,
}

/// Kind of store and its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageKind {
    /// Files `<path>/<bucket>/<key>`.
    FileSystem {
        /// Absolute path.
        path: PathBuf,
    },
    /// S3, or a store that speaks its protocol.
    S3 {
        /// `https://host` or `http://host:port`.
        endpoint: String,
        /// Part of each signature.
        region: String,
        /// Where a request names its bucket.
        addressing: BucketAddressing,
        /// Where the access key is.
        access: StoreAccess,
    },
    /// Alibaba Cloud OSS.
    Oss {
        /// `https://host` or `http://host:port`.
        endpoint: String,
        /// How requests are signed.
        signature: OssSignature,
        /// Where a request names its bucket.
        addressing: BucketAddressing,
        /// Where the access key is.
        access: StoreAccess,
    },
}

/// How requests to OSS are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OssSignature {
    /// For one region.
    V4 {
        /// The region.
        region: String,
    },
    /// As in the old days.
    V1,
}

/// Where the access key of a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAccess {
    /// In the Secret of this name.
    Secret(String),
    /// In the environment of the pod, or given out for its identity.
    Pod,
    /// Given out for the identity of the node.
    Node,
}

impl StorageKind {
    /// Where the access key is, if there is one.
    pub fn access(&self) -> Option<&StoreAccess> {
        match self {
            Self::FileSystem { .. } => None,
            Self::S3 { access, .. } | Self::Oss { access, .. } => Some(access),
        }
    }
}

pub(super) fn storage(spec: &storage::Storage, problems: &mut Problems) -> Option<Storage> {
    if spec.buckets.is_empty() {
        problems.add("spec.storage.buckets", "is empty; name at least one bucket");
    }
    for (i, bucket) in spec.buckets.iter().enumerate() {
        names::bucket(&format!("spec.storage.buckets[{i}]"), bucket, problems);
    }
    names::unique("spec.storage.buckets", spec.buckets.iter().map(String::as_str), problems);
    let max_object_bytes = max_object_bytes(&spec.max_object_bytes, problems);
    let kind = match spec.type_ {
        StorageType::FileSystem => folder(spec, problems),
        StorageType::S3 => s3(spec, problems),
        StorageType::Oss => oss(spec, problems),
    };
    Some(Storage { kind: kind?, buckets: spec.buckets.clone(), max_object_bytes: max_object_bytes? })
}

fn folder(spec: &storage::Storage, problems: &mut Problems) -> Option<StorageKind> {
    let given = [
        ("endpoint", spec.endpoint.is_some()),
        ("region", spec.region.is_some()),
        ("addressing", spec.addressing.is_some()),
        ("secretRef", spec.secret_ref.is_some()),
        ("identity", spec.identity.is_some()),
    ];
    for (field, _) in given.into_iter().filter(|(_, given)| *given) {
        problems.add(&format!("spec.storage.{field}"), "belongs to types Oss and S3, not FileSystem; omit it");
    }
    if spec.signature_version.is_some() {
        problems.add("spec.storage.signatureVersion", "belongs to type Oss, not FileSystem; omit it");
    }
    let at = "spec.storage.path";
    match &spec.path {
        Some(path) if Path::new(path).is_absolute() => Some(StorageKind::FileSystem { path: PathBuf::from(path) }),
        Some(path) => {
            problems.add(at, format!("{path:?} is not an absolute path; begin it with /"));
            None
        }
        None => {
            problems.add(at, "is required for type FileSystem; name the folder that holds the buckets");
            None
        }
    }
}

fn s3(spec: &storage::Storage, problems: &mut Problems) -> Option<StorageKind> {
    if spec.signature_version.is_some() {
        problems.add("spec.storage.signatureVersion", "belongs to type Oss, not S3; omit it");
    }
    let endpoint = endpoint(spec, "S3", "https://s3.eu-central-1.amazonaws.com", problems);
    let region = region(spec, "is required for type S3; stores that have none take us-east-1", problems);
    let (addressing, access) = (addressing(spec, "S3", problems), access(spec, problems));
    Some(StorageKind::S3 { endpoint: endpoint?, region: region?, addressing, access })
}

fn oss(spec: &storage::Storage, problems: &mut Problems) -> Option<StorageKind> {
    let endpoint = endpoint(spec, "Oss", "https://oss-cn-hangzhou-internal.aliyuncs.com", problems);
    let signature = match spec.signature_version.unwrap_or_default() {
        SignatureVersion::V4 => {
            let missing = "is required for type Oss, as signatures name it; write it like cn-hangzhou";
            region(spec, missing, problems).map(|region| OssSignature::V4 { region })
        }
        SignatureVersion::V1 => Some(OssSignature::V1),
    };
    let (addressing, access) = (addressing(spec, "Oss", problems), access(spec, problems));
    Some(StorageKind::Oss { endpoint: endpoint?, signature: signature?, addressing, access })
}

fn addressing(spec: &storage::Storage, type_: &str, problems: &mut Problems) -> BucketAddressing {
    if spec.path.is_some() {
        problems.add("spec.storage.path", format!("belongs to type FileSystem, not {type_}; omit it"));
    }
    let addressing = spec.addressing.unwrap_or_default();
    match addressing {
        BucketAddressing::VirtualHost => {
            for (i, bucket) in spec.buckets.iter().enumerate().filter(|(_, bucket)| bucket.contains('.')) {
                let message = format!("{bucket:?} has a dot and cannot be part of a host; use addressing: Path");
                problems.add(&format!("spec.storage.buckets[{i}]"), message);
            }
        }
        BucketAddressing::CName if spec.buckets.len() > 1 => {
            problems
                .add("spec.storage.buckets", "has several, but with addressing: CName the host leads to one; keep it");
        }
        BucketAddressing::CName | BucketAddressing::Path => {}
    }
    addressing
}

fn access(spec: &storage::Storage, problems: &mut Problems) -> StoreAccess {
    if let (Some(_), Some(_)) = (&spec.secret_ref, spec.identity) {
        problems.add("spec.storage.identity", "is for jobs without secretRef; omit one of the two");
    }
    match (&spec.secret_ref, spec.identity.unwrap_or_default()) {
        (Some(reference), _) => StoreAccess::Secret(access::secret("spec.storage.secretRef", reference, problems)),
        (None, StoreIdentity::Pod) => StoreAccess::Pod,
        (None, StoreIdentity::Node) => StoreAccess::Node,
    }
}

fn endpoint(spec: &storage::Storage, type_: &str, example: &str, problems: &mut Problems) -> Option<String> {
    let at = "spec.storage.endpoint";
    let Some(endpoint) = &spec.endpoint else {
        problems.add(at, format!("is required for type {type_}; write it like {example}"));
        return None;
    };
    let endpoint = endpoint.trim_end_matches('/');
    let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
    let admitted = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    if !host.is_some_and(|host| !host.is_empty() && host.bytes().all(admitted)) {
        let message = format!("{endpoint:?} is not the address of a store; write https://host or http://host:port");
        problems.add(at, message);
        return None;
    }
    Some(endpoint.to_owned())
}

fn region(spec: &storage::Storage, missing: &str, problems: &mut Problems) -> Option<String> {
    let at = "spec.storage.region";
    let Some(region) = &spec.region else {
        problems.add(at, missing);
        return None;
    };
    let inside = region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if region.is_empty() || !inside {
        problems.add(at, format!("{region:?} is not a region; write it like eu-central-1"));
        return None;
    }
    Some(region.clone())
}

fn max_object_bytes(text: &str, problems: &mut Problems) -> Option<u64> {
    let bytes = quantity::bytes(text).filter(|bytes| *bytes > 0);
    if bytes.is_none() {
        problems.add("spec.storage.maxObjectBytes", format!("{text:?} is not a size above 0; write it like 64Mi"));
    }
    bytes
}
