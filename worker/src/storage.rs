//! Reads objects, from the listed buckets and nowhere else. OpenDAL is the seam between kinds of
//! store; what is decided here holds for all of them: which names are admitted, and how large an
//! object may be.

use std::collections::HashMap;

use bytes::Bytes;
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Storage, StorageKind};
use opendal::{ErrorKind, Operator, services};

use crate::outcome::Failure;

/// The buckets of a job.
#[derive(Debug, Clone)]
pub struct Store {
    buckets: HashMap<String, Operator>,
    max_object_bytes: u64,
}

impl Store {
    /// Prepares access; nothing is read yet.
    ///
    /// # Errors
    /// Settings that the store's client refuses.
    pub fn open(storage: &Storage) -> anyhow::Result<Self> {
        let open = |bucket: &String| Ok((bucket.clone(), operator(&storage.kind, bucket)?));
        let buckets = storage.buckets.iter().map(open).collect::<anyhow::Result<_>>()?;
        Ok(Self { buckets, max_object_bytes: storage.max_object_bytes })
    }

    /// Reads an object whole.
    ///
    /// # Errors
    /// `BucketNotListed`, `PathEscapesStore`, `ObjectMissing`, `ObjectTooLarge` (before a byte is
    /// read), `EmptyObject`, `AccessDenied`, `StoreUnavailable`.
    pub async fn read(&self, object: &Object) -> Result<Bytes, Failure> {
        let operator = self.buckets.get(&object.bucket).ok_or_else(|| self.not_listed(object))?;
        let key = admitted(object)?;
        let stat = operator.stat(key).await.map_err(|error| failed(object, &error))?;
        if stat.is_dir() {
            return Err(missing(object));
        }
        let bytes = stat.content_length();
        if bytes > self.max_object_bytes {
            let limit = self.max_object_bytes;
            let message = format!("{} has {bytes} bytes, more than storage.maxObjectBytes of {limit}", object.path());
            return Err(Failure::new(FailureReason::ObjectTooLarge, message));
        }
        if bytes == 0 {
            return Err(Failure::new(FailureReason::EmptyObject, format!("{} has no bytes", object.path())));
        }
        // The range holds even if the object grows between the two calls.
        let buffer = operator.read_with(key).range(0..bytes).await.map_err(|error| failed(object, &error))?;
        Ok(buffer.to_bytes())
    }

    fn not_listed(&self, object: &Object) -> Failure {
        let mut listed: Vec<_> = self.buckets.keys().map(String::as_str).collect();
        listed.sort_unstable();
        let message = format!("bucket {:?} is not in storage.buckets ({})", object.bucket, listed.join(", "));
        Failure::new(FailureReason::BucketNotListed, message)
    }
}

fn operator(kind: &StorageKind, bucket: &str) -> anyhow::Result<Operator> {
    match kind {
        StorageKind::FileSystem { path } => {
            let root = path.join(bucket);
            Ok(Operator::new(services::Fs::default().root(&root.to_string_lossy()))?)
        }
    }
}

/// The key, if it stays within its bucket whatever the store makes of it.
fn admitted(object: &Object) -> Result<&str, Failure> {
    let key = object.key.as_str();
    let climbs = key.split(['/', '\\']).any(|part| part == ".." || part == ".");
    if key.is_empty() || key.starts_with(['/', '\\']) || key.contains('\0') || climbs {
        let message = format!("the name {key:?} could lead out of bucket {:?}", object.bucket);
        return Err(Failure::new(FailureReason::PathEscapesStore, message));
    }
    Ok(key)
}

fn missing(object: &Object) -> Failure {
    Failure::new(FailureReason::ObjectMissing, format!("there is no object {}", object.path()))
}

fn failed(object: &Object, error: &opendal::Error) -> Failure {
    let reason = match error.kind() {
        ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory => return missing(object),
        ErrorKind::PermissionDenied => FailureReason::AccessDenied,
        _ if names_nothing(error) => return missing(object),
        _ => FailureReason::StoreUnavailable,
    };
    Failure::new(reason, format!("{} could not be read: {error}", object.path()))
}

/// OpenDAL calls some answers of a file system unexpected that only say that no file has this name:
/// a part of it is a file, not a folder, or is longer than the file system admits.
fn names_nothing(error: &opendal::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| {
        matches!(cause.kind(), std::io::ErrorKind::NotADirectory | std::io::ErrorKind::InvalidFilename)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn object(bucket: &str, key: &str) -> Object {
        Object { bucket: bucket.into(), key: key.into(), bytes: None }
    }

    /// A store with one bucket `photos` of `limit` bytes an object, beside which lies `secret`.
    fn store(limit: u64) -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("photos/作业")).unwrap();
        for (name, text) in
            [("photos/a.jpg", "12345"), ("photos/作业/作业 1.jpg", "123"), ("photos/empty", ""), ("secret", "s")]
        {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let kind = StorageKind::FileSystem { path: dir.path().to_owned() };
        let storage = Storage { kind, buckets: vec!["photos".into()], max_object_bytes: limit };
        let store = Store::open(&storage).unwrap();
        (dir, store)
    }

    #[tokio::test]
    async fn objects_are_read_by_name_chinese_ones_too() {
        let (_dir, store) = store(5);
        assert_eq!(store.read(&object("photos", "a.jpg")).await.unwrap(), "12345");
        assert_eq!(store.read(&object("photos", "作业/作业 1.jpg")).await.unwrap(), "123");
    }

    #[tokio::test]
    async fn what_must_not_or_cannot_be_read_says_why() {
        use FailureReason::{BucketNotListed, EmptyObject, ObjectMissing, ObjectTooLarge, PathEscapesStore};
        let (_dir, store) = store(4);
        let long = "x".repeat(300);
        for (bucket, key, reason) in [
            ("posters", "a.jpg", BucketNotListed),
            ("..", "secret", BucketNotListed),
            ("photos", "../secret", PathEscapesStore),
            ("photos", "x/../../secret", PathEscapesStore),
            ("photos", "..\\secret", PathEscapesStore),
            ("photos", "/etc/passwd", PathEscapesStore),
            ("photos", "", PathEscapesStore),
            ("photos", "a\0.jpg", PathEscapesStore),
            ("photos", "b.jpg", ObjectMissing),
            ("photos", "作业", ObjectMissing),
            ("photos", "a.jpg/b.jpg", ObjectMissing),
            ("photos", &long, ObjectMissing),
            ("photos", "a.jpg", ObjectTooLarge),
            ("photos", "empty", EmptyObject),
        ] {
            let failure = store.read(&object(bucket, key)).await.unwrap_err();
            assert_eq!(failure.reason, reason, "{bucket} {key:?}: {failure}");
        }
    }
}
