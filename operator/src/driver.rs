//! Reconciles one job again and again: whenever a dispatcher has news, whenever what is wanted
//! changes, when a profile starts or ends, and every two seconds in any case.

use std::future::{Future, pending};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::reconcile::{Desired, Outcome, State, reconcile};
use crate::seams::{Clock, Cluster, Sensor};

/// Rounds are at least this far apart, however much news there is.
pub const AT_MOST_EVERY: Duration = Duration::from_millis(250);

/// Rounds are at most this far apart: news may get lost, and numbers age.
pub const AT_LEAST_EVERY: Duration = Duration::from_secs(2);

/// Reconciles one job.
#[derive(Debug)]
pub struct Driver<C, S, K> {
    cluster: C,
    sensor: S,
    clock: K,
}

impl<C: Cluster, S: Sensor, K: Clock> Driver<C, S, K> {
    /// A driver for a job that runs on `cluster` and is heard by `sensor`.
    pub fn new(cluster: C, sensor: S, clock: K) -> Self {
        Self { cluster, sensor, clock }
    }

    /// The sensor.
    pub fn sensor(&self) -> &S {
        &self.sensor
    }

    /// Runs rounds until `shutdown` is ready, and tells `outcomes` about each. What runs is left
    /// running.
    pub async fn run(
        &self,
        mut desired: watch::Receiver<Desired>,
        shutdown: impl Future<Output = ()>,
        mut outcomes: impl FnMut(&Outcome),
    ) {
        let rounds = async {
            let mut state = State::default();
            loop {
                let wanted = desired.borrow_and_update().clone();
                let outcome = reconcile(&wanted, &self.cluster, &self.sensor, &self.clock, &mut state).await;
                outcomes(&outcome);
                sleep(AT_MOST_EVERY).await;
                let rest = outcome.recheck_after.min(AT_LEAST_EVERY).saturating_sub(AT_MOST_EVERY);
                tokio::select! {
                    () = self.sensor.changed() => {}
                    () = changed(&mut desired) => {}
                    () = sleep(rest) => {}
                }
            }
        };
        tokio::select! {
            () = rounds => {}
            () = shutdown => {}
        }
    }
}

/// Ready when what is wanted changes; never again once nobody can change it any more.
async fn changed(desired: &mut watch::Receiver<Desired>) {
    if desired.changed().await.is_err() {
        pending::<()>().await;
    }
}
