//! Reconcile: from what is wanted and what is seen to what runs.
//!
//! The steps are files: [`observe()`] merges the dispatchers' reports, `imagejob_api::validate`
//! checks job and policy, `imagejob_scaling::decide` picks the worker count, [`plan()`] says what
//! should run, `apply` hands it over only when it changed, [`mod@status`] says how the job is.
//! [`reconcile()`] runs them once, [`driver`] again and again.
//!
//! The world is behind three seams ([`seams`]): a cluster that runs processes, a sensor that hears
//! dispatchers, a clock. The same code drives processes on a laptop, pods on Kubernetes and a
//! simulation. No Kafka client, no user's secret and no photo ever gets here.

pub mod apply;
mod connection;
pub mod driver;
mod kept;
pub mod observe;
pub mod plan;
pub mod policy_status;
pub mod reconcile;
pub mod record;
pub mod seams;
pub mod secrets;
pub mod sensor;
pub mod status;
pub mod track;

pub use driver::Driver;
pub use observe::{Sight, observe};
pub use plan::{Plan, PlanHash, Token, plan};
pub use reconcile::{Desired, Outcome, State, reconcile};
pub use seams::{
    Clock, Cluster, ClusterError, Fault, Instance, Pace, Reading, Role, Running, Sensor, SystemClock, Targets,
};
pub use sensor::GrpcSensor;
