//! What photos are compared with: read from the store once, made ready once, and kept, as thousands of photos are
//! compared with a few dozen posters. After a while the store is asked whether it has another version.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;

use crate::clock;
use crate::decode::Cores;
use crate::outcome::Failure;
use crate::storage::{Known, Store};

/// A reference that was overwritten in the store is noticed after at most this time.
const FRESH: Duration = Duration::from_mins(1);

/// References kept ready; a poster is about 0.6 MB, a mark up to 4 MB.
const MOST: usize = 64;

/// References made ready, each under a key.
pub(crate) struct References<T> {
    store: Arc<Store>,
    most: usize,
    fresh: Duration,
    kept: Mutex<HashMap<String, Kept<T>>>,
}

struct Kept<T> {
    /// Whoever holds it looks after the reference; others who want it wait, and find it made.
    place: Arc<tokio::sync::Mutex<Place<T>>>,
    used: Instant,
}

struct Place<T> {
    version: Option<Version<T>>,
    /// The last attempt that came to nothing, and when.
    failed: Option<(Instant, Failure)>,
}

/// What became of a version of an object: another attempt at the same bytes would end the same way.
struct Version<T> {
    made: Result<Arc<T>, Failure>,
    etag: Option<String>,
    /// When the store last said that it is the present one.
    asked: Instant,
}

impl<T: Send + Sync + 'static> References<T> {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self::keeping(MOST, FRESH, store)
    }

    /// So many, each for so long before the store is asked again.
    pub(crate) fn keeping(most: usize, fresh: Duration, store: Arc<Store>) -> Self {
        Self { store, most, fresh, kept: Mutex::default() }
    }

    /// The reference under a key, made from what is at a URI, `oss://bucket/key` or `s3://bucket/key`. It is made
    /// once however many ask for it, and again when the store has another version.
    ///
    /// # Errors
    /// Those of the store; `ReferenceUnusable` with the sentence of `prepare`, or for another URI.
    pub(crate) async fn get(
        &self,
        key: &str,
        uri: &str,
        cores: &Cores,
        prepare: impl FnOnce(&Bytes) -> Result<T, String> + Send + 'static,
    ) -> Result<Arc<T>, Failure> {
        let came = clock::now();
        let place = self.place(key, came);
        let mut place = place.lock().await;
        if let Some(version) = place.version.as_ref().filter(|version| version.asked.elapsed() < self.fresh) {
            return version.made.clone();
        }
        // What failed while we waited would fail again, and more of us wait.
        if let Some((_, failure)) = place.failed.as_ref().filter(|(when, _)| *when > came) {
            return Err(failure.clone());
        }
        let outcome = self.look(&mut place, uri, cores, prepare).await;
        place.failed = outcome.as_ref().err().map(|failure| (clock::now(), failure.clone()));
        outcome?;
        place.version.as_ref().map_or_else(|| Err(unusable(uri, "it vanished")), |version| version.made.clone())
    }

    /// Asks the store, and makes what it has ready if that is new.
    async fn look(
        &self,
        place: &mut Place<T>,
        uri: &str,
        cores: &Cores,
        prepare: impl FnOnce(&Bytes) -> Result<T, String> + Send + 'static,
    ) -> Result<(), Failure> {
        let object = object(uri).ok_or_else(|| unusable(uri, "write it like oss://bucket/key"))?;
        let known = place.version.as_ref().and_then(|version| version.etag.as_deref());
        let read = self.store.read_unless(&object, known).await;
        let read =
            read.map_err(|failure| Failure::new(failure.reason, format!("reference {uri}: {}", failure.message)))?;
        match read {
            Some(Known { bytes, etag }) => {
                let made = cores.run(move || prepare(&bytes)).await?;
                let made = made.map(Arc::new).map_err(|why| unusable(uri, &why));
                place.version = Some(Version { made, etag, asked: clock::now() });
            }
            None => place.version.iter_mut().for_each(|version| version.asked = clock::now()),
        }
        Ok(())
    }

    fn place(&self, key: &str, now: Instant) -> Arc<tokio::sync::Mutex<Place<T>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.get_mut(key) {
            kept.used = now;
            return Arc::clone(&kept.place);
        }
        if kept.len() >= self.most {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| key.clone());
            oldest.and_then(|key| kept.remove(&key));
        }
        let place = Arc::new(tokio::sync::Mutex::new(Place { version: None, failed: None }));
        kept.insert(key.to_owned(), Kept { place: Arc::clone(&place), used: now });
        place
    }
}

