//! Why this many workers: data first, one sentence second.
//!
//! The word of a reason is stable (people alert on it); its sentence is not.

use std::fmt;
use std::time::Duration;

use jiff::{Timestamp, Zoned};

use crate::observation::LagGap;
use crate::profiles::{Floor, Phase, Spare};
use crate::season::Expected;
use crate::wording::{count, counted, length, moment, per_second};

/// Why a decision is what it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// What waits has to start in time.
    Due(DueEvidence),
    /// What arrives must not pile up.
    KeepUp(KeepUpEvidence),
    /// So many waiting records a worker, as the job asks.
    Threshold(ThresholdEvidence),
    /// A profile keeps spare workers above what arrives.
    Spare(SpareEvidence),
    /// What runs needs its slots, what failed needs a worker for its next attempt.
    InFlight {
        /// Records on loan.
        in_flight: u64,
        /// Records that wait for their next attempt.
        retrying: u64,
        /// Records that a worker works on at once.
        slots: u32,
    },
    /// A profile holds a floor.
    Floor(FloorEvidence),
    /// The weeks before let expect as much.
    Expected(ExpectedEvidence),
    /// The minimum of job or policy.
    Minimum,
    /// Nothing is left to do and nothing asks for a worker.
    AtRest,
    /// Fewer would do, but more were needed a moment ago.
    ScaleDownHeld {
        /// Workers that would do now.
        needed: u32,
        /// How long ago the held count was needed last.
        ago: Duration,
        /// How long a worker has to be unneeded before it leaves.
        window: Duration,
    },
    /// Fewer would do, but the program started a moment ago and does not know what came before.
    WarmingUp {
        /// Workers that would do now.
        needed: u32,
        /// Time until shrinking is possible.
        left: Duration,
    },
    /// Fewer would do, but the difference is not worth a change.
    Steady {
        /// Workers that would do now.
        needed: u32,
    },
    /// Somebody fixed the count for a while.
    Override {
        /// When it holds no more.
        until: Zoned,
        /// The instant of the decision, so that `until` can be named like people do.
        now: Timestamp,
    },
    /// The job is suspended: it has no workers, whatever waits.
    Suspended,
    /// A part of the backlog is out of sight: what runs is kept.
    LagPartial {
        /// What is missing.
        gap: LagGap,
    },
    /// The backlog is out of sight: what runs is kept.
    LagUnknown {
        /// What is missing.
        gap: LagGap,
    },
}

/// The numbers behind a due count.
#[derive(Debug, Clone, PartialEq)]
pub struct DueEvidence {
    /// Records that wait for a lease.
    pub waiting: u64,
    /// Records that wait for their next attempt.
    pub retrying: u64,
    /// Age of the oldest waiting record.
    pub oldest: Duration,
    /// What comes before a worker that is ordered now can help, if that decides.
    pub imminent: Option<Imminent>,
    /// The promise.
    pub wait: Duration,
    /// The time that is left until all must have started, if that decides.
    pub finish: Option<Duration>,
    /// Time from ordering a worker until it takes leases.
    pub start_up: Duration,
    /// What a worker does.
    pub service: ServiceEvidence,
}

/// Records that are about to arrive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Imminent {
    /// About so many.
    pub records: f64,
    /// In this time.
    pub within: Duration,
}

/// The numbers behind a threshold count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThresholdEvidence {
    /// Records that wait for a lease.
    pub waiting: u64,
    /// Waiting records for each worker.
    pub each: u32,
}

/// The numbers behind a keep-up count.
#[derive(Debug, Clone, PartialEq)]
pub struct KeepUpEvidence {
    /// Records a second that arrive.
    pub arrivals_per_second: f64,
    /// What a worker does.
    pub service: ServiceEvidence,
}

/// What one worker does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServiceEvidence {
    /// How long a record holds a slot.
    pub mean: Duration,
    /// False while the mean is a first guess.
    pub measured: bool,
    /// Records that a worker works on at once.
    pub slots: u32,
}

/// The numbers behind a floor.
#[derive(Debug, Clone, PartialEq)]
pub struct FloorEvidence {
    /// The floor, and whose it is.
    pub floor: Floor,
    /// The instant of the decision, so that times can be named like people do.
    pub now: Timestamp,
}

/// The numbers behind what is expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpectedEvidence {
    /// What the weeks before let expect.
    pub expected: Expected,
    /// What a worker does.
    pub service: ServiceEvidence,
}

/// The numbers behind a spare count.
#[derive(Debug, Clone, PartialEq)]
pub struct SpareEvidence {
    /// How many, and whose they are.
    pub spare: Spare,
    /// What arrives, and what a worker does.
    pub keep_up: KeepUpEvidence,
}

