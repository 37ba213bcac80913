//! Reads and writes objects, in the listed buckets and nowhere else. What is decided here holds for every kind of
//! store: which names are admitted, how large an object may be, and how many bytes are held at once.

mod address;
mod answer;
mod budget;
mod content;
mod credentials;
mod folder;
mod identity;
mod remote;
mod sign;
mod trouble;

use bytes::Bytes;
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Storage, StorageKind};

use self::budget::Budget;
pub use self::content::{Content, Spilled};
use self::folder::Folder;
use self::remote::Remote;
use crate::outcome::Failure;

/// The buckets of a job.
#[derive(Debug)]
pub struct Store {
    place: Place,
    /// Closed list.
    buckets: Vec<String>,
    max_object_bytes: u64,
    budget: Budget,
}

/// An object that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// All of it.
    pub bytes: Bytes,
    /// What the store calls this version, as it says it; in a folder time and length tell versions apart.
    pub etag: Option<String>,
}

/// An object that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What the store calls this version, where it has names for them.
    pub etag: Option<String>,
}

/// Longest name that every store takes, bytes: 1,023 in OSS, 1,024 in S3.
const LONGEST_KEY: usize = 1_023;

/// How an object is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading<'a> {
    /// Into memory.
    Whole,
    /// The same, unless it still is of this version.
    Unless(&'a str),
    /// From front to back: a large one goes to a file, where there is a place for one.
    Through,
}

/// An object that was found, and not of the version that is known.
struct Found {
    content: Content,
    etag: Option<String>,
}

#[derive(Debug)]
enum Place {
    Folder(Folder),
    Remote(Box<Remote>),
}

impl Store {
    /// Prepares access; nothing is read yet, and no host is asked anything.
    pub fn open(storage: &Storage) -> Self {
        let place = match &storage.kind {
            StorageKind::FileSystem { path } => Place::Folder(Folder::new(path)),
            StorageKind::S3 { endpoint, region, addressing, access } => {
                Place::Remote(Box::new(Remote::s3(endpoint, region, *addressing, access)))
            }
            StorageKind::Oss { endpoint, signature, addressing, access } => {
                Place::Remote(Box::new(Remote::oss(endpoint, signature, *addressing, access)))
            }
        };
        Self {
            place,
            buckets: storage.buckets.clone(),
            max_object_bytes: storage.max_object_bytes,
            budget: Budget::new(storage.max_bytes_held()),
        }
    }

    /// With room for one reference at a time, beside what photos take: who needs one holds a photo already.
    #[must_use]
    pub(crate) fn for_references(self) -> Self {
        Self { budget: Budget::new(self.max_object_bytes), ..self }
    }

    /// Reads an object whole, once there is room for it beside those that are held. Whoever holds one object
    /// must not wait for another: the room may be all taken by others who do the same.
    ///
    /// # Errors
    /// `BucketNotListed`, `PathEscapesStore`, `ObjectMissing`, `ObjectTooLarge` (before a byte is
    /// kept), `EmptyObject`, `ObjectChanged`, `CredentialsUnavailable`, `AccessDenied`, `StoreUnavailable`.
    pub async fn read(&self, object: &Object) -> Result<Bytes, Failure> {
        let Found { content, .. } = self.get(object, Reading::Whole).await?.ok_or_else(|| empty(object))?;
        content.whole().map_err(|error| unreadable(object, &error))
    }

