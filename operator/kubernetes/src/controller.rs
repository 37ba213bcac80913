//! One driver per job, while we lead.
//!
//! Not kube's `Controller`: its queue can be woken by watches alone, and the reports of dispatchers
//! are what matters most here. A driver is a task with its own clock and its own ears; what it reads
//! of the API server are the caches.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use imagejob_api::validate::{InvalidReason, Subject, not_admitted};
use imagejob_api::{ImageJob, NamespacedName, Problem, ScalePolicy};
use imagejob_operator::reconcile::{Decided, Step};
use imagejob_operator::status::{Finding, status};
use imagejob_operator::{Clock, Cluster as _, Desired, Driver, Outcome, Sensor};
use imagejob_scaling::Spent;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use crate::caches::{Read, Share, Unreadable};
use crate::cluster::{JobCluster, Shared};
use crate::events::{Teller, reference};
use crate::news::Chronicle;
use crate::signing_key::SigningKey;

/// A status that could not be written is tried again after this long.
const AGAIN: Duration = Duration::from_secs(2);

/// Drives all jobs.
#[derive(Debug)]
pub struct Controller<K, F> {
    shared: Arc<Shared<K>>,
    key: SigningKey,
    teller: Teller,
    /// Ears for one more job.
    sensor: F,
    drivers: HashMap<NamespacedName, Driven>,
    tasks: JoinSet<()>,
}

/// A job that is being looked after.
#[derive(Debug)]
struct Driven {
    uid: String,
    /// None for a job that cannot be read: all there is to do is to say so.
    desired: Option<watch::Sender<Desired>>,
    task: AbortHandle,
}

