//! Why pods do not come up: one reason and one sentence that names the pod and what it lacks.
//!
//! Pure: from the status of a pod or a Deployment, as the API server shows it.

use std::time::Duration;

use imagejob_operator::{Fault, Role};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use kube::ResourceExt as _;

use crate::facts::Contest;

/// An image cannot be had: it does not exist, or the registry does not hand it out.
pub const IMAGE_MISSING: &str = "ImageMissing";
/// A Secret or ConfigMap that the pod mounts does not exist.
pub const SECRET_MISSING: &str = "SecretMissing";
/// No node takes the pod.
pub const UNSCHEDULABLE: &str = "Unschedulable";
/// The program ends again and again.
pub const CRASH_LOOP: &str = "CrashLoop";
/// The namespace's quota admits no more pods.
pub const QUOTA_EXCEEDED: &str = "QuotaExceeded";
/// Admission refuses the pods, as Pod Security does.
pub const PODS_REFUSED: &str = "PodsRefused";

/// Somebody else sets the replicas that the operator sets.
pub const FIELD_CONTESTED: &str = "FieldContested";

/// What keeps a pod from working, and the instant from which that counts as a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFault {
    /// What is wrong.
    pub fault: Fault,
    /// Until then it may be a matter of patience; none if it is wrong already.
    pub from: Option<Timestamp>,
}

impl From<Fault> for PodFault {
    fn from(fault: Fault) -> Self {
        Self { fault, from: None }
    }
}

/// Volumes of a pod that are not mounted after this long may never be. On a node that just had to
/// pull nothing, mounting Secrets takes well below a second.
const MOUNTING: SignedDuration = SignedDuration::from_secs(10);

/// What keeps a pod from working, if anything does.
pub fn of_pod(role: Role, pod: &Pod) -> Option<PodFault> {
    let status = pod.status.as_ref()?;
    stated(role, &pod.name_any(), status).map(PodFault::from).or_else(|| mounting(role, pod, status))
}

/// What the scheduler or the kubelet says.
fn stated(role: Role, name: &str, status: &PodStatus) -> Option<Fault> {
    let unschedulable = status.conditions.iter().flatten().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    });
    if let Some(condition) = unschedulable {
        let why = condition.message.as_deref().unwrap_or("no node takes it");
        return Some(fault(role, UNSCHEDULABLE, format!("no node takes pod {name}: {why}")));
    }
    let mut containers =
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    containers.find_map(|container| of_container(role, name, container))
}

/// A volume that cannot be mounted is told in the kubelet's events and in no status. But mounting is
/// what comes between a node and a sandbox.
fn mounting(role: Role, pod: &Pod, status: &PodStatus) -> Option<PodFault> {
    let condition = |type_: &str| status.conditions.iter().flatten().find(|condition| condition.type_ == type_);
    let scheduled = condition("PodScheduled").filter(|condition| condition.status == "True")?;
    if condition("PodReadyToStartContainers").is_none_or(|condition| condition.status != "False") {
        return None;
    }
    let volumes = pod.spec.as_ref()?.volumes.iter().flatten();
    let secrets: Vec<&str> = volumes.filter_map(|volume| volume.secret.as_ref()?.secret_name.as_deref()).collect();
    let name = pod.name_any();
    let message = format!(
        "pod {name} still waits for its volumes; does each of these Secrets exist: {}? kubectl describe pod {name} \
         names the one",
        secrets.join(", ")
    );
    let since = scheduled.last_transition_time.as_ref()?.0;
    Some(PodFault { fault: fault(role, SECRET_MISSING, message), from: Some(since + MOUNTING) })
}

fn of_container(role: Role, pod: &str, container: &ContainerStatus) -> Option<Fault> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let why = waiting.message.as_deref().unwrap_or_default();
    let image = &container.image;
    match waiting.reason.as_deref()? {
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
            Some(fault(role, IMAGE_MISSING, sentence(&format!("pod {pod} cannot get image {image}"), why)))
        }
        "CreateContainerConfigError" => {
            Some(fault(role, SECRET_MISSING, sentence(&format!("pod {pod} lacks what it mounts or reads"), why)))
        }
        "CrashLoopBackOff" => {
            let times = container.restart_count;
            let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
            let end = last.map(|last| match last.reason.as_deref() {
                Some(reason @ "OOMKilled") => reason.to_owned(),
                _ => format!("exit code {}", last.exit_code),
            });
            let end = end.map(|end| format!(", last with {end}")).unwrap_or_default();
            let name = &container.name;
            let message = format!(
                "container {name} of pod {pod} ended {times} times{end}; kubectl logs {pod} -c {name} --previous"
            );
            Some(fault(role, CRASH_LOOP, message))
        }
        "CreateContainerError" | "RunContainerError" => Some(fault(
            role,
            CRASH_LOOP,
            sentence(&format!("container {} of pod {pod} cannot be started", container.name), why),
        )),
        _ => None,
    }
}

/// Why a Deployment cannot create its pods.
pub fn of_deployment(role: Role, deployment: &Deployment) -> Option<Fault> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failure =
        conditions.iter().find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")?;
    let why = failure.message.as_deref().unwrap_or_default();
    let (reason, what) = if why.contains("exceeded quota") {
        (QUOTA_EXCEEDED, "the namespace's quota admits no more pods of Deployment")
    } else {
        (PODS_REFUSED, "the API server refuses pods of Deployment")
    };
    Some(fault(role, reason, sentence(&format!("{what} {}", deployment.name_any()), why)))
}

/// A field that is taken back stays worth a word for so long: an autoscaler comes again within it.
pub const CONTESTED: Duration = Duration::from_mins(2);

/// Replicas that somebody else set lately.
pub fn contested(role: Role, Contest { manager, replicas }: &Contest) -> Fault {
    let whose = match role {
        Role::Dispatcher => "dispatchers",
        Role::Worker => "workers",
    };
    let way_out = match manager.as_str() {
        "kube-controller-manager" => "delete the HorizontalPodAutoscaler or ScaledObject that targets their Deployment",
        _ => "use spec.scaling.override to fix the workers for a while",
    };
    let message = format!("{manager} set the {whose} to {replicas}, which was taken back; {way_out}");
    fault(role, FIELD_CONTESTED, message)
}

fn fault(role: Role, reason: &str, message: String) -> Fault {
    Fault { role, reason: reason.to_owned(), message }
}

fn sentence(what: &str, why: &str) -> String {
    if why.is_empty() { what.to_owned() } else { format!("{what}: {why}") }
}
