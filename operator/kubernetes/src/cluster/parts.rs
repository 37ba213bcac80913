//! A job's objects in the order in which they are applied, each with a digest that tells whether it
//! changed.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use imagejob_operator::Role;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Resource;
use kube::core::ApiResource;
use serde::Serialize;
use serde_json::Value;

use crate::render::{Names, Objects};

/// Kind and name of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartId {
    pub(super) kind: String,
    pub(super) name: String,
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// An object as it is applied.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) id: PartId,
    pub(super) resource: ApiResource,
    pub(super) object: Value,
}

impl Part {
    fn of<K>(object: &K) -> Result<Self, serde_json::Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Serialize,
    {
        let name = object.meta().name.clone().unwrap_or_default();
        let id = PartId { kind: K::kind(&()).into_owned(), name };
        Ok(Self { id, resource: ApiResource::erase::<K>(&()), object: serde_json::to_value(object)? })
    }

    fn absent<K>(name: String) -> Self
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let id = PartId { kind: K::kind(&()).into_owned(), name };
        Self { id, resource: ApiResource::erase::<K>(&()), object: Value::Null }
    }

    /// Within one process, equal objects have equal digests.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.object.to_string().hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn is_deployment(&self) -> bool {
        self.id.kind == Deployment::kind(&())
    }
}

/// In the order in which they are applied: what pods need before what makes pods, and the workers'
/// Deployment, which stands for the whole plan, last.
pub(super) fn parts(objects: &Objects) -> Result<Vec<Part>, serde_json::Error> {
    let Objects {
        service_account,
        settings,
        token,
        service,
        dispatcher_budget,
        worker_budget,
        network_policies,
        dispatcher,
        worker,
    } = objects;
    let mut parts = vec![
        Part::of(service_account)?,
        Part::of(settings)?,
        Part::of(token)?,
        Part::of(service)?,
        Part::of(dispatcher_budget)?,
        Part::of(worker_budget)?,
    ];
    for policy in network_policies {
        parts.push(Part::of(policy)?);
    }
    parts.extend([Part::of(dispatcher)?, Part::of(worker)?]);
    Ok(parts)
}

/// Objects that a job may have and this one has not.
pub(super) fn orphans(job: &str, parts: &[Part]) -> Vec<Part> {
    let names = Names::of(job);
    let optional = [Role::Dispatcher, Role::Worker].map(|role| match role {
        Role::Dispatcher => Part::absent::<NetworkPolicy>(names.dispatcher.clone()),
        Role::Worker => Part::absent::<NetworkPolicy>(names.worker.clone()),
    });
    optional.into_iter().filter(|optional| parts.iter().all(|part| part.id != optional.id)).collect()
}
