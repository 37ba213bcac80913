//! Where the pictures go that steps make: into the job's store, or nowhere, for a look at what would be written.

use bytes::Bytes;
use imagejob_protocol::events::Object;
use imagejob_protocol::settings::Storage;

use crate::outcome::Failure;
use crate::storage::{Store, Written};

/// Takes pictures.
#[derive(Debug)]
pub struct Outputs {
    store: Store,
    writes: bool,
}

impl Outputs {
    /// Into the buckets of a store.
    pub fn into(storage: &Storage) -> Self {
        Self { store: Store::open(storage), writes: true }
    }

    /// Nowhere; what the store would refuse without being asked is refused all the same.
    pub fn nowhere(storage: &Storage) -> Self {
        Self { store: Store::open(storage), writes: false }
    }

    /// Whether a picture may go there, before it is made.
    ///
    /// # Errors
    /// `BucketNotListed`, `PathEscapesStore`, `KeyInvalid`.
    pub(crate) fn admit(&self, object: &Object) -> Result<(), Failure> {
        self.store.may_write(object, 0)
    }

    /// Takes a picture.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub(crate) async fn take(
        &self,
        object: &Object,
        bytes: &Bytes,
        content_type: &'static str,
    ) -> Result<Written, Failure> {
        if self.writes {
            return self.store.write(object, bytes, content_type).await;
        }
        self.store.may_write(object, bytes.len() as u64)?;
        Ok(Written { etag: None })
    }
}
