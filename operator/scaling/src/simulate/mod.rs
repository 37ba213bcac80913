//! A policy tried on traffic before anybody applies it: arrivals go in; waits, worker-hours and
//! what was decided come out.
//!
//! The operator's own [`decide`](crate::decide) runs here, and models of what else people use, in
//! the same world: workers take time to start, a cluster creates so many a second, news arrives
//! late. Records wait in one queue in order of arrival, and flow: a worker of 4 slots and 2 s a
//! record starts 2 records a second and 4 at once when it is idle. What that leaves out: skew
//! between partitions, poison photos, nodes that have to be bought first (except by longer starts).

mod clairvoyant;
mod course;
mod fleet;
mod queue;
mod random;
pub mod rivals;
mod taught;
pub mod traffic;
mod waits;
mod world;

pub use clairvoyant::clairvoyant;
pub use course::{Course, Note, Sample};
pub use taught::taught;
pub use traffic::{Scenario, Trace};
pub use waits::Waits;
pub use world::{Ours, Scaler, View, World, simulate};
