//! Where the objects are.

use std::path::{Path, PathBuf};

use super::problem::Problems;
use super::{names, quantity};
use crate::job::{self, StorageType};

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
}

pub(super) fn storage(spec: &job::Storage, problems: &mut Problems) -> Option<Storage> {
    if spec.buckets.is_empty() {
        problems.add("spec.storage.buckets", "is empty; name at least one bucket");
    }
    for (i, bucket) in spec.buckets.iter().enumerate() {
        names::bucket(&format!("spec.storage.buckets[{i}]"), bucket, problems);
    }
    names::unique("spec.storage.buckets", spec.buckets.iter().map(String::as_str), problems);
    let max_object_bytes = max_object_bytes(&spec.max_object_bytes, problems);
    let kind = kind(spec, problems);
    Some(Storage { kind: kind?, buckets: spec.buckets.clone(), max_object_bytes: max_object_bytes? })
}

fn kind(spec: &job::Storage, problems: &mut Problems) -> Option<StorageKind> {
    let at = "spec.storage.path";
    match (spec.type_, &spec.path) {
        (StorageType::FileSystem, Some(path)) if Path::new(path).is_absolute() => {
            Some(StorageKind::FileSystem { path: PathBuf::from(path) })
        }
        (StorageType::FileSystem, Some(path)) => {
            problems.add(at, format!("{path:?} is not an absolute path; begin it with /"));
            None
        }
        (StorageType::FileSystem, None) => {
            problems.add(at, "is required for type FileSystem; name the folder that holds the buckets");
            None
        }
    }
}

fn max_object_bytes(text: &str, problems: &mut Problems) -> Option<u64> {
    let bytes = quantity::bytes(text).filter(|bytes| *bytes > 0);
    if bytes.is_none() {
        problems.add("spec.storage.maxObjectBytes", format!("{text:?} is not a size above 0; write it like 64Mi"));
    }
    bytes
}
