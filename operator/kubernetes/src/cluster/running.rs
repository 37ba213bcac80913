//! What runs for a job, from what was told. Pure.

use std::collections::BTreeMap;

use imagejob_operator::{Fault, Instance, PlanHash, Role, Running};
use imagejob_scaling::Others;
use jiff::Timestamp;

use crate::caches::Entry;
use crate::facts::{DeploymentFacts, PodFacts};
use crate::faults::{self, PodFault};

/// What runs for the job with this uid.
pub(super) fn running(entry: &Entry, uid: &str, rendering: &str, now: Timestamp) -> Running {
    let (dispatchers, workers) = (entry.dispatchers.as_ref(), entry.workers.as_ref());
    let replicas = |facts: Option<&DeploymentFacts>| facts.map_or(0, |facts| facts.replicas);
    let plan = workers.and_then(|workers| workers.plan.as_deref()).filter(|_| untouched(entry, uid, rendering));
    Running {
        plan: plan.map(PlanHash::read),
        workers_applied: replicas(workers),
        dispatchers_applied: replicas(dispatchers),
        instances: entry.pods.values().filter(|pod| !pod.leaving).map(|pod| instance(pod)).collect(),
        faults: faults(entry, now),
        others: Others::default(),
    }
}

/// True if both Deployments are as this operator leaves them: there, owned by this job, rendered by
/// us, and with the replicas that we asked for.
pub(super) fn untouched(entry: &Entry, uid: &str, rendering: &str) -> bool {
    [&entry.dispatchers, &entry.workers].into_iter().all(|facts| {
        facts.as_ref().is_some_and(|facts| {
            facts.owner == uid && facts.rendering.as_deref() == Some(rendering) && facts.asked == Some(facts.replicas)
        })
    })
}

fn instance(pod: &PodFacts) -> Instance {
    Instance {
        name: pod.name.clone(),
        role: pod.role,
        created: pod.created,
        ready: pod.ready,
        address: pod.address.clone(),
    }
}

/// Each role's faults, one sentence per reason: that of the first pod, and how many more there are.
fn faults(entry: &Entry, now: Timestamp) -> Vec<Fault> {
    let deployments = [&entry.dispatchers, &entry.workers].into_iter().flatten();
    let refused = deployments.filter_map(|facts| facts.fault.clone());
    let mut of_pods: BTreeMap<(Role, &str), (&Fault, u32)> = BTreeMap::new();
    for pod in entry.pods.values().filter(|pod| !pod.leaving) {
        let due = pod.fault.as_ref().filter(|due| due.from.is_none_or(|from| from <= now));
        if let Some(PodFault { fault, .. }) = due {
            of_pods.entry((fault.role, &fault.reason)).or_insert((fault, 0)).1 += 1;
        }
    }
    let of_pods = of_pods.into_values().map(|(first, pods)| {
        let more = match pods {
            1 => String::new(),
            2 => " (and one more pod)".to_owned(),
            pods => format!(" (and {} more pods)", pods - 1),
        };
        Fault { message: format!("{}{more}", first.message), ..first.clone() }
    });
    let contests = entry.contest.iter().filter(|(.., told)| told.elapsed() <= faults::CONTESTED);
    let contested = contests.map(|(role, contest, _)| faults::contested(*role, contest));
    refused.chain(of_pods).chain(contested).collect()
}
