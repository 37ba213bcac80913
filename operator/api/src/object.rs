//! What every object carries: names and metadata.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// Group and version of both kinds.
pub const API_VERSION: &str = "imagejob.dev/v1alpha1";

/// The part of Kubernetes' object metadata that is read here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Name, unique per kind in a namespace.
    pub name: String,
    /// Namespace; `default` if omitted. Cluster-scoped kinds have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Version of the spec; set by the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// When the object was created; set by the server.
    #[serde(default, deserialize_with = "instant", skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Timestamp>,
}

fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let form = "write it like 2026-11-21T04:00:00Z";
    text.parse().map(Some).map_err(|_| D::Error::custom(format_args!("{text:?} is not an instant; {form}")))
}

impl Metadata {
    /// The name with its namespace.
    pub fn namespaced_name(&self) -> NamespacedName {
        NamespacedName {
            namespace: self.namespace.clone().unwrap_or_else(|| "default".to_owned()),
            name: self.name.clone(),
        }
    }
}

/// A name and the namespace it is unique in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespacedName {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
