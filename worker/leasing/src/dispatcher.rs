//! The dispatcher's side: holds partitions, lends their records, keeps the ledger.
//!
//! [`Desk`] decides about records, [`Membership`] about the partitions that come and go. The rest is what
//! they are made of, each in a file of its name.

mod arrivals;
mod commit;
mod desk;
mod facts;
mod held;
mod joining;
mod latency;
mod leases;
mod membership;
mod moment;
mod outbox;
mod pen;
mod placement;
mod position;
mod problems;
mod rate;
mod record;
mod retry;
mod tally;
mod workers;

pub use arrivals::{Bins, Past};
pub use commit::{Batch, Entry};
pub use desk::{DeadLetter, Desk, Limits, Room, Snapshot, Streams};
pub use joining::{Approach, Joining, Look};
pub use latency::Sample;
pub use membership::{Errand, Membership};
pub use moment::Moment;
pub use position::{Committed, Fresh, Start, choose};
pub use problems::Problems;
pub use record::{Partition, Record, RecordId, Topics};
pub use retry::Cause;
pub use tally::Tally;
pub use workers::SessionId;