    /// The same for who reads it from front to back: a large one goes to a file, where there is a place for one.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn fetch(&self, object: &Object) -> Result<Content, Failure> {
        let found = self.get(object, Reading::Through).await?;
        found.map(|found| found.content).ok_or_else(|| empty(object))
    }

    /// Reads an object like [`Store::read`], unless it still is the version of this name: `None` then, and not a byte
    /// of it is sent.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn read_unless(&self, object: &Object, known: Option<&str>) -> Result<Option<Known>, Failure> {
        let Some(Found { content, etag }) = self.get(object, known.map_or(Reading::Whole, Reading::Unless)).await?
        else {
            return Ok(None);
        };
        let bytes = content.whole().map_err(|error| unreadable(object, &error))?;
        Ok(Some(Known { bytes, etag }))
    }

    async fn get(&self, object: &Object, reading: Reading<'_>) -> Result<Option<Found>, Failure> {
        if !self.buckets.contains(&object.bucket) {
            return Err(self.not_listed(object));
        }
        admitted(object)?;
        let found = match &self.place {
            Place::Folder(folder) => folder.read(object, reading, self.max_object_bytes, &self.budget).await?,
            Place::Remote(remote) => remote.read(object, reading, self.max_object_bytes, &self.budget).await?,
        };
        let is_empty = found.as_ref().is_some_and(|found| found.content.length() == 0);
        if is_empty { Err(empty(object)) } else { Ok(found) }
    }

    /// Writes an object whole, in place of one that is there.
    ///
    /// # Errors
    /// `BucketNotListed`, `PathEscapesStore`, `KeyInvalid`, `ObjectTooLarge` (nobody could read it again),
    /// `BucketMissing`, `OverwriteRefused`, `CredentialsUnavailable`, `AccessDenied`, `StoreUnavailable`.
    pub async fn write(&self, object: &Object, bytes: &Bytes, content_type: &'static str) -> Result<Written, Failure> {
        self.may_write(object, bytes.len() as u64)?;
        match &self.place {
            Place::Folder(folder) => folder.write(object, bytes).await,
            Place::Remote(remote) => remote.write(object, bytes, content_type).await,
        }
    }

    /// Whether an object of so many bytes may be written, as far as this is known without asking the store.
    ///
    /// # Errors
    /// `BucketNotListed`, `PathEscapesStore`, `KeyInvalid`, `ObjectTooLarge`.
    pub fn may_write(&self, object: &Object, bytes: u64) -> Result<(), Failure> {
        if !self.buckets.contains(&object.bucket) {
            return Err(self.not_listed(object));
        }
        admitted(object)?;
        if object.key.len() > LONGEST_KEY {
            let message = format!(
                "the name {:?}... has {} bytes, more than stores take, which is {LONGEST_KEY}; shorten the step's output",
                object.key.chars().take(40).collect::<String>(),
                object.key.len()
            );
            return Err(Failure::new(FailureReason::KeyInvalid, message));
        }
        if bytes > self.max_object_bytes { Err(too_large(object, bytes, self.max_object_bytes)) } else { Ok(()) }
    }

    fn not_listed(&self, object: &Object) -> Failure {
        let mut listed: Vec<_> = self.buckets.iter().map(String::as_str).collect();
        listed.sort_unstable();
        let message = format!(
            "bucket {:?} is not in storage.buckets ({}); add it there if the job may use it",
            object.bucket,
            listed.join(", ")
        );
        Failure::new(FailureReason::BucketNotListed, message)
    }
}

/// Admits a key that stays within its bucket whatever the store, or a URL, makes of it.
fn admitted(object: &Object) -> Result<(), Failure> {
    let key = object.key.as_str();
    let climbs = key.split(['/', '\\']).any(|part| part == ".." || part == ".");
    if key.is_empty() || key.starts_with(['/', '\\']) || key.contains('\0') || climbs {
        let message = format!("the name {key:?} could lead out of bucket {:?}", object.bucket);
        return Err(Failure::new(FailureReason::PathEscapesStore, message));
    }
    Ok(())
}

fn too_large(object: &Object, bytes: u64, limit: u64) -> Failure {
    let message = format!(
        "{} has {bytes} bytes, more than storage.maxObjectBytes of {limit}; raise that, or send smaller ones",
        object.path()
    );
    Failure::new(FailureReason::ObjectTooLarge, message)
}

fn missing(object: &Object) -> Failure {
    Failure::new(
        FailureReason::ObjectMissing,
        format!("there is no object {}; was it deleted, or is its name another?", object.path()),
    )
}

/// What the worker put aside itself.
pub(crate) fn unreadable(object: &Object, error: &std::io::Error) -> Failure {
    let message = format!("the file of this worker that holds {} could not be read again: {error}", object.path());
    Failure::new(FailureReason::StoreUnavailable, message)
}