impl<K, S, F> Controller<K, F>
where
    K: Clock + Clone + 'static,
    S: Sensor + 'static,
    F: Fn() -> S,
{
    /// Drives nothing yet.
    pub fn new(shared: Arc<Shared<K>>, key: SigningKey, teller: Teller, sensor: F) -> Self {
        Self { shared, key, teller, sensor, drivers: HashMap::new(), tasks: JoinSet::new() }
    }

    /// Drives all jobs until `over`. Nothing is written any more once this returns.
    pub async fn run(mut self, over: impl Future<Output = ()>) {
        let caches = self.shared.caches.clone();
        caches.jobs().iter().for_each(|job| self.look_after(job));
        let changes = async {
            loop {
                for job in caches.changed().await {
                    self.look_after(&job);
                }
                while self.tasks.try_join_next().is_some() {}
            }
        };
        tokio::select! {
            () = changes => {}
            () = over => {}
        }
        self.tasks.shutdown().await;
        self.shared.records.clear();
        self.shared.meters.jobs(0);
    }

    /// Begins, goes on, or ends with a job, as what is wanted of it is now.
    fn look_after(&mut self, name: &NamespacedName) {
        let (job, policy) = self.shared.caches.job(name);
        if self.shared.caches.waits_for_found(name) {
            return;
        }
        match job {
            None => self.leave(name),
            Some(Err(unreadable)) => {
                let problem = unreadable_job(name, &unreadable.error);
                self.complain(name, &unreadable.metadata, problem);
            }
            Some(Ok(job)) => match policy {
                Some(Err(unreadable)) => {
                    let problem = unreadable_policy(&unreadable);
                    self.complain(name, &job.metadata, problem);
                }
                policy => {
                    let policy = policy.and_then(Read::ok);
                    let labels = self.shared.caches.labels(&name.namespace);
                    match policy.as_ref().and_then(|policy| not_admitted(policy, name, labels.as_ref())) {
                        Some(problem) => self.complain(name, &job.metadata, problem),
                        None => self.drive(name, &job, policy),
                    }
                }
            },
        }
        self.shared.meters.jobs(self.drivers.len());
    }

    fn leave(&mut self, name: &NamespacedName) {
        self.shared.records.forget(name);
        if let Some(driven) = self.drivers.remove(name) {
            driven.task.abort();
        }
    }

    fn drive(&mut self, name: &NamespacedName, job: &ImageJob, policy: Option<Arc<ScalePolicy>>) {
        let uid = job.metadata.uid.clone().unwrap_or_default();
        let desired = Desired {
            job: job.clone(),
            policy: policy.map(|policy| ScalePolicy::clone(&policy)),
            created: job.metadata.creation_timestamp.as_ref().map_or_else(|| self.shared.clock.now(), |time| time.0),
            token: self.key.token(&uid),
        };
        let known = self.drivers.get(name).filter(|driven| driven.uid == uid);
        if let Some(sender) = known.and_then(|driven| driven.desired.as_ref()) {
            sender.send_replace(desired);
            return;
        }
        self.leave(name);
        let (cluster, sensor) = (JobCluster::new(self.shared.clone(), name.clone(), uid.clone()), (self.sensor)());
        let driver = Driver::new(cluster, sensor, self.shared.clock.clone());
        let (shared, teller, about) = (self.shared.clone(), self.teller.clone(), reference(job));
        let mut chronicle = Chronicle::since(job.status.as_ref());
        let (sender, receiver) = watch::channel(desired);
        let job = name.clone();
        let note = move |outcome: &Outcome| {
            note(&shared, outcome);
            if let Step::Decided(decided) = &outcome.step {
                shared.records.enter(&job, outcome.at, decided);
                shared.caches.put_share(&job, share(decided, outcome.spent));
            }
            for news in chronicle.enter(outcome) {
                if news.reason.starts_with("Scaled")
                    && let Step::Decided(decided) = &outcome.step
                {
                    shared.meters.decided(decided.decision.reason.word());
                }
                teller.tell(&about, news);
            }
        };
        let task = self.tasks.spawn(async move { driver.run(receiver, std::future::pending(), note).await });
        self.drivers.insert(name.clone(), Driven { uid, desired: Some(sender), task });
    }

    /// Says in its status what cannot be read. What runs is left as it is.
    fn complain(&mut self, name: &NamespacedName, metadata: &ObjectMeta, problem: Problem) {
        self.leave(name);
        let uid = metadata.uid.clone().unwrap_or_default();
        let cluster = JobCluster::new(self.shared.clone(), name.clone(), uid.clone());
        let next = status(self.shared.clock.now(), metadata.generation, Finding::Invalid(&[problem]), None);
        let job = name.clone();
        let task = self.tasks.spawn(async move {
            while let Err(error) = cluster.write_status(&job, &next).await {
                tracing::warn!(%job, %error, "status not written");
                sleep(AGAIN).await;
            }
        });
        self.drivers.insert(name.clone(), Driven { uid, desired: None, task });
    }
}

fn note<K: Clock>(shared: &Shared<K>, outcome: &Outcome) {
    let took = shared.clock.now().duration_since(outcome.at);
    shared.meters.round(Duration::try_from(took).unwrap_or_default());
}

/// What a job has from what it shares with others, and what its workers do.
fn share(decided: &Decided, spent: Option<Spent>) -> Share {
    let slots = f64::from(decided.plan.worker_settings.slots);
    let service = decided.sight.observation.service;
    let per_worker = service.map(|service| slots / service.mean.as_secs_f64().max(1e-6));
    Share { wanted: decided.decision.wanted, spent, per_worker }
}

fn unreadable_job(name: &NamespacedName, error: &str) -> Problem {
    let subject = Subject::ImageJob(name.clone());
    Problem { subject, path: "spec".to_owned(), reason: InvalidReason::InvalidSpec, message: unreadable(error) }
}

fn unreadable_policy(policy: &Unreadable) -> Problem {
    let subject = Subject::ScalePolicy(policy.metadata.name.clone().unwrap_or_default());
    let message = unreadable(&policy.error);
    Problem { subject, path: "spec".to_owned(), reason: InvalidReason::InvalidPolicy, message }
}

fn unreadable(error: &str) -> String {
    format!("this operator cannot read it: {error}")
}
