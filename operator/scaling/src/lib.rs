//! How many workers, and why: pure functions over plain data.
//!
//! [`decide`] takes what was seen, what was asked for and what it remembers, and answers with a
//! worker count, the reason in one sentence, and every candidate that lost. It reads no clock,
//! does no I/O and draws no random numbers, so the operator, a test and a simulation of a whole
//! weekend all run the very same function.
//!
//! Knows nothing of Kubernetes or Kafka. Counts are records, workers and slots; times are
//! [`jiff::Timestamp`] (instants) and [`std::time::Duration`] (lengths, never negative).

mod amount;
mod arrivals;
mod bounds;
mod budget;
mod decide;
mod decision;
mod demand;
mod downstream;
mod learned;
mod memory;
mod observation;
mod policy;
mod preview;
mod profiles;
mod quota;
mod reason;
mod schedule;
mod season;
pub mod simulate;
pub mod wording;

pub use arrivals::Arrivals;
pub use budget::{Budget, OnExceeded, Spent};
pub use decide::decide;
pub use decision::{Candidates, Decision, Limit};
pub use learned::{PRIOR_SERVICE, PRIOR_START_UP};
pub use memory::Memory;
pub use observation::{Backlog, Lag, LagGap, Observation, Others, ServiceTime, Workers};
pub use policy::{Adjustment, Amount, Fixed, Peak, Policy, Profile, Trim, Volume};
pub use preview::{Asked, Span, preview};
pub use profiles::{ActiveProfile, Agenda, Boundary, Edge, Floor, Footing, Phase, Spare};
pub use quota::Neighbour;
pub use reason::{
    DueEvidence, ExpectedEvidence, FloorEvidence, Imminent, KeepUpEvidence, Reason, ServiceEvidence, ThresholdEvidence,
};
pub use schedule::{Days, Interval, MonthDay, Schedule, Weekdays};
pub use season::{Expected, Learning, Mode, Season, Unreadable};
