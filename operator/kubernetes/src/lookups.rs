//! What policies refer to beside jobs: ConfigMaps with dates, and the labels of namespaces. Asked for only where
//! a policy needs it, at once when one is new and then twice a minute; no watch, which would bring all of a kind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{Api, Client};
use tokio::time::{sleep, timeout};

use crate::caches::Caches;
use crate::trouble::Trouble;

/// What was found is looked at again after this long.
const EVERY: Duration = Duration::from_secs(30);

/// What got no answer is asked for again after this long.
const AGAIN: Duration = Duration::from_secs(1);

/// An answer that takes longer counts as none.
const LIMIT: Duration = Duration::from_secs(5);

/// An object that a policy refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wanted {
    /// A `ConfigMap`, by namespace and name: its data.
    ConfigMap(String, String),
    /// A namespace: its labels.
    Namespace(String),
}

/// Texts by key; none if there is no such object, or if it may not be read.
pub type Found = Option<BTreeMap<String, String>>;

/// Keeps what was looked up true until dropped.
pub(crate) async fn look_up(client: Client, caches: Arc<Caches>) {
    let mut trouble = Trouble::default();
    loop {
        let wanted = caches.wanted();
        let mut pause = EVERY;
        for one in &wanted {
            match timeout(LIMIT, ask(&client, one)).await {
                Ok(Ok(found)) => caches.put_found(one, found),
                Ok(Err(kube::Error::Api(status))) if status.code == 403 => {
                    if trouble.is_news(&status.message) {
                        tracing::warn!(error = status.message, "a policy refers to what this operator may not read");
                    }
                    caches.put_found(one, None);
                }
                // What was known stays known.
                Ok(Err(_)) | Err(_) => pause = AGAIN,
            }
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = caches.wants_other_than(&wanted) => {}
        }
    }
}

async fn ask(client: &Client, wanted: &Wanted) -> Result<Found, kube::Error> {
    match wanted {
        Wanted::ConfigMap(namespace, name) => {
            let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
            Ok(api.get_opt(name).await?.map(|map| map.data.unwrap_or_default()))
        }
        Wanted::Namespace(name) => {
            let api: Api<Namespace> = Api::all(client.clone());
            Ok(api.get_opt(name).await?.map(|namespace| namespace.metadata.labels.unwrap_or_default()))
        }
    }
}
