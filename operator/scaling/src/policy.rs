//! What was asked for, resolved: a job and its policy merged, defaults filled in, zones looked up.
//!
//! Whoever builds a [`Policy`] keeps `min_replicas <= max_replicas`; every other combination of
//! values has a defined meaning here.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::schedule::Schedule;

/// The scaling rules of one job.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The promise: from a record's append to its first lease.
    pub wait: Duration,
    /// Workers that always run.
    pub min_replicas: u32,
    /// Workers that never are exceeded, whatever a profile or the backlog says.
    pub max_replicas: u32,
    /// Records that one worker works on at once.
    pub slots: NonZeroU32,
    /// A worker leaves only after this long without need of it.
    pub scale_down_stabilization: Duration,
    /// Named schedules. Active ones never outrank each other: the highest floor, the lowest
    /// ceiling and the shortest wait hold.
    pub profiles: Vec<Profile>,
}

/// A named schedule and what it does while it is active.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Name, unique in a policy.
    pub name: String,
    /// When it is active.
    pub schedule: Schedule,
    /// Workers that run at least, within `max_replicas`.
    pub floor: Option<u32>,
    /// Workers that run at most, unless a floor asks for more.
    pub ceiling: Option<u32>,
    /// The promise while active, if shorter than the policy's.
    pub wait: Option<Duration>,
}