fn empty(object: &Object) -> Failure {
    Failure::new(FailureReason::EmptyObject, format!("{} has no bytes", object.path()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn object(bucket: &str, key: &str) -> Object {
        Object::new(bucket, key)
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
        let store = Store::open(&storage);
        (dir, store)
    }

    #[tokio::test]
    async fn objects_are_read_by_name_chinese_ones_too() {
        let (_dir, store) = store(5);
        assert_eq!(store.read(&object("photos", "a.jpg")).await.unwrap(), "12345");
        assert_eq!(store.read(&object("photos", "作业/作业 1.jpg")).await.unwrap(), "123");
    }

    #[tokio::test]
    async fn a_file_that_is_known_is_not_read_again_until_it_changes() {
        let (dir, store) = store(5);
        let object = object("photos", "a.jpg");
        let first = store.read_unless(&object, None).await.unwrap().unwrap();
        assert_eq!(first.bytes, "12345");
        assert_eq!(store.read_unless(&object, first.etag.as_deref()).await, Ok(None));
        let path = dir.path().join("photos/a.jpg");
        // Of the same length, and of the same second.
        let written = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::write(&path, "54321").unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(written + std::time::Duration::from_millis(1)).unwrap();
        let second = store.read_unless(&object, first.etag.as_deref()).await.unwrap().unwrap();
        assert_eq!(second.bytes, "54321");
        assert_ne!(second.etag, first.etag);
        std::fs::remove_file(&path).unwrap();
        let gone = store.read_unless(&object, second.etag.as_deref()).await.unwrap_err();
        assert_eq!(gone.reason, FailureReason::ObjectMissing);
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
            ("photos", " a.jpg", ObjectMissing),
            ("photos", "作业//作业 1.jpg", ObjectMissing),
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

    #[tokio::test]
    async fn objects_are_written_whole_and_over_what_was_there() {
        let (dir, store) = store(5);
        for (key, bytes) in [("a.jpg", "new"), ("作业/小/作业 2.jpg", "12345"), ("a b/c", "")] {
            let written = store.write(&object("photos", key), &Bytes::from_static(bytes.as_bytes()), "image/png").await;
            assert_eq!(written.unwrap(), Written { etag: None });
            assert_eq!(std::fs::read(dir.path().join("photos").join(key)).unwrap(), bytes.as_bytes());
        }
        let left = std::fs::read_dir(dir.path().join("photos/作业/小")).unwrap().count();
        assert_eq!(left, 1, "nothing is left beside it");
    }

    #[tokio::test]
    async fn what_must_not_or_cannot_be_written_says_why() {
        use FailureReason::{BucketMissing, BucketNotListed, KeyInvalid, ObjectTooLarge, PathEscapesStore};
        let (dir, store) = store(4);
        let (long, longest) = ("x".repeat(1_024), format!("{}/x", "x".repeat(300)));
        let bytes = Bytes::from_static(b"1234");
        let large = Bytes::from_static(b"12345");
        for (bucket, key, bytes, reason) in [
            ("posters", "a.jpg", &bytes, BucketNotListed),
            ("photos", "../secret", &bytes, PathEscapesStore),
            ("photos", "x/../../secret", &bytes, PathEscapesStore),
            ("photos", "..\\secret", &bytes, PathEscapesStore),
            ("photos", "/etc/passwd", &bytes, PathEscapesStore),
            ("photos", "", &bytes, PathEscapesStore),
            ("photos", "a\0.jpg", &bytes, PathEscapesStore),
            ("photos", "a//b.jpg", &bytes, KeyInvalid),
            ("photos", "b/", &bytes, KeyInvalid),
            ("photos", "作业", &bytes, KeyInvalid),
            ("photos", "a.jpg/b.jpg", &bytes, KeyInvalid),
            ("photos", &long, &bytes, KeyInvalid),
            ("photos", &longest, &bytes, KeyInvalid),
            ("photos", "large.jpg", &large, ObjectTooLarge),
        ] {
            let failure = store.write(&object(bucket, key), bytes, "image/jpeg").await.unwrap_err();
            assert_eq!(failure.reason, reason, "{bucket} {key:?}: {failure}");
        }
        assert_eq!(std::fs::read(dir.path().join("photos/secret")).unwrap_or_default(), b"");
        assert_eq!(std::fs::read(dir.path().join("photos/a.jpg")).unwrap(), b"12345", "nothing was harmed");
        drop(dir);
        let failure = store.write(&object("photos", "a.jpg"), &bytes, "image/jpeg").await.unwrap_err();
        assert_eq!(failure.reason, BucketMissing, "{failure}");
    }
}
