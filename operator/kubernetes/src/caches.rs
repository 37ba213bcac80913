//! What the API server has told so far: jobs, policies, and what runs, by job.
//!
//! Reconcile reads these and nothing else; watches fill them, and so do the answers to our own
//! writes, so that a watch that lags behind causes no second write.

mod found;
mod others;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imagejob_api::{ImageJob, NamespacedName, ScalePolicy};
use imagejob_operator::Role;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::facts::{Contest, DeploymentFacts, PodFacts};
use crate::lookups::{Found, Wanted};

pub use others::{Bound, Share};

/// An object that cannot be read as what it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Unreadable {
    /// Its metadata, which can always be read.
    pub metadata: ObjectMeta,
    /// What cannot be read.
    pub error: String,
}

/// An object, or why it cannot be read.
pub type Read<K> = Result<Arc<K>, Arc<Unreadable>>;

/// All that was told.
#[derive(Debug)]
pub struct Caches {
    told: Mutex<Told>,
    /// Watches that have not told all yet.
    incomplete: watch::Sender<BTreeSet<String>>,
    jobs_changed: Notify,
    /// Rings when policies or jobs may refer to something else than before.
    wants_changed: Notify,
}

#[derive(Debug, Default)]
struct Told {
    jobs: HashMap<NamespacedName, Entry>,
    policies: BTreeMap<String, Read<ScalePolicy>>,
    /// What policies refer to.
    found: BTreeMap<Wanted, Found>,
    /// Jobs whose spec or policy changed since they were last taken.
    changed: BTreeSet<NamespacedName>,
}

impl Told {
    /// Jobs of which this is true are looked at again.
    fn look_again(&mut self, concerned: impl Fn(&Entry) -> bool) {
        let concerned = self.jobs.iter().filter(|(_, entry)| concerned(entry)).map(|(name, _)| name.clone());
        self.changed.extend(concerned.collect::<Vec<_>>());
    }

    /// Forgets a job of which nothing is left.
    fn tidy(&mut self, job: &NamespacedName) {
        if self.jobs.get(job).is_some_and(Entry::is_empty) {
            self.jobs.remove(job);
        }
    }
}

/// Everything about one job.
#[derive(Debug, Default)]
pub struct Entry {
    /// The job; none while only leftovers of it are known.
    pub job: Option<Read<ImageJob>>,
    /// The dispatchers' Deployment.
    pub dispatchers: Option<DeploymentFacts>,
    /// The workers' Deployment.
    pub workers: Option<DeploymentFacts>,
    /// Who else set a Deployment's replicas last, which we have taken back since, and when that was told.
    pub contest: Option<(Role, Contest, Instant)>,
    /// Pods of both, by name; boxed because a map with one entry has room for eleven.
    pub pods: BTreeMap<String, Box<PodFacts>>,
    /// What it would run by itself, and what it has spent; none before its first decision.
    share: Option<Share>,
    /// Rings when anything of what runs changed.
    bell: Arc<Notify>,
}

impl Entry {
    fn is_empty(&self) -> bool {
        self.job.is_none() && self.dispatchers.is_none() && self.workers.is_none() && self.pods.is_empty()
    }

    /// The policy that it refers to.
    fn policy(&self) -> Option<&str> {
        let job = self.job.as_ref()?.as_ref().ok()?;
        Some(&job.spec.scaling.policy_ref.as_ref()?.name)
    }

    fn deployment(&mut self, role: Role) -> &mut Option<DeploymentFacts> {
        match role {
            Role::Dispatcher => &mut self.dispatchers,
            Role::Worker => &mut self.workers,
        }
    }
}

