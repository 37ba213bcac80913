//! The three seams between reconcile and the world. Facts cross them, never decisions.

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;

use imagejob_api::{ImageJobStatus, NamespacedName};
use imagejob_protocol::wire::Report;
use imagejob_scaling::{Arrivals, Others, ServiceTime};
use jiff::Timestamp;

use crate::plan::{Plan, PlanHash, Token};
use crate::secrets::SecretPaths;

/// What runs processes: an API server, or a laptop.
pub trait Cluster: Send + Sync {
    /// What runs for a job now, from a snapshot at hand: no network, no waiting.
    fn running(&self, job: &NamespacedName) -> Running;

    /// Where its processes find the Secrets that a job names: mounted, unless it says otherwise.
    fn secret_paths(&self) -> SecretPaths {
        SecretPaths::default()
    }

    /// Makes the plan true, or at least asked for: processes may start and stop later. Applying
    /// the same plan twice changes nothing.
    fn apply(&self, plan: &Plan) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// Waits until what runs may have changed since the last call returned. Never ready where it
    /// changes only when a plan is applied.
    fn changed(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// False while so many statuses are on their way that this one can wait for a later round:
    /// decisions do not.
    fn has_time_for_status(&self) -> bool {
        true
    }

    /// What was last kept of what a job's weeks have taught; none if nothing was, or where nothing can be.
    fn recall_season(
        &self,
        _job: &NamespacedName,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, ClusterError>> + Send {
        std::future::ready(Ok(None))
    }

    /// Keeps that over restarts.
    fn keep_season(
        &self,
        _job: &NamespacedName,
        _season: &[u8],
    ) -> impl Future<Output = Result<(), ClusterError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Shows a job's status to people.
    fn write_status(
        &self,
        job: &NamespacedName,
        status: &ImageJobStatus,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;
}

/// Why the cluster did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// It did not answer in time or could not be reached: asking again may help.
    #[error("cannot {action}: {cause}")]
    Unavailable {
        /// What was asked.
        action: String,
        /// What happened.
        cause: String,
    },
    /// It refused: asking again will not help before something changes.
    #[error("cannot {action}: {cause}")]
    Refused {
        /// What was asked.
        action: String,
        /// What happened.
        cause: String,
    },
}

/// What runs for a job.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Running {
    /// The plan that was applied last, whoever applied it; none if none ever was.
    pub plan: Option<PlanHash>,
    /// Workers that were last asked for.
    pub workers_applied: u32,
    /// Dispatchers that were last asked for.
    pub dispatchers_applied: u32,
    /// Pods or processes, also those that are still starting.
    pub instances: Vec<Instance>,
    /// What keeps some of them from starting.
    pub faults: Vec<Fault>,
    /// The other jobs under the same policy.
    pub others: Others,
}

/// What keeps instances from starting, as whoever runs them says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What they are.
    pub role: Role,
    /// A stable CamelCase word.
    pub reason: String,
    /// One sentence for people.
    pub message: String,
}

/// A pod or a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its name, unique in the job.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it began to do its work; none before that.
    pub ready: Option<Timestamp>,
    /// Where a dispatcher serves its reports, `host:port`; none for workers, and while it is not
    /// known.
    pub address: Option<String>,
}

/// What an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Holds partitions, lends records, reports.
    Dispatcher,
    /// Works on records.
    Worker,
}

/// What hears the dispatchers of one job.
pub trait Sensor: Send + Sync {
    /// Whom to listen to from now on, and what to tell them. Saying the same twice changes nothing.
    fn listen(&self, targets: &Targets);

    /// The latest reading of each dispatcher that was ever heard and is still listened to.
    fn readings(&self) -> Vec<Reading>;

    /// Waits until a reading is new since the last call returned.
    fn changed(&self) -> impl Future<Output = ()> + Send;
}

/// Whom to listen to, and what to tell them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// `host:port` of each dispatcher.
    pub addresses: Vec<String>,
    /// The job's token.
    pub token: Token,
    /// Dispatchers that workers should hold streams to.
    pub peers_expected: u32,
    /// How fast they may lend.
    pub pace: Pace,
}

/// How fast dispatchers may lend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as workers take records.
    Free,
    /// All of them together so many records per second.
    Limited(NonZeroU32),
    /// The job is suspended: not at all.
    Suspended,
}

impl Pace {
    /// The pace of a job. Suspension outranks a limit.
    pub(crate) fn of(suspended: bool, records_per_second: Option<NonZeroU32>) -> Self {
        match records_per_second {
            _ if suspended => Self::Suspended,
            Some(limit) => Self::Limited(limit),
            None => Self::Free,
        }
    }
}

impl Targets {
    /// The dispatchers that run.
    pub(crate) fn of(running: &Running, token: Token, peers_expected: u32, pace: Pace) -> Self {
        let dispatchers = running.instances.iter().filter(|instance| instance.role == Role::Dispatcher);
        let addresses = dispatchers.filter_map(|dispatcher| dispatcher.address.clone()).collect();
        Self { addresses, token, peers_expected, pace }
    }
}

/// The latest report of one dispatcher, with what only a series of reports tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// When it arrived, by our clock.
    pub received: Timestamp,
    /// The report.
    pub report: Arc<Report>,
    /// Records that arrived at its partitions over the last ten minutes, by our clock.
    pub arrivals: Arrivals,
    /// How long records held a slot lately.
    pub service: Option<ServiceTime>,
}

/// The time of day.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // The one place that reads it.
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
