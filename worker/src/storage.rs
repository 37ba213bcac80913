//! Reads objects, from the listed buckets and nowhere else. What is decided here holds for every kind of
//! store: which names are admitted, and how large an object may be. OpenDAL talks to the stores.

mod credentials;
mod folder;
mod s3;
mod trouble;

use bytes::Bytes;
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Storage, StorageKind};

use self::folder::Folder;
use self::s3::S3;
use crate::outcome::Failure;

/// The buckets of a job.
#[derive(Debug)]
pub struct Store {
    place: Place,
    /// Closed list.
    buckets: Vec<String>,
    max_object_bytes: u64,
}

#[derive(Debug)]
enum Place {
    Folder(Folder),
    S3(S3),
}

impl Store {
    /// Prepares access; nothing is read yet, and no host is asked anything.
    ///
    /// # Errors
    /// Settings that the store's client refuses.
    pub fn open(storage: &Storage) -> anyhow::Result<Self> {
        let buckets = storage.buckets.clone();
        let place = match &storage.kind {
            StorageKind::FileSystem { path } => Place::Folder(Folder::open(path, &buckets)?),
            StorageKind::S3 { endpoint, region, addressing, credentials_directory } => {
                Place::S3(S3::new(endpoint, region, *addressing, credentials_directory.clone(), &buckets))
            }
        };
        Ok(Self { place, buckets, max_object_bytes: storage.max_object_bytes })
    }

    /// Reads an object whole.
    ///
    /// # Errors
    /// `BucketNotListed`, `PathEscapesStore`, `ObjectMissing`, `ObjectTooLarge` (before a byte is
    /// read), `EmptyObject`, `AccessDenied`, `StoreUnavailable`.
    pub async fn read(&self, object: &Object) -> Result<Bytes, Failure> {
        if !self.buckets.contains(&object.bucket) {
            return Err(self.not_listed(object));
        }
        admitted(object)?;
        let bytes = match &self.place {
            Place::Folder(folder) => folder.read(object, self.max_object_bytes).await?,
            Place::S3(s3) => s3.read(object, self.max_object_bytes).await?,
        };
        if bytes.is_empty() {
            return Err(Failure::new(FailureReason::EmptyObject, format!("{} has no bytes", object.path())));
        }
        Ok(bytes)
    }

    fn not_listed(&self, object: &Object) -> Failure {
        let mut listed: Vec<_> = self.buckets.iter().map(String::as_str).collect();
        listed.sort_unstable();
        let message = format!("bucket {:?} is not in storage.buckets ({})", object.bucket, listed.join(", "));
        Failure::new(FailureReason::BucketNotListed, message)
    }
}

/// Admits a key that stays within its bucket whatever the store makes of it, and that OpenDAL asks for as it
/// is: blanks at its ends and empty parts would be dropped, and another object read.
fn admitted(object: &Object) -> Result<(), Failure> {
    let key = object.key.as_str();
    let climbs = key.split(['/', '\\']).any(|part| part == ".." || part == ".");
    if key.is_empty() || key.starts_with(['/', '\\']) || key.contains('\0') || climbs {
        let message = format!("the name {key:?} could lead out of bucket {:?}", object.bucket);
        return Err(Failure::new(FailureReason::PathEscapesStore, message));
    }
    if key.trim() != key || key.contains("//") {
        let message = format!("the name {key:?} has blanks at an end or an empty part, and would be read as another");
        return Err(Failure::new(FailureReason::PathEscapesStore, message));
    }
    Ok(())
}

fn too_large(object: &Object, bytes: u64, limit: u64) -> Failure {
    let message = format!("{} has {bytes} bytes, more than storage.maxObjectBytes of {limit}", object.path());
    Failure::new(FailureReason::ObjectTooLarge, message)
}

fn missing(object: &Object) -> Failure {
    Failure::new(FailureReason::ObjectMissing, format!("there is no object {}", object.path()))
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
            ("photos", " a.jpg", PathEscapesStore),
            ("photos", "x//a.jpg", PathEscapesStore),
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
