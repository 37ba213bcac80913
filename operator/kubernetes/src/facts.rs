//! What is kept of the objects that are watched: a few hundred bytes of each, not all of it.
//!
//! Pure. 3,000 jobs have 9,000 Deployments and pods at rest; as whole objects they would take 80 MB.

use imagejob_api::NamespacedName;
use imagejob_operator::{Fault, Role};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::ResourceExt as _;

use crate::faults::{self, PodFault};
use crate::render::{GRPC_PORT, labels};

/// A Deployment of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentFacts {
    /// Whose it is.
    pub job: NamespacedName,
    /// Its pods' role.
    pub role: Role,
    /// Version of the object: grows with each change.
    pub version: u64,
    /// Uid of the job that owns it.
    pub owner: String,
    /// Replicas that it asks for.
    pub replicas: u32,
    /// Replicas that we asked for.
    pub asked: Option<u32>,
    /// Hash of the plan that it says is applied.
    pub plan: Option<String>,
    /// What it was rendered by.
    pub rendering: Option<String>,
    /// Why it cannot create its pods.
    pub fault: Option<Fault>,
    /// Who else set its replicas last; none while they are ours.
    pub contest: Option<Contest>,
}

/// Replicas that somebody else set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contest {
    /// The field manager: `kubectl`, or `kube-controller-manager` for a `HorizontalPodAutoscaler`.
    pub manager: String,
    /// What it set.
    pub replicas: u32,
}

impl DeploymentFacts {
    /// What is kept of a Deployment; none if it is not one of ours.
    pub fn of(deployment: &Deployment) -> Option<Self> {
        let (job, role) = labels::belongs_to(&deployment.metadata)?;
        let annotation = |key: &str| deployment.annotations().get(key).cloned();
        let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas).map_or(0, |n| n.max(0) as u32);
        let asked = annotation(labels::REPLICAS).and_then(|text| text.parse().ok());
        let owner = deployment.owner_references().iter().find(|owner| owner.controller == Some(true));
        Some(Self {
            job,
            role,
            version: version(deployment.metadata.resource_version.as_deref()),
            owner: owner.map(|owner| owner.uid.clone()).unwrap_or_default(),
            replicas,
            asked,
            plan: annotation(labels::PLAN).filter(|_| deployment.metadata.deletion_timestamp.is_none()),
            rendering: annotation(labels::RENDERING),
            fault: faults::of_deployment(role, deployment),
            contest: contest(&deployment.metadata, replicas).filter(|_| asked.is_some_and(|asked| asked != replicas)),
        })
    }

    /// True unless `other` is of an earlier version of the same object.
    pub fn replaced_by(&self, other: &Self) -> bool {
        other.version >= self.version
    }
}

/// Whoever set the replicas last, if it was not us.
fn contest(metadata: &ObjectMeta, replicas: u32) -> Option<Contest> {
    let sets_replicas = |entry: &&ManagedFieldsEntry| {
        let fields = entry.fields_v1.as_ref().and_then(|fields| fields.0.get("f:spec")?.get("f:replicas"));
        fields.is_some() && entry.manager.as_deref() != Some(labels::OPERATOR)
    };
    let mut others = metadata.managed_fields.iter().flatten().filter(sets_replicas);
    // What sets replicas through the scale subresource has no time: it is the last of its kind.
    Some(Contest { manager: others.next_back()?.manager.clone()?, replicas })
}

/// Versions of an object are numbers that grow; Kubernetes promises it since 1.35, etcd always did.
/// One that is no number counts as the newest.
fn version(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(u64::MAX)
}

/// A pod of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFacts {
    /// Whose it is.
    pub job: NamespacedName,
    /// Its role.
    pub role: Role,
    /// Its name.
    pub name: String,
    /// Tells it from an earlier pod of the same name.
    pub uid: String,
    /// When it was created, whole seconds.
    pub created: Timestamp,
    /// When it became ready, whole seconds; none while it is not.
    pub ready: Option<Timestamp>,
    /// When it became ready for the first time; none before that.
    pub first_ready: Option<Timestamp>,
    /// Where its dispatcher serves reports.
    pub address: Option<String>,
    /// It was told to end, or has ended: nothing is to be expected of it any more.
    pub leaving: bool,
    /// What keeps it from working.
    pub fault: Option<PodFault>,
}

impl PodFacts {
    /// What is kept of a pod; none if it is not one of ours.
    pub fn of(pod: &Pod) -> Option<Self> {
        let (job, role) = labels::belongs_to(&pod.metadata)?;
        let status = pod.status.as_ref();
        let conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
        let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready" && condition.status == "True");
        let ended = matches!(status.and_then(|status| status.phase.as_deref()), Some("Failed" | "Succeeded"));
        let ip = status.and_then(|status| status.pod_ip.as_deref());
        let ready = ready.and_then(|ready| ready.last_transition_time.as_ref()).map(|time| time.0);
        Some(Self {
            job,
            role,
            name: pod.name_any(),
            uid: pod.uid().unwrap_or_default(),
            created: pod.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
            ready,
            first_ready: ready,
            address: ip.filter(|_| role == Role::Dispatcher).map(address),
            leaving: ended || pod.metadata.deletion_timestamp.is_some(),
            fault: faults::of_pod(role, pod),
        })
    }

    /// The newer facts, with the time at which the pod first became ready: one that fails a probe
    /// now and then has not been starting all the while.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        let known = before.first_ready.filter(|_| before.uid == self.uid);
        let first_ready = known.or(self.first_ready);
        Self { ready: self.ready.and(first_ready), first_ready, ..self }
    }
}

fn address(ip: &str) -> String {
    if ip.contains(':') { format!("[{ip}]:{GRPC_PORT}") } else { format!("{ip}:{GRPC_PORT}") }
}