impl Caches {
    /// Nothing was told yet; these watches have to.
    pub fn waiting_for(watches: impl IntoIterator<Item = String>) -> Self {
        Self {
            told: Mutex::default(),
            incomplete: watch::Sender::new(watches.into_iter().collect()),
            jobs_changed: Notify::new(),
            wants_changed: Notify::new(),
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // Whole after a panic too: each change is one step.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A watch has told all there is.
    pub fn complete(&self, watch: &str) {
        self.incomplete.send_if_modified(|incomplete| incomplete.remove(watch));
    }

    /// Watches that have not told all yet.
    pub fn incomplete(&self) -> BTreeSet<String> {
        self.incomplete.borrow().clone()
    }

    /// Waits until every watch has told all there is.
    pub async fn completed(&self) {
        // The sender lives as long as `self`.
        drop(self.incomplete.subscribe().wait_for(BTreeSet::is_empty).await);
    }

    /// A job is new or changed, or gone.
    pub fn put_job(&self, name: &NamespacedName, job: Option<Read<ImageJob>>) {
        let mut told = self.told();
        let entry = told.jobs.entry(name.clone()).or_default();
        let same = match (&entry.job, &job) {
            (Some(Ok(before)), Some(Ok(after))) => wants_the_same(before, after),
            (Some(Err(before)), Some(Err(after))) => is_as_unreadable(before, after),
            (None, None) => true,
            _ => false,
        };
        entry.job = job;
        told.tidy(name);
        if !same {
            told.changed.insert(name.clone());
            drop(told);
            self.jobs_changed.notify_one();
            self.wants_changed.notify_one();
        }
    }

    /// A policy is new or changed, or gone: all jobs that refer to it are looked at again.
    pub fn put_policy(&self, name: &str, policy: Option<Read<ScalePolicy>>) {
        let mut told = self.told();
        // Our own status writes come back as changes too.
        let same = matches!(
            (told.policies.get(name), &policy),
            (Some(Ok(before)), Some(Ok(after))) if before.spec == after.spec && before.metadata.uid == after.metadata.uid
        );
        match policy {
            Some(policy) => drop(told.policies.insert(name.to_owned(), policy)),
            None => drop(told.policies.remove(name)),
        }
        if same {
            return;
        }
        told.look_again(|entry| entry.policy() == Some(name));
        drop(told);
        self.jobs_changed.notify_one();
        self.wants_changed.notify_one();
    }

    /// A Deployment is as told, unless something newer is known of it.
    pub fn put_deployment(&self, facts: DeploymentFacts) {
        let mut told = self.told();
        let entry = told.jobs.entry(facts.job.clone()).or_default();
        let contest = facts.contest.clone().map(|contest| (facts.role, contest, now()));
        let known = entry.deployment(facts.role);
        if known.as_ref().is_some_and(|known| !known.replaced_by(&facts) || *known == facts) {
            return;
        }
        *known = Some(facts);
        entry.contest = contest.or(entry.contest.take());
        entry.bell.notify_one();
    }

    /// A Deployment is gone.
    pub fn drop_deployment(&self, job: &NamespacedName, role: Role) {
        let mut told = self.told();
        if let Some(entry) = told.jobs.get_mut(job)
            && entry.deployment(role).take().is_some()
        {
            entry.bell.notify_one();
        }
        told.tidy(job);
    }

    /// A pod is as told.
    pub fn put_pod(&self, facts: PodFacts) {
        let mut told = self.told();
        let entry = told.jobs.entry(facts.job.clone()).or_default();
        let known = entry.pods.get(&facts.name).map(Box::as_ref);
        let facts = match known {
            Some(known) => facts.after(known),
            None => facts,
        };
        if known != Some(&facts) {
            entry.pods.insert(facts.name.clone(), Box::new(facts));
            entry.bell.notify_one();
        }
    }

    /// A pod is gone.
    pub fn drop_pod(&self, job: &NamespacedName, pod: &str) {
        let mut told = self.told();
        if let Some(entry) = told.jobs.get_mut(job)
            && entry.pods.remove(pod).is_some()
        {
            entry.bell.notify_one();
        }
        told.tidy(job);
    }

    /// Looks at what is known of a job; keep it short, nobody else can look meanwhile.
    pub fn look<R>(&self, job: &NamespacedName, look: impl FnOnce(&Entry) -> R) -> R {
        let told = self.told();
        match told.jobs.get(job) {
            Some(entry) => look(entry),
            None => look(&Entry::default()),
        }
    }

    /// A job and the policy that it refers to, each if there is one, the policy with the dates that it refers to.
    pub fn job(&self, name: &NamespacedName) -> (Option<Read<ImageJob>>, Option<Read<ScalePolicy>>) {
        let told = self.told();
        let entry = told.jobs.get(name);
        let job = entry.and_then(|entry| entry.job.clone());
        let policy = entry.and_then(Entry::policy).and_then(|policy| told.policies.get(policy).cloned());
        (job, policy.map(|policy| policy.map(|policy| told.with_dates(policy))))
    }

    /// Rings when what runs for a job changed.
    pub fn bell(&self, job: &NamespacedName) -> Arc<Notify> {
        self.told().jobs.get(job).map_or_else(Arc::default, |entry| entry.bell.clone())
    }

    /// All jobs.
    pub fn jobs(&self) -> Vec<NamespacedName> {
        let told = self.told();
        told.jobs.iter().filter(|(_, entry)| entry.job.is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// Waits for jobs to change, or their policies: which.
    pub async fn changed(&self) -> BTreeSet<NamespacedName> {
        loop {
            let rung = self.jobs_changed.notified();
            let changed = std::mem::take(&mut self.told().changed);
            if !changed.is_empty() {
                return changed;
            }
            rung.await;
        }
    }
}

#[allow(clippy::disallowed_methods)] // Monotonic, and tokio's, so that tests drive it.
fn now() -> Instant {
    Instant::now()
}

/// The same for what cannot be read, of which only the metadata and the error are known.
fn is_as_unreadable(before: &Unreadable, after: &Unreadable) -> bool {
    before.error == after.error
        && before.metadata.uid == after.metadata.uid
        && before.metadata.generation == after.metadata.generation
}

/// True if two versions of a job differ in nothing that anybody asked for: our own status writes
/// come back as changes too.
fn wants_the_same(before: &ImageJob, after: &ImageJob) -> bool {
    before.metadata.uid == after.metadata.uid
        && before.metadata.generation == after.metadata.generation
        && before.metadata.labels == after.metadata.labels
        && before.metadata.annotations == after.metadata.annotations
        && before.spec == after.spec
}
