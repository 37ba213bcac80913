//! The job's own changes to its pods, merged over ours: containers, volumes and variables by name,
//! mounts by path, labels and limits by key. What delivery depends on is refused, with the way out.

use std::fmt;

use imagejob_operator::Role;
use k8s_openapi::DeepMerge as _;
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, ResourceRequirements};

use super::{labels, pod};

/// One thing in a template that must stay as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Refusal {
    /// Where, in the job: `spec.worker.template.spec.restartPolicy`.
    pub path: String,
    /// Why, and the way out.
    pub message: String,
}

/// Everything in a job's templates that must stay as it is; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub Vec<Refusal>);

impl Refused {
    pub(super) fn all(parts: [Option<Self>; 2]) -> Self {
        Self(parts.into_iter().flatten().flat_map(|Self(refusals)| refusals).collect())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentences: Vec<String> = self.0.iter().map(Refusal::to_string).collect();
        f.write_str(&sentences.join("; "))
    }
}

impl std::error::Error for Refused {}

/// Our pod with the job's changes. `grace_seconds` is what the role needs to end in order.
pub(super) fn merge(
    mut ours: PodTemplateSpec,
    theirs: Option<&PodTemplateSpec>,
    role: Role,
    grace_seconds: i64,
) -> Result<PodTemplateSpec, Refused> {
    let Some(theirs) = theirs else { return Ok(ours) };
    let mut complaints = Complaints { role, found: Vec::new() };
    complaints.about(theirs, grace_seconds);
    if !complaints.found.is_empty() {
        return Err(Refused(complaints.found));
    }
    if let (Some(ours), Some(theirs)) = (&mut ours.spec, &theirs.spec) {
        make_room(ours, theirs);
    }
    ours.merge_from(theirs.clone());
    Ok(ours)
}

/// Takes out of our pod what makes no sense beside what the template says.
fn make_room(ours: &mut PodSpec, theirs: &PodSpec) {
    // A volume has one source: theirs instead of ours, not both.
    let replaced = |name: &str| theirs.volumes.iter().flatten().any(|volume| volume.name == name);
    ours.volumes.iter_mut().for_each(|volumes| volumes.retain(|volume| !replaced(&volume.name)));
    for container in &mut ours.containers {
        let named = theirs.containers.iter().find(|theirs| theirs.name == container.name);
        let (Some(ours), Some(theirs)) = (&mut container.resources, named.and_then(|named| named.resources.as_ref()))
        else {
            continue;
        };
        give_way(ours, theirs);
    }
}

/// Who names a limit or a request of memory decides about memory: our limit could be below their
/// request, and the API server would take neither.
fn give_way(ours: &mut ResourceRequirements, theirs: &ResourceRequirements) {
    let named = [&theirs.requests, &theirs.limits].into_iter().flatten().flat_map(|amounts| amounts.keys());
    for resource in named {
        for amounts in [&mut ours.requests, &mut ours.limits].into_iter().flatten() {
            amounts.remove(resource);
        }
    }
}

struct Complaints {
    role: Role,
    found: Vec<Refusal>,
}

impl Complaints {
    fn add(&mut self, path: &str, message: impl Into<String>) {
        let path = format!("spec.{}.template.{path}", labels::component(self.role));
        self.found.push(Refusal { path, message: message.into() });
    }

    fn about(&mut self, theirs: &PodTemplateSpec, grace_seconds: i64) {
        let metadata = theirs.metadata.clone().unwrap_or_default();
        let taken = labels::labels("", Some(self.role));
        for key in metadata.labels.unwrap_or_default().into_keys().filter(|key| taken.contains_key(key)) {
            self.add(&format!("metadata.labels[{key}]"), "the operator finds its pods by it; use another key");
        }
        for key in metadata.annotations.unwrap_or_default().into_keys() {
            if key.starts_with("imagejob.dev/") || key == labels::LOCAL_VOLUMES {
                self.add(&format!("metadata.annotations[{key}]"), "the operator sets it; use another key");
            }
        }
        let Some(pod) = &theirs.spec else { return };
        self.about_pod(pod, grace_seconds);
        let own = pod.containers.iter().find(|container| container.name == labels::component(self.role));
        if let Some(container) = own {
            self.about_own_container(container);
        }
    }

    fn about_pod(&mut self, pod: &PodSpec, grace_seconds: i64) {
        if pod.restart_policy.as_ref().is_some_and(|policy| policy != "Always") {
            self.add("spec.restartPolicy", "pods of a Deployment always start again; omit it");
        }
        if let Some(seconds) = pod.termination_grace_period_seconds.filter(|seconds| *seconds < grace_seconds) {
            self.add(
                "spec.terminationGracePeriodSeconds",
                format!(
                    "{seconds} s would cut off work that may need {grace_seconds} s to end; use {grace_seconds} or \
                     more, or omit it"
                ),
            );
        }
        for volume in pod.volumes.iter().flatten().filter(|volume| is_our_volume(&volume.name)) {
            self.add(&format!("spec.volumes[{}]", volume.name), "the operator has a volume of this name; use another");
        }
    }

    fn about_own_container(&mut self, container: &Container) {
        let at = format!("spec.containers[{}]", container.name);
        if container.args.is_some() {
            self.add(&format!("{at}.args"), "the operator sets the arguments; use env, or a container of your own");
        }
        if container.env.iter().flatten().any(|variable| variable.name == pod::POD_NAME) {
            let message = "the operator sets it; use another name";
            self.add(&format!("{at}.env[{}]", pod::POD_NAME), message);
        }
        for mount in container.volume_mounts.iter().flatten() {
            if mount.mount_path.starts_with(pod::MOUNTS) {
                let message = format!("{} belongs to the operator; mount it elsewhere", pod::MOUNTS);
                self.add(&format!("{at}.volumeMounts[{}]", mount.mount_path), message);
            }
        }
    }
}

/// Not the scratch folder, which may be another one: larger, in memory, or on a disk of its own.
fn is_our_volume(name: &str) -> bool {
    pod::VOLUMES.contains(&name)
}
