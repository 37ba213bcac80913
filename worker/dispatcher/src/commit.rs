//! What to commit and when the workers may forget: pure.

use crate::record::Partition;
use crate::workers::SessionId;

/// A partition's next offset to read, with its ledger as metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) partition: Partition,
    pub(crate) offset: i64,
    pub(crate) metadata: String,
}

/// One commit, and what it makes durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Entry>,
    /// The newest `Outcomes` of each stream whose effects are in this or an earlier commit.
    pub(crate) received: Vec<(SessionId, u64)>,
}
