//! Where to resume a partition: committed offset + metadata + the log as it is now.
//!
//! A ledger counts only for the log it was written about. Everything doubtful voids it, which means
//! "nothing beyond the committed offset is known to be finished", never "done".

use crate::codec::{Damage, TopicId, decode};
use crate::window::Window;

/// The partition's log as the broker describes it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// First offset still held.
    pub start: i64,
    /// One past the last record.
    pub end: i64,
    /// The topic, where the broker tells it.
    pub topic: Option<TopicId>,
}

/// Where to go on, and what is to be told about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What is finished. Its base is the first offset to read.
    pub window: Window,
    /// Why the ledger was not used, where there was one.
    pub void: Option<VoidReason>,
    /// Unfinished offsets that the log no longer holds: retention was faster than the job.
    pub expired: u64,
}

/// Why a ledger does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoidReason {
    /// It cannot be read.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// It was written for another committed offset: offsets were mirrored or reset by a tool.
    #[error("the ledger was written for offset {base}, not for the committed one")]
    OtherOffset {
        /// The offset that the ledger was written for.
        base: i64,
    },
    /// It was written for a topic of the same name that was deleted since.
    #[error("the ledger belongs to an earlier topic of this name")]
    OtherTopic,
    /// It marks offsets that the log does not hold: the topic is another one.
    #[error("the ledger ends at offset {top}, beyond the end of the log")]
    BeyondLogEnd {
        /// One past the highest offset that the ledger marks.
        top: i64,
    },
    /// The committed offset lies beyond the log: the topic was recreated or cut.
    #[error("the committed offset {committed} lies beyond the end of the log")]
    CommitBeyondLogEnd {
        /// The committed offset.
        committed: i64,
    },
}

impl VoidReason {
    /// One stable CamelCase word, for reports and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Damaged(Damage::Foreign) => "Foreign",
            Self::Damaged(Damage::Version) => "OtherVersion",
            Self::Damaged(Damage::Checksum) => "ChecksumMismatch",
            Self::Damaged(Damage::Malformed) => "Malformed",
            Self::OtherOffset { .. } => "OtherOffset",
            Self::OtherTopic => "OtherTopic",
            Self::BeyondLogEnd { .. } => "BeyondLogEnd",
            Self::CommitBeyondLogEnd { .. } => "CommitBeyondLogEnd",
        }
    }
}

/// Judges a committed offset and its metadata against the log.
///
/// * Empty metadata (a commit by another tool) is no ledger, and nothing to complain about.
/// * A committed offset below the log's start resumes at the start; what was unfinished there is
///   counted as expired.
/// * A committed offset beyond the log's end belongs to another log, so the whole of this one is
///   unread: resume at its start.
pub fn restore(metadata: &str, committed: i64, log: Log) -> Restored {
    if committed > log.end {
        return Restored {
            window: Window::new(log.start),
            void: Some(VoidReason::CommitBeyondLogEnd { committed }),
            expired: 0,
        };
    }
    let (mut window, void) = match read(metadata, committed, log) {
        Ok(window) => (window, None),
        Err(reason) => (Window::new(committed), Some(reason)),
    };
    let expired = window.mark_gap(committed..log.start);
    Restored { window, void, expired }
}

fn read(metadata: &str, committed: i64, log: Log) -> Result<Window, VoidReason> {
    if metadata.is_empty() {
        return Ok(Window::new(committed));
    }
    let ledger = decode(metadata)?;
    let (base, top) = (ledger.window.base(), ledger.window.top());
    if ledger.topic.zip(log.topic).is_some_and(|(written, now)| written != now) {
        Err(VoidReason::OtherTopic)
    } else if base != committed {
        Err(VoidReason::OtherOffset { base })
    } else if top > log.end {
        Err(VoidReason::BeyondLogEnd { top })
    } else {
        Ok(ledger.window)
    }
}
