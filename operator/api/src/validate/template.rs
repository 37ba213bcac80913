//! A job's own changes to its pods: each field known and of its type, so that a misspelt limit is
//! not taken for none. What may not be changed is the business of whoever makes the pods.

use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::problem::Problems;
use crate::strict::{self, FieldError};
use crate::template::{PodMetadata, PodTemplate};

/// None if nothing is to be changed, or if a problem was added.
pub(super) fn template(path: &str, template: Option<&PodTemplate>, problems: &mut Problems) -> Option<PodTemplateSpec> {
    let PodTemplate { metadata, spec } = template?;
    let spec = match spec {
        Some(fields) => Some(pod_spec(&format!("{path}.spec"), &fields.clone().into(), problems)?),
        None => None,
    };
    Some(PodTemplateSpec { metadata: metadata.as_ref().map(object_meta), spec })
}

fn object_meta(metadata: &PodMetadata) -> ObjectMeta {
    let PodMetadata { labels, annotations } = metadata.clone();
    ObjectMeta { labels: Some(labels), annotations: Some(annotations), ..ObjectMeta::default() }
}

fn pod_spec(path: &str, fields: &Value, problems: &mut Problems) -> Option<PodSpec> {
    let pod: PodSpec =
        strict::read_at(path, fields).map_err(|FieldError { path, message }| problems.add(&path, message)).ok()?;
    let init = pod.init_containers.as_deref().unwrap_or_default();
    for (list, containers) in [("containers", pod.containers.as_slice()), ("initContainers", init)] {
        for (i, _) in containers.iter().enumerate().filter(|(_, container)| container.name.is_empty()) {
            let message = "is required, but missing; containers are merged by it";
            problems.add(&format!("{path}.{list}[{i}].name"), message);
        }
    }
    Some(pod)
}
