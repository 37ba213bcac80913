//! How many bytes of objects a worker holds at once. Slots bound how many objects are worked on, not how
//! large they are: eight of 200 MB would be 1.6 GB.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A permit's worth, so that their number fits the semaphore's type: 2^32 KiB are 4 TiB.
const KIB: u64 = 1_024;

#[derive(Debug)]
pub(super) struct Budget {
    free: Arc<Semaphore>,
    whole: u32,
}

/// A place in the budget.
#[derive(Debug)]
pub(super) struct Admission {
    _permits: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub(super) fn new(bytes: u64) -> Self {
        let whole = permits(bytes);
        Self { free: Arc::new(Semaphore::new(whole as usize)), whole }
    }

    /// Waits until `bytes` fit beside what is held, first come, first served, so that a large object is not
    /// overtaken for ever. One above the whole budget waits until nothing else is held.
    pub(super) async fn admit(&self, bytes: u64) -> Admission {
        let permits = permits(bytes).min(self.whole);
        // The semaphore is never closed; without a permit the work would still be right.
        Admission { _permits: Arc::clone(&self.free).acquire_many_owned(permits).await.ok() }
    }
}

impl Admission {
    /// The bytes that the place was for. It is free again when the last copy of them is dropped.
    pub(super) fn hold(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Held { bytes, _admission: self })
    }
}

struct Held {
    bytes: Bytes,
    _admission: Admission,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn permits(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn bytes_are_admitted_while_they_fit_and_again_when_others_are_dropped() {
        let budget = Budget::new(10 * KIB);
        let six = budget.admit(6 * KIB).await.hold(Bytes::from_static(b"six"));
        let four = budget.admit(4 * KIB - 1).await;
        assert!(budget.admit(1).now_or_never().is_none(), "a part of a KiB counts as one");
        let copy = six.clone();
        drop(six);
        assert!(budget.admit(6 * KIB).now_or_never().is_none(), "a copy is held");
        assert_eq!(copy, "six");
        drop(copy);
        let again = budget.admit(6 * KIB).now_or_never();
        assert!(again.is_some());
        drop((four, again));
        assert!(budget.admit(1_000 * KIB).now_or_never().is_some(), "alone, an object above the budget is admitted");
    }
}
