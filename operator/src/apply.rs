//! Hands a plan to the cluster, but only if it is not the one that runs already: at rest nothing
//! is written.

use crate::plan::Plan;
use crate::seams::{Cluster, ClusterError, Running};

/// What came of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It ran already.
    Unchanged,
    /// It was handed over.
    Changed,
}

/// Applies `plan` unless it is what `running` says was applied last.
pub(crate) async fn apply<C: Cluster>(cluster: &C, running: &Running, plan: &Plan) -> Result<Applied, ClusterError> {
    if running.plan.as_ref() == Some(&plan.hash()) {
        return Ok(Applied::Unchanged);
    }
    cluster.apply(plan).await.map(|()| Applied::Changed)
}
