//! Reconciles one job again and again: whenever a dispatcher has news, whenever what is wanted or
//! what runs changes, when a profile starts or ends, and every two seconds in any case.

use std::future::{Future, pending};
use std::time::Duration;

use imagejob_api::NamespacedName;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::reconcile::{Desired, Outcome, State, reconcile};
use crate::seams::{Clock, Cluster, Pace, Sensor, Targets};

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
            let mut wanted = desired.borrow_and_update().clone();
            Box::pin(self.hear_first(&wanted)).await;
            loop {
                // On the heap, and gone before the rest: thousands of drivers rest at once.
                let outcome = Box::pin(reconcile(&wanted, &self.cluster, &self.sensor, &self.clock, &mut state)).await;
                outcomes(&outcome);
                let recheck_after = outcome.recheck_after;
                drop(outcome);
                sleep(AT_MOST_EVERY).await;
                let rest = recheck_after.min(AT_LEAST_EVERY).saturating_sub(AT_MOST_EVERY);
                let edited = tokio::select! {
                    () = changed(&mut desired) => true,
                    () = self.sensor.changed() => false,
                    () = self.cluster.changed() => false,
                    () = sleep(rest) => false,
                };
                // A job is large: it is copied only when it changed.
                if edited || desired.has_changed().unwrap_or(false) {
                    wanted = desired.borrow_and_update().clone();
                }
            }
        };
        tokio::select! {
            () = rounds => {}
            () = shutdown => {}
        }
    }
}

impl<C: Cluster, S: Sensor, K: Clock> Driver<C, S, K> {
    /// Where dispatchers run already, as after a restart of this program, they are heard before
    /// anything is judged: else each restart would call every job unready for a moment.
    async fn hear_first(&self, desired: &Desired) {
        let running = self.cluster.running(&NamespacedName::of(&desired.job.metadata));
        let spec = &desired.job.spec;
        let pace = Pace::of(spec.suspend, spec.delivery.records_per_second());
        let targets = Targets::of(&running, desired.token.clone(), running.dispatchers_applied, pace);
        if running.plan.is_none() || targets.addresses.is_empty() {
            return;
        }
        self.sensor.listen(&targets);
        let all_heard = async {
            while self.sensor.readings().len() < targets.addresses.len() {
                self.sensor.changed().await;
            }
        };
        // Whoever is silent for longer is silent.
        drop(timeout(AT_LEAST_EVERY, all_heard).await);
    }
}

/// Ready when what is wanted changes; never again once nobody can change it any more.
async fn changed(desired: &mut watch::Receiver<Desired>) {
    if desired.changed().await.is_err() {
        pending::<()>().await;
    }
}
