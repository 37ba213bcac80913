//! What to commit and when the workers may forget: pure.

use crate::dispatcher::record::Partition;
use crate::dispatcher::workers::SessionId;

/// A partition's next offset to read, with its ledger as metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub partition: Partition,
    /// Next offset to read.
    pub offset: i64,
    /// The ledger as text.
    pub metadata: String,
}

/// One commit, and what it makes durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// What is stored; may be nothing.
    pub entries: Vec<Entry>,
    /// The newest `Outcomes` of each stream whose effects are in this or an earlier commit.
    pub received: Vec<(SessionId, u64)>,
}
