//! One job on the API server: reconcile's `Cluster`.
//!
//! Reads are of the caches. Writes are server-side applies under one field manager, and only of what
//! changed since the last one: scaling is one write. Their answers go into the caches, so that a
//! watch that lags behind causes no second write.

pub(crate) mod failure;
mod pace;
mod parts;
mod running;
mod season;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use imagejob_api::{ImageJob, ImageJobStatus, NamespacedName};
use imagejob_operator::{Clock, Cluster, ClusterError, Plan, Running};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, ValidationDirective};
use kube::{Api, Client, Resource as _};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::caches::{Caches, Entry};
use crate::cluster::pace::Pace;
use crate::cluster::parts::{Part, PartId};
use crate::facts::DeploymentFacts;
use crate::meters::{Meters, Outcome};
use crate::records::Records;
use crate::render::{Defaults, Owner, labels, render};

/// A write that is not answered by then has failed, or its answer is lost: the next round repeats it.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// Jobs that are written at once. A thousand new ones must not drown the API server, nor the Lease:
/// they come one after the other, each whole, so that what was done stays done whoever leads.
const JOBS_AT_ONCE: usize = 16;

/// Statuses that are written at once, beside the jobs: when the API server is slow, workers come
/// before words about them.
const STATUSES_AT_ONCE: usize = 4;

/// What all jobs share.
#[derive(Debug)]
pub struct Shared<K> {
    /// The API server.
    pub client: ClientHandle,
    /// What it told.
    pub caches: Arc<Caches>,
    /// How plans are rendered.
    pub defaults: Defaults,
    /// Metrics.
    pub meters: Arc<Meters>,
    /// What was decided.
    pub records: Arc<Records>,
    /// The time of day.
    pub clock: K,
    rendering: String,
    turns: Semaphore,
    status_turns: Semaphore,
}

/// A client, which has no `Debug` of its own.
#[derive(Clone)]
pub struct ClientHandle(pub Client);

impl std::fmt::Debug for ClientHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client(..)")
    }
}

impl<K> Shared<K> {
    /// What all jobs share.
    pub fn new(
        client: Client,
        caches: Arc<Caches>,
        defaults: Defaults,
        meters: Arc<Meters>,
        records: Arc<Records>,
        clock: K,
    ) -> Self {
        let rendering = defaults.rendering();
        let (turns, status_turns) = (Semaphore::new(JOBS_AT_ONCE), Semaphore::new(STATUSES_AT_ONCE));
        Self { client: ClientHandle(client), caches, defaults, meters, records, clock, rendering, turns, status_turns }
    }
}

/// One job on the API server.
#[derive(Debug)]
pub struct JobCluster<K> {
    shared: Arc<Shared<K>>,
    job: NamespacedName,
    uid: String,
    memory: Mutex<Memory>,
}

/// What was written, and how writing goes.
#[derive(Debug, Default)]
struct Memory {
    /// Digest of each object as it was applied last by this process.
    applied: BTreeMap<PartId, u64>,
    plans: Pace,
    statuses: Pace,
}

