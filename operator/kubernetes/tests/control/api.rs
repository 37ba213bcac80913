//! An API server in memory: get, list, watch, create, replace, server-side apply and delete for the
//! kinds that the operator touches, with faults on request. An apply replaces what was applied before;
//! fields of other managers are not modelled, but for the status.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use imagejob_kubernetes::access::{Where, allows};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// The operator's own namespace.
pub(crate) const OWN: &str = "imagejob-system";

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// What goes wrong just now.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// Nothing is answered, and watches break.
    pub(crate) down: bool,
    /// Writes are carried out, but nobody hears of it.
    pub(crate) replies_lost: bool,
    /// This many writes are answered with this code, without being carried out.
    pub(crate) failing: Option<(u16, u32)>,
    /// Watches tell this late.
    pub(crate) watch_delay: Duration,
    /// Writes of jobs' objects take this long.
    pub(crate) write_delay: Duration,
}

/// Collection (`apps/deployments`), namespace, name.
type Key = (String, String, String);

/// A write that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) verb: &'static str,
    /// `deployments`, `imagejobs/status`.
    pub(crate) resource: String,
    pub(crate) name: String,
}

#[derive(Debug, Clone)]
struct Change {
    version: u64,
    kind: &'static str,
    key: Key,
    object: Value,
}

#[derive(Debug)]
struct Watcher {
    collection: String,
    namespace: Option<String>,
    selector: Option<(String, String)>,
    sender: mpsc::Sender<Bytes>,
}

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<Key, Value>,
    version: u64,
    log: Vec<Change>,
    watchers: Vec<Watcher>,
    faults: Faults,
    writes: Vec<Write>,
    created: u64,
    /// Requests that the operator's rights do not cover.
    forbidden: Vec<String>,
}

/// The server; clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct ApiServer(Arc<Mutex<Inner>>);

/// Where a request leads.
struct Target {
    collection: String,
    group: String,
    resource: String,
    namespace: Option<String>,
    name: Option<String>,
    subresource: Option<String>,
    query: BTreeMap<String, String>,
}

impl Target {
    fn of(uri: &http::Uri) -> Self {
        let mut parts = uri.path().trim_matches('/').split('/').map(str::to_owned);
        let group = match parts.next().as_deref() {
            Some("apis") => parts.next().unwrap(),
            _ => String::new(),
        };
        parts.next().unwrap();
        let mut rest: Vec<String> = parts.collect();
        let namespace = (rest[0] == "namespaces" && rest.len() > 2).then(|| {
            let namespace = rest[1].clone();
            rest.drain(..2);
            namespace
        });
        let mut rest = rest.into_iter();
        let resource = rest.next().unwrap();
        let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        Self {
            collection: format!("{group}/{resource}"),
            group,
            resource,
            namespace,
            name: rest.next(),
            subresource: rest.next(),
            query: pairs.map(|(key, value)| (key.to_owned(), value.replace("%3D", "=").replace("%2F", "/"))).collect(),
        }
    }

    fn key(&self) -> Key {
        (self.collection.clone(), self.namespace.clone().unwrap_or_default(), self.name.clone().unwrap_or_default())
    }

    fn selector(&self) -> Option<(String, String)> {
        let (key, value) = self.query.get("labelSelector")?.split_once('=')?;
        Some((key.to_owned(), value.to_owned()))
    }

    fn verb(&self, method: &Method) -> &'static str {
        match (method, self.name.is_some()) {
            (&Method::GET, true) => "get",
            (&Method::GET, false) if self.query.contains_key("watch") => "watch",
            (&Method::GET, false) => "list",
            (&Method::POST, _) => "create",
            (&Method::PUT, _) => "update",
            (&Method::PATCH, _) => "patch",
            (&Method::DELETE, _) => "delete",
            _ => "other",
        }
    }
}

