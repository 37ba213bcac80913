//! Where the objects are.

use std::path::{Path, PathBuf};

use super::problem::Problems;
use super::{access, names, quantity};
use crate::access::BucketAddressing;
use crate::storage::{self, StorageType};

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
        /// Name of the Secret with the access key; none = the pod's environment or identity.
        secret: Option<String>,
    },
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
    };
    Some(Storage { kind: kind?, buckets: spec.buckets.clone(), max_object_bytes: max_object_bytes? })
}

fn folder(spec: &storage::Storage, problems: &mut Problems) -> Option<StorageKind> {
    let given = [
        ("endpoint", spec.endpoint.is_some()),
        ("region", spec.region.is_some()),
        ("addressing", spec.addressing.is_some()),
        ("secretRef", spec.secret_ref.is_some()),
    ];
    for (field, _) in given.into_iter().filter(|(_, given)| *given) {
        problems.add(&format!("spec.storage.{field}"), "belongs to type S3, not FileSystem; omit it");
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
    if spec.path.is_some() {
        problems.add("spec.storage.path", "belongs to type FileSystem, not S3; omit it");
    }
    let addressing = spec.addressing.unwrap_or_default();
    if addressing == BucketAddressing::VirtualHost {
        for (i, bucket) in spec.buckets.iter().enumerate().filter(|(_, bucket)| bucket.contains('.')) {
            let message = format!("{bucket:?} has a dot and cannot be part of a host; use addressing: Path");
            problems.add(&format!("spec.storage.buckets[{i}]"), message);
        }
    }
    let secret = |reference| access::secret("spec.storage.secretRef", reference, problems);
    let secret = spec.secret_ref.as_ref().map(secret);
    Some(StorageKind::S3 { endpoint: endpoint(spec, problems)?, region: region(spec, problems)?, addressing, secret })
}

fn endpoint(spec: &storage::Storage, problems: &mut Problems) -> Option<String> {
    let at = "spec.storage.endpoint";
    let Some(endpoint) = &spec.endpoint else {
        problems.add(at, "is required for type S3; write it like https://s3.eu-central-1.amazonaws.com");
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

fn region(spec: &storage::Storage, problems: &mut Problems) -> Option<String> {
    let at = "spec.storage.region";
    let Some(region) = &spec.region else {
        problems.add(at, "is required for type S3; stores that have none take us-east-1");
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
