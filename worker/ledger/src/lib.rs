//! Which offsets of a partition are finished: pure state and its compact, checked encoding.
//!
//! Kafka remembers one number per partition and group: the next offset to read. Work that finishes
//! out of order needs more, so the commit's metadata string carries the offsets finished *beyond*
//! that number. A mark says "the outcome of this record is durably published", which never becomes
//! false; a lost or stale ledger therefore costs repeated work and can never skip a record.
//!
//! This crate knows nothing of Kafka clients, clocks or tasks. It does not decide what to retry; it
//! only remembers how often a record failed or took its worker with it.

mod codec;
mod restore;
mod varint;
mod window;

pub use codec::{Damage, Ledger, MAX_ENCODED_LEN, TopicId, WindowFull, decode, encode};
pub use restore::{Log, Restored, VoidReason, restore};
pub use window::{Attempts, Finish, MAX_WINDOW, Window};
