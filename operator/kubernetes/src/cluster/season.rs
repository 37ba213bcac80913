//! What a job's weeks have taught, in a `ConfigMap` of its own. It belongs to the job and goes with it.

use imagejob_operator::{Clock, ClusterError};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource as _};

use super::JobCluster;
use crate::render::{Names, Owner, labels, metadata};

/// The key under which the bytes are.
const KEY: &str = "season";

impl<K: Clock> JobCluster<K> {
    pub(super) async fn read_season(&self) -> Result<Option<Vec<u8>>, ClusterError> {
        let name = Names::of(&self.job.name).learned;
        let action = format!("read ConfigMap {name}");
        let maps = self.config_maps();
        let read = self.write("ConfigMap", "get", action, maps.get_opt(&name)).await?;
        // Left over from a job of the same name that is being collected.
        let ours = read.filter(|map| map.meta().owner_references.iter().flatten().any(|owner| owner.uid == self.uid));
        Ok(ours.and_then(|map| map.binary_data?.remove(KEY)).map(|ByteString(bytes)| bytes))
    }

    pub(super) async fn write_season(&self, season: &[u8]) -> Result<(), ClusterError> {
        let name = Names::of(&self.job.name).learned;
        let owner = Owner { job: self.job.clone(), uid: self.uid.clone() };
        let map = ConfigMap {
            metadata: metadata(&owner, &name, None),
            binary_data: Some([(KEY.to_owned(), ByteString(season.to_vec()))].into()),
            ..ConfigMap::default()
        };
        let params = PatchParams::apply(labels::OPERATOR).force();
        let (patch, maps) = (Patch::Apply(&map), self.config_maps());
        let action = format!("apply ConfigMap {name}");
        self.write("ConfigMap", "apply", action, maps.patch(&name, &params, &patch)).await.map(drop)
    }

    fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.shared.client.0.clone(), &self.job.namespace)
    }
}