impl Reason {
    /// The stable CamelCase word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Due(_) => "Due",
            Self::KeepUp(_) => "KeepUp",
            Self::Threshold(_) => "Threshold",
            Self::Spare(_) => "Spare",
            Self::InFlight { .. } => "InFlight",
            Self::Floor(_) => "ProfileFloor",
            Self::Expected(_) => "LearnedFloor",
            Self::Minimum => "Minimum",
            Self::AtRest => "AtRest",
            Self::ScaleDownHeld { .. } => "ScaleDownHeld",
            Self::WarmingUp { .. } => "WarmingUp",
            Self::Steady { .. } => "Steady",
            Self::Override { .. } => "Override",
            Self::Suspended => "Suspended",
            Self::LagPartial { .. } => "LagPartial",
            Self::LagUnknown { .. } => "LagUnknown",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Due(due) => due.fmt(f),
            Self::KeepUp(keep_up) => keep_up.fmt(f),
            Self::Threshold(threshold) => threshold.fmt(f),
            Self::Spare(spare) => spare.fmt(f),
            Self::InFlight { in_flight: 0, retrying, .. } => {
                write!(f, "{} to be tried again", are(*retrying))
            }
            Self::InFlight { in_flight, slots, .. } => {
                write!(f, "{} being worked on, {} a worker", are(*in_flight), count(u64::from(*slots)))
            }
            Self::Floor(floor) => floor.fmt(f),
            Self::Expected(expected) => expected.fmt(f),
            Self::Minimum => f.write_str("that is the minimum"),
            Self::AtRest => f.write_str("nothing waits or runs and no profile holds a floor"),
            Self::ScaleDownHeld { needed, ago, window } => write!(
                f,
                "that many were needed {} ago; {needed} would do now, and a worker leaves after {} without need",
                length(*ago),
                length(*window)
            ),
            Self::WarmingUp { needed, left } => write!(
                f,
                "they run and what was needed before is not known yet; {needed} would do, shrinking is possible in {}",
                length(*left)
            ),
            Self::Steady { needed } => {
                write!(f, "they run; {needed} would do, which is not worth a change")
            }
            Self::Override { until, now } => {
                let until = moment(until.timestamp(), *now, until.time_zone());
                write!(f, "an override fixes the count until {until}")
            }
            Self::Suspended => f.write_str("the job is suspended"),
            Self::LagPartial { gap } => write!(f, "a part of the lag is unknown and what runs is kept: {gap}"),
            Self::LagUnknown { gap } => write!(f, "the lag is unknown and what runs is kept: {gap}"),
        }
    }
}

/// `1 record is`, `1,204 records are`.
fn are(records: u64) -> String {
    format!("{} {}", counted(records, "record"), if records == 1 { "is" } else { "are" })
}

impl fmt::Display for DueEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.waiting > 0 {
            let waits = if self.waiting == 1 { "waits" } else { "wait" };
            write!(f, "{} {waits} (oldest {})", counted(self.waiting, "record"), length(self.oldest))?;
        }
        if self.retrying > 0 {
            let and = if self.waiting > 0 { " and " } else { "" };
            write!(f, "{and}{} to be tried again", are(self.retrying))?;
        }
        if let Some(coming) = self.imminent {
            let and = if self.waiting + self.retrying > 0 { ", " } else { "" };
            write!(f, "{and}about {} come within {}", count(coming.records.ceil() as u64), length(coming.within))?;
        }
        match self.finish {
            Some(finish) => write!(f, " and all must have started in {}", length(finish))?,
            None => write!(f, " and must start within {}", length(self.wait))?,
        }
        write!(f, "; {}, ", self.service)?;
        write!(f, "start-up takes {}", length(self.start_up))
    }
}

impl fmt::Display for ThresholdEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits = if self.waiting == 1 { "waits" } else { "wait" };
        let each = count(u64::from(self.each));
        write!(f, "{} {waits} and lagThreshold asks for a worker for every {each}", counted(self.waiting, "record"))
    }
}

impl fmt::Display for KeepUpEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} arrive; {}", per_second(self.arrivals_per_second), self.service)
    }
}

impl fmt::Display for ServiceEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = counted(u64::from(self.slots), "slot");
        let guess = if self.measured { "" } else { ", a first guess" };
        let rate = per_second(self.per_worker());
        write!(f, "a worker does {rate} ({slots} x {}{guess})", length(self.mean))
    }
}

impl fmt::Display for FloorEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Floor { workers, profile, zone, phase } = &self.floor;
        let time = |at| moment(at, self.now, zone);
        match phase {
            Phase::Active(Some(until)) => {
                write!(f, "profile {profile} holds at least {workers} until {}", time(*until))
            }
            Phase::Active(None) => write!(f, "profile {profile} holds at least {workers}"),
            Phase::Early(at) => write!(f, "profile {profile} needs {workers} at {}", time(*at)),
            Phase::Fading(until) => write!(f, "profile {profile} has ended and fades until {}", time(*until)),
            Phase::Trimmed => write!(f, "profile {profile} holds {workers}, trimmed to what arrives"),
        }
    }
}

impl fmt::Display for ExpectedEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Expected { per_second: rate, weeks, day_factor, .. } = self.expected;
        write!(f, "{weeks} weeks let expect that {} have to be done at this time", per_second(rate))?;
        if (day_factor - 1.0).abs() >= 0.05 {
            write!(f, ", today being {day_factor:.1} times a usual day")?;
        }
        write!(f, "; {}", self.service)
    }
}

impl fmt::Display for SpareEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spare { workers, profile } = &self.spare;
        write!(f, "profile {profile} keeps {} above what arrives: {}", count(u64::from(*workers)), self.keep_up)
    }
}