impl ApiServer {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// A client of this server.
    pub(crate) fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { server.answer(request).await }
        });
        Client::new(service, OWN)
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        let mut inner = self.lock();
        inner.faults = faults;
        if faults.down {
            inner.watchers.clear();
        }
    }

    /// Ends all watches, as a restart does.
    pub(crate) fn break_watches(&self) {
        self.lock().watchers.clear();
    }

    /// Objects of a kind, by name.
    pub(crate) fn all(&self, collection: &str) -> Vec<Value> {
        let inner = self.lock();
        inner.objects.iter().filter(|((of, ..), _)| of == collection).map(|(_, object)| object.clone()).collect()
    }

    pub(crate) fn find(&self, collection: &str, namespace: &str, name: &str) -> Option<Value> {
        self.lock().objects.get(&(collection.to_owned(), namespace.to_owned(), name.to_owned())).cloned()
    }

    /// Writes of the operators that were carried out.
    pub(crate) fn writes(&self) -> Vec<Write> {
        self.lock().writes.clone()
    }

    /// Requests beyond the operator's rights.
    pub(crate) fn forbidden(&self) -> Vec<String> {
        self.lock().forbidden.clone()
    }

    /// Somebody else creates or changes an object; its spec makes a generation.
    pub(crate) fn put(&self, collection: &str, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut inner = self.lock();
        let key = (collection.to_owned(), namespace.to_owned(), name.to_owned());
        let mut object = inner.objects.get(&key).cloned().unwrap_or_else(|| json!({"metadata": {}}));
        change(&mut object);
        inner.store(key, object);
    }

    /// Somebody deletes an object, and the garbage collector all that it owned.
    pub(crate) fn remove(&self, collection: &str, namespace: &str, name: &str) {
        self.lock().collect((collection.to_owned(), namespace.to_owned(), name.to_owned()));
    }

    /// Grows with each change of anything.
    pub(crate) fn version(&self) -> u64 {
        self.lock().version
    }

    async fn answer(&self, request: Request<Body>) -> Result<Answer, std::io::Error> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
        let target = Target::of(&head.uri);
        if self.lock().faults.down {
            return Err(std::io::Error::other("connection refused"));
        }
        if target.query.contains_key("watch") {
            self.lock().note_rights(&target, "watch");
            return Ok(self.watch(&target));
        }
        let delay = self.lock().faults.write_delay;
        if head.method == Method::PATCH && !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let answer = self.lock().answer(&target, &head.method, &body);
        let written = head.method != Method::GET;
        if written && self.lock().faults.replies_lost {
            std::future::pending::<()>().await;
        }
        Ok(answer)
    }

    fn watch(&self, target: &Target) -> Answer {
        let (sender, receiver) = mpsc::channel(10_000);
        let mut inner = self.lock();
        let since: u64 = target.query.get("resourceVersion").and_then(|text| text.parse().ok()).unwrap_or(0);
        let watcher = Watcher {
            collection: target.collection.clone(),
            namespace: target.namespace.clone(),
            selector: target.selector(),
            sender,
        };
        for change in inner.log.iter().filter(|change| change.version > since) {
            watcher.tell(change);
        }
        inner.watchers.push(watcher);
        let delay = inner.faults.watch_delay;
        let frames = ReceiverStream::new(receiver).then(move |line| async move {
            tokio::time::sleep(delay).await;
            Ok(Frame::data(line))
        });
        Response::new(StreamBody::new(frames).boxed_unsync())
    }
}

impl Watcher {
    fn tell(&self, change: &Change) -> bool {
        let (collection, namespace, _) = &change.key;
        let ours = *collection == self.collection
            && self.namespace.as_ref().is_none_or(|of| of == namespace)
            && self.selector.as_ref().is_none_or(|(key, value)| change.object["metadata"]["labels"][key] == *value);
        let line = format!("{}\n", json!({"type": change.kind, "object": change.object}));
        !ours || self.sender.try_send(line.into()).is_ok()
    }
}

impl Inner {
    fn answer(&mut self, target: &Target, method: &Method, body: &[u8]) -> Answer {
        let verb = target.verb(method);
        self.note_rights(target, verb);
        if method != Method::GET
            && let Some((code, times @ 1..)) = self.faults.failing
        {
            self.faults.failing = Some((code, times - 1));
            return failure(code, "as the test wants it");
        }
        let sent: Value = serde_json::from_slice(body).unwrap_or_default();
        let answer = match verb {
            "get" => self.objects.get(&target.key()).cloned().ok_or(404),
            "list" => Ok(self.list(target)),
            "create" => self.create(target, sent),
            "update" => self.update(target, sent),
            "patch" => self.apply(target, sent),
            "delete" => self.drop_object(&target.key()).ok_or(404),
            _ => Err(405),
        };
        match answer {
            Ok(object) => {
                if method != Method::GET {
                    let sub = target.subresource.as_ref().map(|sub| format!("/{sub}")).unwrap_or_default();
                    let name = target.name.clone().or_else(|| Some(object["metadata"]["name"].as_str()?.to_owned()));
                    let resource = format!("{}{sub}", target.resource);
                    self.writes.push(Write { verb, resource, name: name.unwrap_or_default() });
                }
                Response::new(Full::from(object.to_string()).boxed_unsync())
            }
            Err(code) => failure(code, target.collection.as_str()),
        }
    }

