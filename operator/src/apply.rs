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

/// Applies `plan` unless it is what `running` says was applied last. The counts are compared on their
/// own: somebody may have changed them since.
pub(crate) async fn apply<C: Cluster>(cluster: &C, running: &Running, plan: &Plan) -> Result<Applied, ClusterError> {
    let counts = (running.workers_applied, running.dispatchers_applied);
    if counts == (plan.workers, plan.dispatchers) && running.plan.as_ref() == Some(&plan.hash()) {
        return Ok(Applied::Unchanged);
    }
    cluster.apply(plan).await.map(|()| Applied::Changed)
}
