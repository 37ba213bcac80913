//! What policies refer to beside jobs, as far as it was looked up.

use std::collections::BTreeSet;
use std::sync::Arc;

use imagejob_api::{ConfigMapRef, NamespacedName, ScalePolicy};

use super::{Caches, Entry, Told};
use crate::lookups::{Found, Wanted};

impl Caches {
    /// True if something that the job's policy refers to was not looked up yet.
    pub fn waits_for_found(&self, job: &NamespacedName) -> bool {
        let told = self.told();
        let wanted = told.jobs.get(job).map(|entry| told.wanted_by(&job.namespace, entry));
        wanted.is_some_and(|wanted| wanted.iter().any(|one| !told.found.contains_key(one)))
    }

    /// Labels of a namespace; none if it was not looked up, or cannot be read.
    pub fn labels(&self, namespace: &str) -> Found {
        self.told().found.get(&Wanted::Namespace(namespace.to_owned())).cloned().flatten()
    }

    /// All that policies refer to.
    pub fn wanted(&self) -> BTreeSet<Wanted> {
        let told = self.told();
        let of_policies = told.policies.values().filter_map(|policy| policy.as_ref().ok());
        let of_policies = of_policies.flat_map(|policy| policy.config_maps().map(config_map));
        of_policies.chain(told.jobs.iter().flat_map(|(name, entry)| told.wanted_by(&name.namespace, entry))).collect()
    }

    /// Waits until something else is referred to.
    pub async fn wants_other_than(&self, known: &BTreeSet<Wanted>) {
        loop {
            let rung = self.wants_changed.notified();
            if self.wanted() != *known {
                return;
            }
            rung.await;
        }
    }

    /// Something was looked up: jobs whose policies refer to it are looked at again if it is new.
    pub fn put_found(&self, wanted: &Wanted, found: Found) {
        let mut told = self.told();
        if told.found.get(wanted) == Some(&found) {
            return;
        }
        told.found.insert(wanted.clone(), found);
        let concerned: Vec<NamespacedName> = told
            .jobs
            .iter()
            .filter(|(name, entry)| told.wanted_by(&name.namespace, entry).contains(wanted))
            .map(|(name, _)| name.clone())
            .collect();
        told.changed.extend(concerned);
        drop(told);
        self.jobs_changed.notify_one();
    }
}

impl Told {
    /// What the policy of a job refers to.
    fn wanted_by(&self, namespace: &str, entry: &Entry) -> BTreeSet<Wanted> {
        let Some(Ok(policy)) = entry.policy().and_then(|policy| self.policies.get(policy)) else {
            return BTreeSet::new();
        };
        let maps = policy.config_maps().map(config_map);
        let labels = policy.spec.allowed_namespaces.as_ref().map(|_| Wanted::Namespace(namespace.to_owned()));
        maps.chain(labels).collect()
    }

    fn text(&self, reference: &ConfigMapRef) -> Option<String> {
        self.found.get(&config_map(reference))?.as_ref()?.get(&reference.key).cloned()
    }

    /// True if everything that the policy itself refers to was looked up.
    pub(super) fn has_looked_up(&self, policy: &ScalePolicy) -> bool {
        policy.config_maps().map(config_map).all(|wanted| self.found.contains_key(&wanted))
    }

    /// The policy with the dates that it refers to.
    pub(super) fn with_dates(&self, policy: Arc<ScalePolicy>) -> Arc<ScalePolicy> {
        if policy.config_maps().next().is_none() {
            return policy;
        }
        Arc::new(ScalePolicy::clone(&policy).with_dates(|reference| self.text(reference)))
    }
}

fn config_map(reference: &ConfigMapRef) -> Wanted {
    Wanted::ConfigMap(reference.namespace.clone(), reference.name.clone())
}