    fn note_rights(&mut self, target: &Target, verb: &str) {
        let sub = target.subresource.as_ref().map(|sub| format!("/{sub}")).unwrap_or_default();
        let resource = format!("{}{sub}", target.resource);
        let own = target.namespace.as_deref() == Some(OWN);
        let scopes = [Where::Jobs, Where::Cluster, Where::Whole, Where::Own];
        let scopes = scopes.into_iter().filter(|scope| *scope != Where::Own || own);
        let mut allowed = scopes.map(|scope| allows(scope, &target.group, &resource, verb));
        if !allowed.any(|allowed| allowed) {
            self.forbidden.push(format!("{verb} {}/{resource}", target.group));
        }
    }

    fn list(&self, target: &Target) -> Value {
        let fits = |key: &Key, object: &Value| {
            key.0 == target.collection
                && target.namespace.as_ref().is_none_or(|namespace| *namespace == key.1)
                && target.selector().is_none_or(|(key, value)| object["metadata"]["labels"][key] == value)
        };
        let items: Vec<&Value> =
            self.objects.iter().filter(|(key, object)| fits(key, object)).map(|(_, object)| object).collect();
        json!({"metadata": {"resourceVersion": self.version.to_string()}, "items": items})
    }

    fn create(&mut self, target: &Target, object: Value) -> Result<Value, u16> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let key = (target.collection.clone(), target.namespace.clone().unwrap_or_default(), name);
        if self.objects.contains_key(&key) {
            return Err(409);
        }
        Ok(self.store(key, object))
    }

    fn update(&mut self, target: &Target, object: Value) -> Result<Value, u16> {
        let current = self.objects.get(&target.key()).ok_or(404u16)?;
        if current["metadata"]["resourceVersion"] != object["metadata"]["resourceVersion"] {
            return Err(409);
        }
        Ok(self.store(target.key(), object))
    }

    fn apply(&mut self, target: &Target, sent: Value) -> Result<Value, u16> {
        let key = target.key();
        let current = self.objects.get(&key).cloned();
        if target.subresource.is_some() {
            let mut object = current.ok_or(404u16)?;
            if object["metadata"]["uid"] != sent["metadata"]["uid"] {
                return Err(409);
            }
            object["status"] = sent["status"].clone();
            return Ok(self.store(key, object));
        }
        let mut object = sent;
        if let Some(current) = current {
            for field in ["uid", "creationTimestamp", "resourceVersion", "generation"] {
                object["metadata"][field] = current["metadata"][field].clone();
            }
            object["status"] = current["status"].clone();
        }
        Ok(self.store(key, object))
    }

    /// Stores an object as a server does: a version, a generation per spec, nothing if nothing changed.
    fn store(&mut self, key: Key, mut object: Value) -> Value {
        let before = self.objects.get(&key).cloned();
        object["metadata"]["name"] = json!(key.2);
        if !key.1.is_empty() {
            object["metadata"]["namespace"] = json!(key.1);
        }
        if let Some(before) = &before {
            let generation = before["metadata"]["generation"].as_u64().unwrap_or(1);
            let generation = generation + u64::from(before["spec"] != object["spec"]);
            object["metadata"]["uid"] = before["metadata"]["uid"].clone();
            object["metadata"]["generation"] = json!(generation);
            object["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
            if *before == object {
                return object;
            }
        } else {
            self.created += 1;
            object["metadata"]["uid"] = json!(format!("uid-{}", self.created));
            object["metadata"]["generation"] = json!(1);
            if object["metadata"]["creationTimestamp"].is_null() {
                object["metadata"]["creationTimestamp"] = json!("2026-11-20T00:00:00Z");
            }
        }
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(key.clone(), object.clone());
        self.tell(if before.is_some() { "MODIFIED" } else { "ADDED" }, key, object.clone());
        object
    }

    /// Deletes an object and all that it owned, and what these owned.
    fn collect(&mut self, key: Key) {
        let Some(gone) = self.drop_object(&key) else { return };
        let uid = gone["metadata"]["uid"].clone();
        let owned = |object: &Value| {
            let owners = object["metadata"]["ownerReferences"].as_array();
            owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == uid))
        };
        let keys: Vec<Key> =
            self.objects.iter().filter(|(_, object)| owned(object)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.collect(key);
        }
    }

    fn drop_object(&mut self, key: &Key) -> Option<Value> {
        let mut object = self.objects.remove(key)?;
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.tell("DELETED", key.clone(), object.clone());
        Some(object)
    }

    fn tell(&mut self, kind: &'static str, key: Key, object: Value) {
        let change = Change { version: self.version, kind, key, object };
        self.watchers.retain(|watcher| watcher.tell(&change));
        self.log.push(change);
    }
}

fn failure(code: u16, message: &str) -> Answer {
    let reason = match code {
        404 => "NotFound",
        409 => "AlreadyExists",
        _ => "Other",
    };
    let body = json!({"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": code});
    let mut answer = Response::new(Full::from(body.to_string()).boxed_unsync());
    *answer.status_mut() = StatusCode::from_u16(code).unwrap();
    answer
}
