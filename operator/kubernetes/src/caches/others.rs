//! What the jobs of a policy share: a quota of each namespace, and a budget.

use imagejob_api::{NamespacedName, ScalePolicy};
use imagejob_scaling::{Neighbour, Others, Spent};

use super::{Caches, Entry, Read};

/// What a job has from what it shares with others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Workers that it would run by itself.
    pub wanted: u32,
    /// What it has spent today, where there is a budget.
    pub spent: Option<Spent>,
    /// Records a second that one of its workers does, where that was measured.
    pub per_worker: Option<f64>,
}

/// A policy and the jobs that refer to it.
#[derive(Debug)]
pub struct Bound {
    /// Its name.
    pub name: String,
    /// The policy, with the dates that it refers to.
    pub policy: ScalePolicy,
    /// How many jobs refer to it.
    pub jobs: u32,
    /// What their workers do, records a second each, where that was measured.
    pub per_worker: Vec<f64>,
}

impl Caches {
    /// All policies that can be read, and of which everything that they refer to was looked up.
    pub fn policies(&self) -> Vec<Bound> {
        let told = self.told();
        let bound = |(name, policy): (&String, &Read<ScalePolicy>)| {
            let policy = policy.as_ref().ok().filter(|policy| told.has_looked_up(policy))?;
            let of_this = || told.jobs.values().filter(|entry| entry.policy() == Some(name));
            Some(Bound {
                name: name.clone(),
                policy: ScalePolicy::clone(&told.with_dates(policy.clone())),
                jobs: of_this().count() as u32,
                per_worker: of_this().filter_map(|entry| entry.share?.per_worker).collect(),
            })
        };
        told.policies.iter().filter_map(bound).collect()
    }

    /// A job has decided.
    pub fn put_share(&self, job: &NamespacedName, share: Share) {
        if let Some(entry) = self.told().jobs.get_mut(job) {
            entry.share = Some(share);
        }
    }

    /// What the other jobs under a job's policy do, where they share a quota or a budget.
    pub fn others(&self, job: &NamespacedName) -> Others {
        let told = self.told();
        let policy = told.jobs.get(job).and_then(Entry::policy);
        let Some(Ok(shared)) = policy.and_then(|policy| told.policies.get(policy)) else { return Others::default() };
        let (quota, budget) = (shared.spec.max_replicas_per_namespace, shared.spec.budget);
        if quota.is_none() && budget.is_none() {
            return Others::default();
        }
        let others = || told.jobs.iter().filter(|(name, entry)| *name != job && entry.policy() == policy);
        let neighbours = others().filter(|(name, _)| quota.is_some() && name.namespace == job.namespace);
        let neighbours = neighbours.map(|(_, entry)| Neighbour {
            applied: entry.workers.as_ref().map_or(0, |workers| workers.replicas),
            wanted: entry.share.map(|share| share.wanted),
        });
        let spent: Vec<Spent> = others().filter_map(|(_, entry)| entry.share?.spent).collect();
        // Whoever has not looked since midnight has spent nothing yet.
        let today = spent.iter().map(|spent| spent.day).max();
        let pod_hours = spent.iter().filter(|spent| Some(spent.day) == today).map(|spent| spent.pod_hours).sum();
        Others { neighbours: neighbours.collect(), pod_hours }
    }
}
