//! Keeps the caches true: one watch per kind, and per namespace where only some are watched.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _, pin_mut};
use imagejob_api::{ImageJob, NamespacedName, ScalePolicy};
use imagejob_operator::Role;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{Config, Error, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use crate::caches::{Caches, Read, Unreadable};
use crate::facts::{DeploymentFacts, PodFacts};
use crate::lookups;
use crate::render::labels;

/// A watch that broke is taken up again after this long, then after twice as long and so on.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// An API server that comes back is noticed within this. kube's own default is 30 s.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Pauses between attempts to take up a watch.
#[derive(Debug, Default)]
struct Pauses {
    taken: u32,
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.taken.min(10)).min(LONGEST_PAUSE);
        self.taken += 1;
        Some(pause)
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.taken = 0;
    }
}

/// Which namespaces are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of the cluster.
    Cluster,
    /// These.
    Namespaces(BTreeSet<String>),
}

impl Scope {
    /// All, if none is named.
    pub fn of(namespaces: impl IntoIterator<Item = String>) -> Self {
        let named: BTreeSet<String> = namespaces.into_iter().filter(|name| !name.is_empty()).collect();
        if named.is_empty() { Self::Cluster } else { Self::Namespaces(named) }
    }

    /// One entry per watch of a kind: a namespace, or none for all.
    fn parts(&self) -> Vec<Option<String>> {
        match self {
            Self::Cluster => vec![None],
            Self::Namespaces(names) => names.iter().cloned().map(Some).collect(),
        }
    }
}

/// What is watched in each part of the scope, and the policies.
const KINDS: [&str; 3] = ["imagejobs", "deployments", "pods"];
const POLICIES: &str = "scalepolicies";

fn name_of(kind: &str, namespace: Option<&str>) -> String {
    namespace.map_or_else(|| kind.to_owned(), |namespace| format!("{kind} in {namespace}"))
}

/// Empty caches that wait for all watches of a scope.
pub fn caches(scope: &Scope) -> Caches {
    let parts = scope.parts();
    let names = parts.iter().flat_map(|part| KINDS.map(|kind| name_of(kind, part.as_deref())));
    Caches::waiting_for(names.chain([POLICIES.to_owned()]))
}

/// Watches until dropped.
pub async fn watch(client: Client, scope: &Scope, caches: &Arc<Caches>) {
    let mut watches = tokio::task::JoinSet::new();
    for part in scope.parts() {
        let part = part.as_deref();
        watches.spawn(jobs(api(&client, part), name_of("imagejobs", part), caches.clone()));
        watches.spawn(deployments(api(&client, part), name_of("deployments", part), caches.clone()));
        watches.spawn(pods(api(&client, part), name_of("pods", part), caches.clone()));
    }
    watches.spawn(policies(Api::all(client.clone()), caches.clone()));
    watches.spawn(lookups::look_up(client, caches.clone()));
    while watches.join_next().await.is_some() {}
}

fn api<K: Resource<Scope = NamespaceResourceScope>>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K::DynamicType: Default,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

async fn jobs(api: Api<DeserializeGuard<ImageJob>>, name: String, caches: Arc<Caches>) {
    let key = |job: &DeserializeGuard<ImageJob>| Some(NamespacedName::of(job.meta()));
    let put = |key: NamespacedName, job: Option<DeserializeGuard<ImageJob>>| {
        // A job that is being deleted wants nothing any more; its objects go with it.
        let wanted = job.filter(|job| job.meta().deletion_timestamp.is_none());
        caches.put_job(&key, wanted.map(read));
    };
    follow(stream(api, Config::default()), &name, key, put, || caches.complete(&name)).await;
}

async fn policies(api: Api<DeserializeGuard<ScalePolicy>>, caches: Arc<Caches>) {
    let key = |policy: &DeserializeGuard<ScalePolicy>| Some(policy.name_any());
    let put = |key: String, policy: Option<DeserializeGuard<ScalePolicy>>| caches.put_policy(&key, policy.map(read));
    follow(stream(api, Config::default()), POLICIES, key, put, || caches.complete(POLICIES)).await;
}

async fn deployments(api: Api<Deployment>, name: String, caches: Arc<Caches>) {
    let key = |deployment: &Deployment| labels::belongs_to(&deployment.metadata);
    let put = |(job, role): (NamespacedName, Role), deployment: Option<Deployment>| match deployment
        .as_ref()
        .and_then(DeploymentFacts::of)
    {
        Some(facts) => caches.put_deployment(facts),
        None => caches.drop_deployment(&job, role),
    };
    follow(stream(api, Config::default().labels(labels::SELECTOR)), &name, key, put, || caches.complete(&name)).await;
}

async fn pods(api: Api<Pod>, name: String, caches: Arc<Caches>) {
    let key = |pod: &Pod| labels::belongs_to(&pod.metadata).map(|(job, _)| (job, pod.name_any()));
    let put = |(job, name): (NamespacedName, String), pod: Option<Pod>| match pod.as_ref().and_then(PodFacts::of) {
        Some(facts) => caches.put_pod(facts),
        None => caches.drop_pod(&job, &name),
    };
    follow(stream(api, Config::default().labels(labels::SELECTOR)), &name, key, put, || caches.complete(&name)).await;
}

fn read<K: Resource>(object: DeserializeGuard<K>) -> Read<K> {
    match object.0 {
        Ok(mut object) => {
            // Half of an object's bytes, and nobody reads them.
            object.meta_mut().managed_fields = None;
            Ok(Arc::new(object))
        }
        Err(invalid) => Err(Arc::new(Unreadable { metadata: invalid.metadata, error: invalid.error })),
    }
}

fn stream<K>(api: Api<K>, config: Config) -> impl Stream<Item = Result<Event<K>, Error>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    watcher(api, config).backoff(Pauses::default())
}

/// Hands on what a watch tells. After a gap in the watch everything is told anew; what is not told
/// then is gone.
async fn follow<K, Key: Ord + Clone>(
    events: impl Stream<Item = Result<Event<K>, Error>>,
    name: &str,
    key: impl Fn(&K) -> Option<Key>,
    put: impl Fn(Key, Option<K>),
    complete: impl Fn(),
) {
    let (mut known, mut relisted) = (BTreeSet::new(), BTreeSet::new());
    pin_mut!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => relisted = BTreeSet::new(),
            Ok(Event::InitApply(object)) => {
                if let Some(key) = key(&object) {
                    relisted.insert(key.clone());
                    put(key, Some(object));
                }
            }
            Ok(Event::InitDone) => {
                let gone: Vec<Key> = known.difference(&relisted).cloned().collect();
                for key in gone {
                    put(key, None);
                }
                known = std::mem::take(&mut relisted);
                complete();
            }
            Ok(Event::Apply(object)) => {
                if let Some(key) = key(&object) {
                    known.insert(key.clone());
                    put(key, Some(object));
                }
            }
            Ok(Event::Delete(object)) => {
                if let Some(key) = key(&object) {
                    known.remove(&key);
                    put(key, None);
                }
            }
            Err(error) => {
                tracing::warn!(watch = name, error = %sentence(&error), "a watch broke and is taken up again");
            }
        }
    }
}

/// What went wrong, without kube's repetition of the whole status.
fn sentence(error: &Error) -> String {
    match error {
        Error::InitialListFailed(kube::Error::Api(status)) | Error::WatchStartFailed(kube::Error::Api(status)) => {
            format!("{} ({})", status.message, status.code)
        }
        other => other.to_string(),
    }
}
