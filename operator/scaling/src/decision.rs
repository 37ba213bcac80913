//! How many workers, why, and what else was considered.

use std::fmt;
use std::time::Duration;

use crate::profiles::{ActiveProfile, Boundary};
use crate::reason::Reason;
use crate::wording::{counted, per_second};

/// How many workers, why, and what else was considered. Its [`fmt::Display`] is one sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Workers that should run.
    pub replicas: u32,
    /// Workers that would run if the job shared no quota and no budget with others.
    pub wanted: u32,
    /// Why.
    pub reason: Reason,
    /// Everything that was considered, the losers too.
    pub candidates: Candidates,
    /// The bound that cut the wish, if one did.
    pub limited_by: Option<Limit>,
    /// Profiles that are active, in order of declaration.
    pub active: Vec<ActiveProfile>,
    /// When that changes next; none if not within a fortnight.
    pub next: Option<Boundary>,
    /// The decision may change by itself after this long; it may change earlier with a new
    /// observation.
    pub recheck_after: Duration,
}

/// Counts of workers that were considered. None: does not apply now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Candidates {
    /// For what waits; none while the lag is unknown, as with the next two.
    pub due: Option<u32>,
    /// For what arrives; none also where the promise leaves time to even that out.
    pub keep_up: Option<u32>,
    /// By the job's `lagThreshold`.
    pub threshold: Option<u32>,
    /// For what arrives, and what a profile keeps spare above that.
    pub spare: Option<u32>,
    /// For what runs or will be tried again.
    pub in_flight: Option<u32>,
    /// Highest floor of the profiles, also of one that is about to start or fades.
    pub floor: Option<u32>,
    /// For what the weeks before let expect, whether or not that counts; none while too little is known.
    pub learned: Option<u32>,
    /// Lowest ceiling of the active profiles.
    pub ceiling: Option<u32>,
    /// The highest count needed within the stabilization window.
    pub held: Option<u32>,
    /// The minimum of job and policy.
    pub minimum: u32,
    /// The maximum of job and policy.
    pub maximum: u32,
}

/// A bound that cut the wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// More were wanted than the maximum of job or policy.
    Maximum {
        /// The count without it.
        wanted: u32,
        /// The maximum.
        maximum: u32,
    },
    /// More were wanted than an active profile's ceiling.
    Ceiling {
        /// The count without it.
        wanted: u32,
        /// The ceiling.
        ceiling: u32,
        /// The profile.
        profile: String,
    },
    /// More were wanted than the rate limit has work for.
    RateLimit {
        /// The count without it.
        wanted: u32,
        /// Workers that do all that it lets through.
        enough: u32,
        /// Records per second that it lets through.
        per_second: u32,
    },
    /// More were wanted than this job's share of what its namespace may run.
    NamespaceQuota {
        /// The count without it.
        wanted: u32,
        /// This job's share.
        share: u32,
        /// What all jobs of the namespace under the policy may run.
        quota: u32,
    },
    /// The policy's jobs have spent what they may today, or nearly.
    BudgetReached {
        /// Hours of one worker that were spent today.
        spent: u32,
        /// Hours that may be.
        budget: u32,
        /// Records may wait so many times as long; 1 where the count is held instead.
        relaxed: u32,
    },
    /// More workers have done no more lately.
    Downstream {
        /// The count without it.
        wanted: u32,
        /// Workers that do as much.
        enough: u32,
        /// What they do, records per second.
        per_second: u32,
    },
    /// Fewer were fixed than the minimum of job or policy.
    Minimum {
        /// The count without it.
        wanted: u32,
        /// The minimum.
        minimum: u32,
    },
    /// A ceiling lies below what a floor or the minimum holds, which wins.
    CeilingBelowFloor {
        /// The floor or minimum that holds.
        floor: u32,
        /// The ceiling.
        ceiling: u32,
        /// The profile with the ceiling.
        profile: String,
    },
}

impl Limit {
    /// The stable CamelCase word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Maximum { .. } => "Maximum",
            Self::RateLimit { .. } => "RateLimit",
            Self::NamespaceQuota { .. } => "NamespaceQuota",
            Self::BudgetReached { .. } => "BudgetReached",
            Self::Downstream { .. } => "DownstreamBound",
            Self::Minimum { .. } => "Minimum",
            Self::Ceiling { .. } => "ProfileCeiling",
            Self::CeilingBelowFloor { .. } => "CeilingBelowFloor",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Maximum { wanted, maximum } => {
                write!(f, "{wanted} are wanted, the maximum is {maximum}")
            }
            Self::Minimum { wanted, minimum } => {
                write!(f, "{wanted} are wanted, the minimum is {minimum}")
            }
            Self::RateLimit { wanted, enough, per_second: limit } => {
                write!(f, "{wanted} are wanted, {enough} do all of the rate limit of {}", per_second(f64::from(*limit)))
            }
            Self::NamespaceQuota { wanted, share, quota } => {
                write!(f, "{wanted} are wanted, {share} are this job's share of the {quota} of its namespace")
            }
            Self::BudgetReached { spent, budget, relaxed: 1 } => {
                write!(f, "{spent} of {budget} worker-hours of the day are spent, none is added before the next")
            }
            Self::BudgetReached { spent, budget, relaxed } => {
                write!(
                    f,
                    "{spent} of {budget} worker-hours of the day are spent, records may wait {relaxed} times as long"
                )
            }
            Self::Downstream { wanted, enough, per_second: done } => {
                write!(
                    f,
                    "{wanted} are wanted, but more than {enough} have done no more than {} lately; look at what the steps wait for",
                    per_second(f64::from(*done))
                )
            }
            Self::Ceiling { wanted, ceiling, profile } => {
                write!(f, "{wanted} are wanted, the ceiling is {ceiling} (profile {profile})")
            }
            Self::CeilingBelowFloor { floor, ceiling, profile } => {
                write!(f, "the ceiling {ceiling} of profile {profile} lies below the floor {floor}, which holds")
            }
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let workers = counted(u64::from(self.replicas), "worker");
        write!(f, "{workers}, because {}", self.reason)?;
        self.limited_by.as_ref().map_or(Ok(()), |limit| write!(f, "; {limit}"))?;
        f.write_str(".")
    }
}
