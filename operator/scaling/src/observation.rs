//! What was seen at one instant. Facts only; what they mean is decided elsewhere.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::arrivals::Arrivals;
use crate::quota::Neighbour;
use crate::wording::{count, length};

/// Everything that a decision may depend on besides the policy and the memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The instant of the decision; no other clock is read.
    pub now: Timestamp,
    /// The work that is left, as far as it is known.
    pub backlog: Backlog,
    /// The workers there are.
    pub workers: Workers,
    /// How long a record held a slot lately; none before the first was finished.
    pub service: Option<ServiceTime>,
    /// Time from ordering a worker until it takes leases; none before one was seen to start.
    pub start_up: Option<Duration>,
    /// Records that arrived over the last minutes.
    pub arrivals: Arrivals,
    /// The jobs beside this one.
    pub others: Others,
}

/// The other jobs under the same policy, as far as they share something with this one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Others {
    /// Those of the same namespace, where the policy has a quota for all of them.
    pub neighbours: Vec<Neighbour>,
    /// Hours of one worker that all others have spent today, where the policy has a budget.
    pub pod_hours: f64,
}

/// The work that is left, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backlog {
    /// Every dispatcher has reported lately and every partition is held by one of them.
    Known(Lag),
    /// Some of it is out of sight: `seen` is a lower bound.
    Partial {
        /// The part in sight.
        seen: Lag,
        /// What is missing.
        gap: LagGap,
    },
    /// None of it is in sight.
    Unknown(LagGap),
}

/// Records that are not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Records that wait for their first lease, or for another after a lost one, and that workers can have.
    pub waiting: u64,
    /// Records that wait behind one that is not finished, so that no worker can have them: more workers do not help.
    pub stuck: u64,
    /// Records on loan to a worker.
    pub in_flight: u64,
    /// Records that failed and wait for their next attempt.
    pub retrying: u64,
    /// Age of the oldest waiting record that workers can have; zero when none waits.
    pub oldest_wait: Duration,
}

impl Lag {
    /// Records that are not finished and that workers can do something about.
    pub fn total(&self) -> u64 {
        self.waiting.saturating_add(self.in_flight).saturating_add(self.retrying)
    }
}

/// Why the lag is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LagGap {
    /// No dispatcher has reported yet, or none does any more.
    NoReport {
        /// Dispatchers that should.
        expected: u32,
    },
    /// Some dispatchers are silent.
    Silent {
        /// Dispatchers without a fresh report.
        silent: u32,
        /// Dispatchers in all.
        expected: u32,
        /// Age of the oldest report that is missed; none when there never was one.
        since: Option<Duration>,
    },
    /// Some partitions are held by no dispatcher, as during a rebalance.
    Uncovered {
        /// Partitions that nobody holds.
        uncovered: u32,
        /// Partitions in all.
        partitions: u32,
    },
    /// The number of partitions of a topic is not known, as when the broker does not answer.
    TopicUnknown {
        /// The topic.
        topic: String,
    },
}

impl fmt::Display for LagGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReport { expected } => match expected {
                0 => write!(f, "no dispatcher runs"),
                1 => write!(f, "the dispatcher does not report"),
                n => write!(f, "none of {} dispatchers reports", count(u64::from(*n))),
            },
            Self::Silent { silent, expected, since } => {
                write!(f, "{silent} of {expected} dispatchers ")?;
                f.write_str(if *silent == 1 { "is silent" } else { "are silent" })?;
                since.map_or(Ok(()), |age| write!(f, " for {}", length(age)))
            }
            Self::Uncovered { uncovered, partitions } => {
                write!(f, "{uncovered} of {partitions} partitions ")?;
                f.write_str(if *uncovered == 1 { "is" } else { "are" })?;
                write!(f, " held by no dispatcher")
            }
            Self::TopicUnknown { topic } => {
                write!(f, "the broker has not said how many partitions topic {topic:?} has")
            }
        }
    }
}

/// The workers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Workers {
    /// Workers that were last asked for.
    pub applied: u32,
    /// Workers that take leases.
    pub ready: u32,
}

/// How long a record holds a slot, from lease to outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceTime {
    /// Mean over the samples.
    pub mean: Duration,
    /// Records behind the mean.
    pub samples: u64,
}
