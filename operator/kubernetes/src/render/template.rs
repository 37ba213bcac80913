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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    /// A worker's pod, as far as templates matter.
    fn ours() -> PodTemplateSpec {
        serde_json::from_value(json!({
            "metadata": {
                "labels": {"app.kubernetes.io/name": "imagejob"},
                "annotations": {"imagejob.dev/settings-hash": "1"},
            },
            "spec": {
                "terminationGracePeriodSeconds": 40,
                "containers": [{
                    "name": "worker",
                    "image": "imagejob-worker:1",
                    "args": ["work"],
                    "env": [{"name": "POD_NAME"}],
                    "resources": {"requests": {"cpu": "1", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                }],
                "volumes": [
                    {"name": "settings", "configMap": {"name": "s"}},
                    {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
                ],
            },
        }))
        .unwrap()
    }

    fn merged(template: &serde_json::Value) -> Result<serde_json::Value, String> {
        let theirs: PodTemplateSpec = serde_json::from_value(template.clone()).unwrap();
        let merged = merge(ours(), Some(&theirs), Role::Worker, 40).map_err(|refused| refused.to_string())?;
        Ok(serde_json::to_value(merged).unwrap())
    }

    #[test]
    fn a_template_adds_and_replaces_by_name() {
        let merged = merged(&json!({
            "metadata": {"labels": {"team": "posters"}, "annotations": {"note": "weekend"}},
            "spec": {
                "serviceAccountName": "reader",
                "nodeSelector": {"pool": "photos"},
                "terminationGracePeriodSeconds": 90,
                "imagePullSecrets": [{"name": "registry"}],
                "containers": [
                    {
                        "name": "worker",
                        "image": "own:2",
                        "env": [{"name": "MODEL", "value": "large"}],
                        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                    },
                    {"name": "proxy", "image": "proxy:1"},
                ],
                "volumes": [
                    {"name": "data", "persistentVolumeClaim": {"claimName": "photos"}},
                    {"name": "tmp", "emptyDir": {"medium": "Memory"}},
                ],
            },
        }))
        .unwrap();
        let (metadata, pod) = (&merged["metadata"], &merged["spec"]);
        assert_eq!(metadata["labels"], json!({"app.kubernetes.io/name": "imagejob", "team": "posters"}));
        assert_eq!(metadata["annotations"], json!({"imagejob.dev/settings-hash": "1", "note": "weekend"}));
        assert_eq!(pod["terminationGracePeriodSeconds"], 90);
        let worker = &pod["containers"][0];
        assert_eq!((&worker["image"], &worker["args"]), (&json!("own:2"), &json!(["work"])));
        assert_eq!(worker["env"], json!([{"name": "POD_NAME"}, {"name": "MODEL", "value": "large"}]));
        assert_eq!(worker["volumeMounts"].as_array().map(Vec::len), Some(2));
        assert_eq!(pod["containers"][1]["name"], "proxy");
        let volumes = json!([
            {"name": "settings", "configMap": {"name": "s"}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "photos"}},
            {"name": "tmp", "emptyDir": {"medium": "Memory"}},
        ]);
        assert_eq!(pod["volumes"], volumes, "a volume has one source");
    }

    #[test]
    fn who_names_an_amount_of_something_decides_about_all_of_it() {
        let resources = |theirs: serde_json::Value| {
            let template = json!({"spec": {"containers": [{"name": "worker", "resources": theirs}]}});
            merged(&template).unwrap()["spec"]["containers"][0]["resources"].clone()
        };
        assert_eq!(
            resources(json!({"requests": {"memory": "4Gi"}})),
            json!({"requests": {"cpu": "1", "memory": "4Gi"}, "limits": {}}),
            "our limit would be below their request"
        );
        assert_eq!(
            resources(json!({"limits": {"cpu": "500m", "nvidia.com/gpu": "1"}})),
            json!({"requests": {"memory": "256Mi"}, "limits": {"memory": "1Gi", "cpu": "500m", "nvidia.com/gpu": "1"}}),
            "our request would be above their limit"
        );
    }

    #[test]
    fn what_delivery_depends_on_is_refused_with_the_way_out() {
        let of_worker = |field: &str, value: serde_json::Value| {
            let mut container = json!({"name": "worker"});
            container[field] = value;
            json!({"spec": {"containers": [container]}})
        };
        let table = [
            (
                of_worker("args", json!(["sleep"])),
                "spec.containers[worker].args: the operator sets the arguments; use env, or a container of your own",
            ),
            (
                of_worker("env", json!([{"name": "POD_NAME", "value": "x"}])),
                "spec.containers[worker].env[POD_NAME]: the operator sets it; use another name",
            ),
            (
                of_worker("volumeMounts", json!([{"name": "x", "mountPath": "/etc/imagejob/token"}])),
                "spec.containers[worker].volumeMounts[/etc/imagejob/token]: /etc/imagejob belongs to the operator; \
                 mount it elsewhere",
            ),
            (
                json!({"spec": {"containers": [], "volumes": [{"name": "token", "emptyDir": {}}]}}),
                "spec.volumes[token]: the operator has a volume of this name; use another",
            ),
            (
                json!({"spec": {"containers": [], "restartPolicy": "Never"}}),
                "spec.restartPolicy: pods of a Deployment always start again; omit it",
            ),
            (
                json!({"spec": {"containers": [], "terminationGracePeriodSeconds": 39}}),
                "spec.terminationGracePeriodSeconds: 39 s would cut off work that may need 40 s to end; use 40 or \
                 more, or omit it",
            ),
            (
                json!({"metadata": {"labels": {"imagejob.dev/job": "other"}}}),
                "metadata.labels[imagejob.dev/job]: the operator finds its pods by it; use another key",
            ),
            (
                json!({"metadata": {"annotations": {"imagejob.dev/settings-hash": "0"}}}),
                "metadata.annotations[imagejob.dev/settings-hash]: the operator sets it; use another key",
            ),
        ];
        for (template, sentence) in table {
            assert_eq!(merged(&template), Err(format!("spec.worker.template.{sentence}")));
        }
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let template = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "worker", "args": []}]}});
        assert_eq!(merged(&template).unwrap_err().matches("spec.worker.template.").count(), 2);
    }

    #[test]
    fn no_template_changes_nothing() {
        assert_eq!(merge(ours(), None, Role::Worker, 40), Ok(ours()));
        assert_eq!(merge(ours(), Some(&PodTemplateSpec::default()), Role::Worker, 40), Ok(ours()));
    }
}
