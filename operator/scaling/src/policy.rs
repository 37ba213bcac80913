//! What was asked for, resolved: a job and its policy merged, defaults filled in, zones looked up.
//!
//! Whoever builds a [`Policy`] keeps `min_replicas <= max_replicas`; every other combination of
//! values has a defined meaning here.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::{Timestamp, Zoned};

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
    /// Waiting records for each worker, as a further candidate; none unless asked for.
    pub lag_threshold: Option<NonZeroU32>,
    /// A count that somebody fixed for a while.
    pub fixed: Option<Fixed>,
}

impl Default for Policy {
    /// What holds where nothing is said: 60 s of wait, 0 to 7,000 workers of 8 slots, a worker
    /// leaves after 30 s without need.
    fn default() -> Self {
        Self {
            wait: Duration::from_mins(1),
            min_replicas: 0,
            max_replicas: 7_000,
            slots: const { NonZeroU32::new(8).expect("8 is not 0") },
            scale_down_stabilization: Duration::from_secs(30),
            profiles: Vec::new(),
            lag_threshold: None,
            fixed: None,
        }
    }
}

impl Policy {
    /// The fixed count that holds at `now`; an expired one does nothing.
    pub(crate) fn fixed_at(&self, now: Timestamp) -> Option<&Fixed> {
        self.fixed.as_ref().filter(|fixed| now < fixed.until.timestamp())
    }
}

/// A count that somebody fixed for a while. It outranks the backlog and every profile; only the
/// minimum and the maximum outrank it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// Workers that run until then.
    pub replicas: u32,
    /// First instant at which it holds no more, in the zone in which its author reads the clock.
    pub until: Zoned,
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
