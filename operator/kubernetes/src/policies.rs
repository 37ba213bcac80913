//! Writes the statuses of policies, while we lead and may: in an operator of some namespaces policies are read only.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use imagejob_api::{ScalePolicy, ScalePolicyStatus};
use imagejob_operator::Clock;
use imagejob_operator::policy_status::policy_status;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource as _};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::caches::Bound;
use crate::cluster::Shared;
use crate::render::labels;
use crate::trouble::Trouble;

/// Nobody waits for a policy's status; what changes it is looked at so often.
const EVERY: Duration = Duration::from_secs(10);

/// An answer that takes longer counts as none.
const LIMIT: Duration = Duration::from_secs(5);

/// Keeps the statuses of all policies true until dropped.
pub(crate) async fn tell<K: Clock>(shared: &Arc<Shared<K>>) {
    let mut written: HashMap<String, ScalePolicyStatus> = HashMap::new();
    let mut trouble = Trouble::default();
    loop {
        let bound = shared.caches.policies();
        written.retain(|name, _| bound.iter().any(|bound| bound.name == *name));
        for Bound { name, mut policy, jobs, per_worker } in bound {
            // Our own write may not have come back yet.
            policy.status = written.get(&name).cloned().or(policy.status);
            let next = policy_status(shared.clock.now(), &policy, jobs, &per_worker);
            if policy.status.as_ref() == Some(&next) {
                continue;
            }
            match timeout(LIMIT, write(shared, &name, &policy, &next)).await {
                Ok(Ok(())) => drop(written.insert(name, next)),
                Ok(Err(error)) if trouble.is_news(&error.to_string()) => {
                    tracing::warn!(policy = name, %error, "the status of a policy is not written");
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
        sleep(EVERY).await;
    }
}

async fn write<K>(
    shared: &Arc<Shared<K>>,
    name: &str,
    policy: &ScalePolicy,
    status: &ScalePolicyStatus,
) -> Result<(), kube::Error> {
    let api: Api<ScalePolicy> = Api::all(shared.client.0.clone());
    // The uid makes sure that a policy of the same name that was created since does not get it.
    let body = json!({
        "apiVersion": ScalePolicy::api_version(&()),
        "kind": ScalePolicy::kind(&()),
        "metadata": {"name": name, "uid": policy.metadata.uid},
        "status": status,
    });
    let params = PatchParams::apply(labels::OPERATOR).force();
    api.patch_status(name, &params, &Patch::Apply(&body)).await.map(drop)
}