fn unusable(uri: &str, why: &str) -> Failure {
    Failure::new(FailureReason::ReferenceUnusable, format!("reference {uri}: {why}"))
}

/// What a URI names.
pub(crate) fn object(uri: &str) -> Option<Object> {
    let (scheme, rest) = uri.split_once("://")?;
    let (bucket, key) = rest.split_once('/').filter(|(_, key)| !key.is_empty())?;
    let known = matches!(scheme, "oss" | "s3");
    known.then(|| Object::new(bucket, key))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicUsize, Ordering};

    use imagejob_protocol::settings::{Storage, StorageKind};

    use super::*;

    /// References to files, made by counting how often one is made.
    struct Shelf {
        folder: tempfile::TempDir,
        references: References<String>,
        made: Arc<AtomicUsize>,
    }

    impl Shelf {
        fn new(most: usize, fresh: Duration) -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("posters")).unwrap();
            let kind = StorageKind::FileSystem { path: folder.path().to_owned() };
            let storage = Storage { kind, buckets: vec!["posters".into()], max_object_bytes: 99 };
            let references = References::keeping(most, fresh, Arc::new(Store::open(&storage)));
            Self { folder, references, made: Arc::default() }
        }

        /// Longer each time, so that a file of the same moment is another version.
        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.folder.path().join("posters").join(name), text).unwrap();
        }

        async fn get(&self, name: &str) -> Result<String, Failure> {
            let made = Arc::clone(&self.made);
            let prepare = move |bytes: &Bytes| {
                made.fetch_add(1, Ordering::Relaxed);
                String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())
            };
            let uri = format!("oss://posters/{name}");
            Ok(self.references.get(&uri, &uri, &Cores::new(), prepare).await?.as_ref().clone())
        }

        fn made(&self) -> usize {
            self.made.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn one_that_many_ask_for_at_once_is_made_once() {
        let shelf = Shelf::new(2, FRESH);
        shelf.write("a", "first");
        let all = futures::future::join_all((0..8).map(|_| shelf.get("a"))).await;
        assert!(all.iter().all(|one| one.as_deref() == Ok("first")), "{all:?}");
        assert_eq!(shelf.made(), 1);
        shelf.write("a", "another");
        assert_eq!(shelf.get("a").await.unwrap(), "first", "it is fresh yet");
    }

    #[tokio::test]
    async fn after_a_while_a_change_is_noticed_and_what_did_not_change_is_not_made_again() {
        let shelf = Shelf::new(2, Duration::ZERO);
        shelf.write("a", "first");
        for _ in 0..3 {
            assert_eq!(shelf.get("a").await.unwrap(), "first");
        }
        assert_eq!(shelf.made(), 1);
        shelf.write("a", "another");
        assert_eq!(shelf.get("a").await.unwrap(), "another");
        assert_eq!(shelf.made(), 2);
        std::fs::remove_file(shelf.folder.path().join("posters/a")).unwrap();
        assert_eq!(shelf.get("a").await.unwrap_err().reason, FailureReason::ObjectMissing);
        shelf.write("a", "back again");
        assert_eq!(shelf.get("a").await.unwrap(), "back again");
    }

    #[tokio::test]
    async fn one_that_is_unusable_is_looked_at_again_when_it_changes_only() {
        let shelf = Shelf::new(2, Duration::ZERO);
        std::fs::write(shelf.folder.path().join("posters/a"), [0xFF]).unwrap();
        for _ in 0..3 {
            assert_eq!(shelf.get("a").await.unwrap_err().reason, FailureReason::ReferenceUnusable);
        }
        assert_eq!(shelf.made(), 1);
        shelf.write("a", "corrected");
        assert_eq!(shelf.get("a").await.unwrap(), "corrected");
    }

    #[tokio::test]
    async fn of_too_many_the_one_that_was_not_used_for_longest_goes() {
        let shelf = Shelf::new(2, FRESH);
        for name in ["a", "b", "a", "c", "a", "b"] {
            shelf.write(name, name);
            assert_eq!(shelf.get(name).await.unwrap(), name);
        }
        assert_eq!(shelf.made(), 4, "b was made again");
    }
}