impl<K> JobCluster<K> {
    /// The job with this uid, of which nothing was written yet by this process.
    pub fn new(shared: Arc<Shared<K>>, job: NamespacedName, uid: String) -> Self {
        Self { shared, job, uid, memory: Mutex::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Whole after a panic too: each change is one step.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clock> Cluster for JobCluster<K> {
    fn running(&self, job: &NamespacedName) -> Running {
        let now = self.shared.clock.now();
        let running = |entry: &Entry| running::running(entry, &self.uid, &self.shared.rendering, now);
        Running { others: self.shared.caches.others(job), ..self.shared.caches.look(job, running) }
    }

    async fn changed(&self) {
        self.shared.caches.bell(&self.job).notified().await;
    }

    async fn apply(&self, plan: &Plan) -> Result<(), ClusterError> {
        self.memory().plans.go_ahead(&plan.hash().to_string())?;
        // The semaphore is never closed.
        let _turn = self.shared.turns.acquire().await;
        let applied = self.apply_parts(plan).await;
        self.memory().plans.took(&plan.hash().to_string(), applied.as_ref().err());
        applied
    }

    async fn recall_season(&self, _job: &NamespacedName) -> Result<Option<Vec<u8>>, ClusterError> {
        let _turn = self.shared.status_turns.acquire().await;
        self.read_season().await
    }

    async fn keep_season(&self, _job: &NamespacedName, season: &[u8]) -> Result<(), ClusterError> {
        let _turn = self.shared.status_turns.acquire().await;
        self.write_season(season).await
    }

    fn has_time_for_status(&self) -> bool {
        self.shared.status_turns.available_permits() > 0
    }

    async fn write_status(&self, job: &NamespacedName, status: &ImageJobStatus) -> Result<(), ClusterError> {
        self.memory().statuses.go_ahead("")?;
        let _turn = self.shared.status_turns.acquire().await;
        let written = self.patch_status(job, status).await;
        self.memory().statuses.took("", written.as_ref().err());
        written
    }
}

impl<K: Clock> JobCluster<K> {
    /// Applies what differs from what was applied last; what is no longer part of the plan goes first.
    async fn apply_parts(&self, plan: &Plan) -> Result<(), ClusterError> {
        let owner = Owner { job: self.job.clone(), uid: self.uid.clone() };
        let objects = render(plan, &owner, &self.shared.defaults).map_err(|refused| ClusterError::Refused {
            action: "render the plan".to_owned(),
            cause: refused.to_string(),
        })?;
        let parts = parts::parts(&objects).map_err(|error| ClusterError::Refused {
            action: "render the plan".to_owned(),
            cause: error.to_string(),
        })?;
        self.forget_what_others_touched();
        if self.rendered_otherwise() {
            for orphan in parts::orphans(&self.job.name, &parts) {
                self.delete(&orphan).await?;
            }
        }
        for part in parts {
            let digest = part.digest();
            let unchanged = self.memory().applied.get(&part.id) == Some(&digest);
            if !unchanged {
                self.patch(&part).await?;
                self.memory().applied.insert(part.id, digest);
            }
        }
        Ok(())
    }

    /// Reconcile hands over a plan that was applied already only where somebody else changed or
    /// deleted what stands for it. Then nothing is taken for granted.
    fn forget_what_others_touched(&self) {
        let rendering = &self.shared.rendering;
        let untouched = |entry: &Entry| running::untouched(entry, &self.uid, rendering);
        if !self.shared.caches.look(&self.job, untouched) {
            self.memory().applied.clear();
        }
    }

    /// Which objects a job has depends on the administrator's choices alone, so orphans come only of
    /// other choices, or of another version of this program.
    fn rendered_otherwise(&self) -> bool {
        let rendering = &self.shared.rendering;
        self.shared.caches.look(&self.job, |entry| {
            let known = [&entry.dispatchers, &entry.workers].into_iter().flatten();
            known.into_iter().any(|facts| facts.rendering.as_ref() != Some(rendering))
        })
    }

    async fn patch(&self, part: &Part) -> Result<(), ClusterError> {
        let action = format!("apply {}", part.id);
        let mut params = PatchParams::apply(labels::OPERATOR).force();
        params.field_validation = Some(ValidationDirective::Strict);
        let body = Patch::Apply(&part.object);
        let answer =
            self.write(&part.id.kind, "apply", action, self.api(part).patch(&part.id.name, &params, &body)).await?;
        if part.is_deployment()
            && let Ok(deployment) = answer.try_parse::<Deployment>()
            && let Some(facts) = DeploymentFacts::of(&deployment)
        {
            self.shared.caches.put_deployment(facts);
        }
        Ok(())
    }

    async fn delete(&self, part: &Part) -> Result<(), ClusterError> {
        let action = format!("delete {}", part.id);
        let api = self.api(part);
        let params = DeleteParams::default();
        let delete = async {
            match api.delete(&part.id.name, &params).await {
                Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
                deleted => deleted.map(|_| ()),
            }
        };
        self.write(&part.id.kind, "delete", action, delete).await
    }

    fn api(&self, part: &Part) -> Api<DynamicObject> {
        Api::namespaced_with(self.shared.client.0.clone(), &self.job.namespace, &part.resource)
    }

    async fn patch_status(&self, job: &NamespacedName, status: &ImageJobStatus) -> Result<(), ClusterError> {
        // The answer is not read as a job: this is also how a job is told that it cannot be read.
        let resource = ApiResource::erase::<ImageJob>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(self.shared.client.0.clone(), &job.namespace, &resource);
        // The uid makes sure that a job of the same name that was created since does not get it.
        let body = json!({
            "apiVersion": ImageJob::api_version(&()),
            "kind": ImageJob::kind(&()),
            "metadata": {"name": job.name, "namespace": job.namespace, "uid": self.uid},
            "status": status,
        });
        let params = PatchParams::apply(labels::OPERATOR).force();
        let patch = Patch::Apply(&body);
        let write = api.patch_status(&job.name, &params, &patch);
        self.write("ImageJob", "status", format!("write the status of ImageJob {job}"), write).await.map(drop)
    }

    /// Waits at most the time limit, and counts.
    async fn write<T>(
        &self,
        kind: &str,
        verb: &'static str,
        action: String,
        write: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ClusterError> {
        let answer = match timeout(WRITE_LIMIT, write).await {
            Ok(answer) => answer.map_err(|error| failure::of(action, &error)),
            Err(_) => Err(failure::unanswered(action, WRITE_LIMIT)),
        };
        let outcome = match &answer {
            Ok(_) => Outcome::Written,
            Err(ClusterError::Unavailable { .. }) => Outcome::Unavailable,
            Err(ClusterError::Refused { .. }) => Outcome::Refused,
        };
        self.shared.meters.wrote(kind, verb, outcome);
        answer
    }
}
