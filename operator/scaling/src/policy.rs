//! What was asked for, resolved: a job and its policy merged, defaults filled in, zones looked up.
//!
//! Whoever builds a [`Policy`] keeps `min_replicas <= max_replicas`; every other combination of
//! values has a defined meaning here.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::{Timestamp, Zoned};

use crate::budget::Budget;
use crate::schedule::Schedule;
use crate::season::Learning;

/// The scaling rules of one job.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The promise: from a record's append to its first lease.
    pub wait: Duration,
    /// Workers that always run.
    pub min_replicas: u32,
    /// Workers that never are exceeded, whatever a profile or the backlog says.
    pub max_replicas: u32,
    /// Workers that all jobs of a namespace under the same policy run at most, together; none without a quota.
    pub namespace_quota: Option<u32>,
    /// What all jobs under the same policy may spend in a day; none without a budget.
    pub budget: Option<Budget>,
    /// Records that one worker works on at once.
    pub slots: NonZeroU32,
    /// A worker leaves only after this long without need of it.
    pub scale_down_stabilization: Duration,
    /// Named schedules. Active ones never outrank each other: the highest floor, the lowest
    /// ceiling and the shortest wait hold.
    pub profiles: Vec<Profile>,
    /// Waiting records for each worker, as a further candidate; none unless asked for.
    pub lag_threshold: Option<NonZeroU32>,
    /// Records per second that are lent at most: workers beyond what that needs would idle.
    pub rate_limit: Option<NonZeroU32>,
    /// A count that somebody fixed for a while.
    pub fixed: Option<Fixed>,
    /// What is made of the weeks before.
    pub learning: Learning,
}

impl Default for Policy {
    /// What holds where nothing is said: 60 s of wait, 0 to 7,000 workers of 8 slots, a worker
    /// leaves after 30 s without need.
    fn default() -> Self {
        Self {
            wait: Duration::from_mins(1),
            min_replicas: 0,
            max_replicas: 7_000,
            namespace_quota: None,
            budget: None,
            slots: const { NonZeroU32::new(8).expect("8 is not 0") },
            scale_down_stabilization: Duration::from_secs(30),
            profiles: Vec::new(),
            lag_threshold: None,
            rate_limit: None,
            fixed: None,
            learning: Learning::default(),
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
    /// What it prepares for; a floor follows from it, within `max_replicas`.
    pub amount: Option<Amount>,
    /// Workers that run at most, unless a floor asks for more.
    pub ceiling: Option<u32>,
    /// The promise while active, if shorter than the policy's.
    pub wait: Option<Duration>,
    /// Workers that are kept above what arrivals need.
    pub spare: u32,
    /// How the floor gives way to what really arrives; none to hold it to the end.
    pub trim: Option<Trim>,
    /// The floor falls to nothing over this long after the end, evenly.
    pub fade_out: Duration,
    /// More or less than usual on some days.
    pub adjustments: Vec<Adjustment>,
}

impl Profile {
    /// A profile that does nothing yet.
    pub fn new(name: impl Into<String>, schedule: Schedule) -> Self {
        Self {
            name: name.into(),
            schedule,
            amount: None,
            ceiling: None,
            wait: None,
            spare: 0,
            trim: None,
            fade_out: Duration::ZERO,
            adjustments: Vec::new(),
        }
    }
}

/// More or less than usual in the windows that start on some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// First and last of each range of days.
    pub dates: Vec<(Date, Date)>,
    /// So many per cent of the amount.
    pub percent: u32,
}

/// What a profile prepares for.
#[derive(Debug, Clone, PartialEq)]
pub enum Amount {
    /// So many workers.
    Floor(u32),
    /// So many records a second.
    Rate(f64),
    /// So many records over each run of consecutive days.
    Volume(Volume),
}

/// Records over a run of consecutive days, and how they spread.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    /// Records of the whole run.
    pub records: u64,
    /// When more come than otherwise, on every day of the run. They do not overlap.
    pub peaks: Vec<Peak>,
    /// So long after the run has begun all that came has started; none if only the promise counts.
    pub within: Option<Duration>,
}

/// A window of a day in which more records come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Its start on the clocks of the profile's zone.
    pub from: Time,
    /// Its end; at or before `from` it lies on the following day.
    pub to: Time,
    /// How many times as many records come a second as outside peaks; above 0.
    pub weight: f64,
}

/// How a floor gives way to what really arrives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trim {
    /// The floor holds in full for so long after each of its steps.
    pub after: Duration,
    /// From then on it is at most this many times what arrivals need; 1.5 is 150 %.
    pub factor: f64,
}
