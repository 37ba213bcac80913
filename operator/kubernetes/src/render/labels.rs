//! Labels and annotations: how people, tools and the operator itself find a job's objects.

use std::collections::BTreeMap;

use imagejob_api::NamespacedName;
use imagejob_operator::Role;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

/// The job that an object belongs to.
pub const JOB: &str = "imagejob.dev/job";
/// Dispatcher or worker.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// Who made an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`]; also the field manager's name.
pub const OPERATOR: &str = "imagejob-operator";
/// Selects the objects of all jobs.
pub const SELECTOR: &str = "app.kubernetes.io/managed-by=imagejob-operator";

/// On the workers' Deployment: the plan that was applied. It is written last, so what it names
/// stands for all objects of the job.
pub const PLAN: &str = "imagejob.dev/plan-hash";
/// On both Deployments: by what the plan was rendered. Another operator or other defaults render
/// the same plan differently.
pub const RENDERING: &str = "imagejob.dev/rendering";
/// On both Deployments: the replicas that were asked for, to notice if somebody else asked for others.
pub const REPLICAS: &str = "imagejob.dev/replicas";
/// On pods: what they read when they start. Another value rolls them.
pub const SETTINGS: &str = "imagejob.dev/settings-hash";
/// Lets cluster-autoscaler remove a node although the scratch folders of our pods die with it.
pub const LOCAL_VOLUMES: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";

/// The value of [`COMPONENT`], which is also the name of the role's container.
pub const fn component(role: Role) -> &'static str {
    match role {
        Role::Dispatcher => "dispatcher",
        Role::Worker => "worker",
    }
}

/// Labels of every object of a job; those of a role's objects say which role.
pub fn labels(job: &str, role: Option<Role>) -> BTreeMap<String, String> {
    let fixed = [
        ("app.kubernetes.io/name", "imagejob"),
        ("app.kubernetes.io/instance", job),
        ("app.kubernetes.io/part-of", "imagejob"),
        (MANAGED_BY, OPERATOR),
        (JOB, job),
    ];
    let component = role.map(|role| (COMPONENT, component(role)));
    fixed.into_iter().chain(component).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// What selects the pods of a role. A Deployment's can never be changed, so it is as short as possible.
pub fn selector(job: &str, role: Role) -> BTreeMap<String, String> {
    [(JOB, job), (COMPONENT, component(role))].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// The same, as most kinds want it.
pub fn label_selector(job: &str, role: Role) -> LabelSelector {
    LabelSelector { match_labels: Some(selector(job, role)), match_expressions: None }
}

/// The job and role of a Deployment or pod; none if it is not one of ours.
pub fn belongs_to(metadata: &ObjectMeta) -> Option<(NamespacedName, Role)> {
    let labels = metadata.labels.as_ref()?;
    let label = |key: &str| labels.get(key).map(String::as_str);
    let role = match (label(MANAGED_BY)?, label(COMPONENT)?) {
        (OPERATOR, "dispatcher") => Role::Dispatcher,
        (OPERATOR, "worker") => Role::Worker,
        _ => return None,
    };
    Some((NamespacedName { namespace: metadata.namespace.clone()?, name: label(JOB)?.to_owned() }, role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_labelled_is_recognised_and_nothing_else() {
        for role in [Role::Dispatcher, Role::Worker] {
            let ours = ObjectMeta {
                namespace: Some("media".into()),
                labels: Some(labels("posters", Some(role))),
                ..ObjectMeta::default()
            };
            let job = NamespacedName { namespace: "media".into(), name: "posters".into() };
            assert_eq!(belongs_to(&ours), Some((job, role)));
            let mut other = ours.clone();
            other.labels.as_mut().and_then(|labels| labels.insert(MANAGED_BY.into(), "Helm".into()));
            assert_eq!(belongs_to(&other), None);
        }
        assert_eq!(belongs_to(&ObjectMeta::default()), None);
    }

    #[test]
    fn pods_have_the_labels_that_select_them() {
        let labels = labels("posters", Some(Role::Worker));
        for (key, value) in selector("posters", Role::Worker) {
            assert_eq!(labels.get(&key), Some(&value));
        }
    }
}
