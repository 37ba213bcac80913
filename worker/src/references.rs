//! What photos are compared with: read from the store once, made ready once, and kept for a while, as
//! thousands of photos are compared with a few dozen posters.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;

use crate::clock;
use crate::decode::Cores;
use crate::outcome::Failure;
use crate::storage::Store;

/// A reference that was overwritten in the store is noticed after at most this time.
const FRESH: Duration = Duration::from_mins(1);

/// References kept ready; one is about 1 MB.
const MOST: usize = 64;

/// References made ready, each under a key.
pub(crate) struct References<T> {
    store: Arc<Store>,
    ready: Mutex<HashMap<String, Ready<T>>>,
}

struct Ready<T> {
    reference: Arc<T>,
    read: Instant,
    used: Instant,
}

impl<T: Send + Sync + 'static> References<T> {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store, ready: Mutex::default() }
    }

    /// The reference under a key, made from what is at a URI, `oss://bucket/key` or `s3://bucket/key`. Two that ask for a new one at the same time
    /// both make it ready; the later one stays.
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
        if let Some(reference) = self.kept(key) {
            return Ok(reference);
        }
        let unusable = |why: String| Failure::new(FailureReason::ReferenceUnusable, format!("reference {uri}: {why}"));
        let object = object(uri).ok_or_else(|| unusable("write it like oss://bucket/key".to_owned()))?;
        let bytes = self
            .store
            .read(&object)
            .await
            .map_err(|failure| Failure::new(failure.reason, format!("reference {uri}: {}", failure.message)))?;
        let reference = Arc::new(cores.run(move || prepare(&bytes)).await?.map_err(unusable)?);
        self.keep(key, Arc::clone(&reference));
        Ok(reference)
    }

    fn kept(&self, key: &str) -> Option<Arc<T>> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = ready.get_mut(key).filter(|kept| kept.read.elapsed() < FRESH)?;
        kept.used = clock::now();
        Some(Arc::clone(&kept.reference))
    }

    fn keep(&self, key: &str, reference: Arc<T>) {
        let now = clock::now();
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.len() >= MOST && !ready.contains_key(key) {
            let oldest = ready.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| key.clone());
            if let Some(key) = oldest {
                ready.remove(&key);
            }
        }
        ready.insert(key.to_owned(), Ready { reference, read: now, used: now });
    }
}

/// What a URI names.
pub(crate) fn object(uri: &str) -> Option<Object> {
    let (scheme, rest) = uri.split_once("://")?;
    let (bucket, key) = rest.split_once('/').filter(|(_, key)| !key.is_empty())?;
    let known = matches!(scheme, "oss" | "s3");
    known.then(|| Object::new(bucket, key))
}
