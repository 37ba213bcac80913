//! What surrounds the operator in these tests: the API server, a controller-manager with nodes that
//! start pods, dispatchers that report, and the operators themselves. All on one paused clock.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imagejob_kubernetes::operator::{Operator, Options};
use imagejob_kubernetes::records::Records;
use imagejob_kubernetes::render::Defaults;
use imagejob_kubernetes::watches::Scope;
use imagejob_operator::track::Track;
use imagejob_operator::{Clock, Reading, Sensor, Targets};
use imagejob_protocol::wire::{Arrivals, PartitionReport, Report, TopicReport};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::api::{ApiServer, OWN};

pub(crate) const JOBS: &str = "imagejob.dev/imagejobs";
pub(crate) const POLICIES: &str = "imagejob.dev/scalepolicies";
pub(crate) const DEPLOYMENTS: &str = "apps/deployments";
pub(crate) const PODS: &str = "/pods";
pub(crate) const LEASES: &str = "coordination.k8s.io/leases";
pub(crate) const EVENTS: &str = "events.k8s.io/events";

/// Namespace of all jobs here.
pub(crate) const MEDIA: &str = "media";

/// Time from a pod's creation to its readiness.
const START_UP: Duration = Duration::from_secs(2);

/// How often the controller-manager and the nodes look.
const TICK: Duration = Duration::from_millis(100);

/// A clock that follows tokio's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paused {
    began: Instant,
    base: Timestamp,
}

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        self.base + SignedDuration::try_from(self.began.elapsed()).unwrap()
    }
}

/// What dispatchers would report, by job.
#[derive(Debug, Default)]
struct Lag {
    waiting: u64,
    silent: bool,
    /// Records that came in each second of the last ten minutes.
    per_second: u32,
}

/// Lag of all jobs by namespace and name; whoever changes it rings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Topic(Arc<Mutex<BTreeMap<String, Lag>>>, Arc<Notify>);

impl Topic {
    /// So many records wait for the dispatcher at this address.
    pub(crate) fn waiting(&self, address: &str, records: u64) {
        self.0.lock().unwrap().entry(address.to_owned()).or_default().waiting = records;
        self.1.notify_waiters();
    }

    /// So many records came in each second of the last ten minutes at the dispatcher at this address.
    pub(crate) fn come(&self, address: &str, per_second: u32) {
        self.0.lock().unwrap().entry(address.to_owned()).or_default().per_second = per_second;
        self.1.notify_waiters();
    }

    /// The dispatcher at this address does not report, or does again.
    pub(crate) fn silence(&self, address: &str, silent: bool) {
        self.0.lock().unwrap().entry(address.to_owned()).or_default().silent = silent;
    }
}

/// Hears one report of each dispatcher whenever it is asked. The first dispatcher of a job holds its
/// only partition.
#[derive(Debug)]
pub(crate) struct Ears {
    topic: Topic,
    clock: Paused,
    targets: Mutex<Vec<String>>,
}

impl Sensor for Ears {
    fn listen(&self, targets: &Targets) {
        let mut known = self.targets.lock().unwrap();
        if *known != targets.addresses {
            known.clone_from(&targets.addresses);
            self.topic.1.notify_waiters();
        }
    }

    fn readings(&self) -> Vec<Reading> {
        let targets = self.targets.lock().unwrap().clone();
        let lags = self.topic.0.lock().unwrap();
        let first = targets.first().cloned();
        let heard = targets.iter().filter(|address| lags.get(*address).is_none_or(|lag| !lag.silent));
        let report = |address: &String| {
            let (waiting, per_second) = lags.get(address).map_or((0, 0), |lag| (lag.waiting, lag.per_second));
            let now = self.clock.now().as_millisecond();
            let arrivals = Arrivals { start_ms: now - 600_000, bin_ms: 1_000, records: vec![per_second; 600] };
            let partition = PartitionReport { topic: "photos".to_owned(), waiting, ..PartitionReport::default() };
            Report {
                dispatcher_id: address.clone(),
                topics: vec![TopicReport { topic: "photos".to_owned(), partitions: 1 }],
                observed_ms: now,
                arrivals: (per_second > 0).then_some(arrivals),
                partitions: if first.as_ref() == Some(address) { vec![partition] } else { Vec::new() },
                ..Report::default()
            }
        };
        heard
            .filter_map(|address| {
                let mut track = Track::default();
                track.absorb(self.clock.now(), report(address));
                track.reading()
            })
            .collect()
    }

    fn changed(&self) -> impl Future<Output = ()> + Send {
        self.topic.1.notified()
    }
}

/// An operator process.
pub(crate) struct Process {
    stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
    /// What it decided.
    pub(crate) records: Arc<Records>,
}

impl Process {
    /// SIGTERM.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        timeout(Duration::from_secs(5), self.task).await.expect("it stops within 5 s").unwrap();
    }

    /// SIGKILL.
    pub(crate) fn kill(self) {
        self.task.abort();
    }
}

pub(crate) struct World {
    pub(crate) api: ApiServer,
    pub(crate) topic: Topic,
    pub(crate) clock: Paused,
    nodes: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.nodes.abort();
        let forbidden = self.api.forbidden();
        assert!(std::thread::panicking() || forbidden.is_empty(), "beyond the operator's rights: {forbidden:?}");
    }
}

impl World {
    #[allow(clippy::disallowed_methods)] // The paused clock of the test itself.
    pub(crate) fn new() -> Self {
        let clock = Paused { began: Instant::now(), base: "2026-11-20T12:00:00Z".parse().unwrap() };
        let api = ApiServer::default();
        let nodes = tokio::spawn(nodes(api.clone(), clock));
        Self { api, topic: Topic::default(), clock, nodes }
    }

    pub(crate) fn operator(&self, name: &str) -> Process {
        self.operator_in(name, Scope::Cluster)
    }

    pub(crate) fn operator_in(&self, name: &str, scope: Scope) -> Process {
        let options = Options {
            scope,
            defaults: Defaults {
                worker_image: "imagejob-worker:test".to_owned(),
                image_pull_policy: None,
                run_as: Some(Defaults::NON_ROOT),
                network_policy: None,
            },
            namespace: OWN.to_owned(),
            identity: name.to_owned(),
            elect: true,
        };
        let stop = CancellationToken::new();
        let (client, topic, clock) = (self.api.client(), self.topic.clone(), self.clock);
        let sensor = move || Ears { topic: topic.clone(), clock, targets: Mutex::default() };
        let stopped = stop.clone();
        let operator = Operator::new(options, clock);
        let records = operator.records.clone();
        let task = tokio::spawn(async move { operator.run(client, sensor, stopped).await.unwrap() });
        Process { stop, task, records }
    }

    /// A job with one topic of one partition.
    pub(crate) fn apply_job(&self, name: &str) {
        self.edit_job(name, |_| {});
    }

    pub(crate) fn edit_job(&self, name: &str, edit: impl FnOnce(&mut Value)) {
        self.edit_job_in(MEDIA, name, edit);
    }

    pub(crate) fn edit_job_in(&self, namespace: &str, name: &str, edit: impl FnOnce(&mut Value)) {
        self.api.put(JOBS, namespace, name, |job| {
            if job["spec"].is_null() {
                job["apiVersion"] = json!("imagejob.dev/v1alpha1");
                job["kind"] = json!("ImageJob");
                job["spec"] = json!({
                    "source": {"kafka": {"bootstrapServers": "kafka:9092", "topics": ["photos"]}},
                    "storage": {"type": "FileSystem", "path": "/data", "buckets": ["photos"]},
                    "steps": [{"name": "quality", "quality": {}}],
                    "results": {"topic": "results"},
                    "scaling": {"waitSeconds": 10, "maxReplicas": 40},
                });
            }
            edit(job);
        });
    }

    /// The day on which all this happens, UTC.
    pub(crate) fn today(&self) -> Date {
        self.clock.now().to_zoned(TimeZone::UTC).date()
    }

    pub(crate) fn workers(&self, job: &str) -> Option<u64> {
        self.api.find(DEPLOYMENTS, MEDIA, &format!("{job}-worker"))?["spec"]["replicas"].as_u64()
    }

    pub(crate) fn status(&self, job: &str) -> Value {
        self.api.find(JOBS, MEDIA, job).map(|job| job["status"].clone()).unwrap_or_default()
    }

    /// `True/Working`.
    pub(crate) fn condition(&self, job: &str, type_: &str) -> String {
        let status = self.status(job);
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let condition = conditions.into_iter().find(|condition| condition["type"] == type_).unwrap_or_default();
        let text = |field: &str| condition[field].as_str().unwrap_or("-").to_owned();
        format!("{}/{}", text("status"), text("reason"))
    }

    /// Records that wait for a job.
    pub(crate) fn waiting(&self, job: &str, records: u64) {
        for address in self.dispatchers(job) {
            self.topic.waiting(&address, records);
        }
    }

    /// Addresses of a job's dispatchers.
    pub(crate) fn dispatchers(&self, job: &str) -> Vec<String> {
        let pods = self.api.all(PODS);
        let ours = pods.iter().filter(|pod| {
            pod["metadata"]["labels"]["imagejob.dev/job"] == job
                && pod["metadata"]["labels"]["app.kubernetes.io/component"] == "dispatcher"
        });
        ours.filter_map(|pod| Some(format!("{}:7400", pod["status"]["podIP"].as_str()?))).collect()
    }

    /// The name of the leader.
    pub(crate) fn leader(&self) -> Option<String> {
        let lease = self.api.find(LEASES, OWN, "imagejob-operator")?;
        lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
    }

    /// Writes but those of the Lease and Events.
    pub(crate) fn writes(&self) -> Vec<String> {
        let writes = self.api.writes();
        let counted = writes.iter().filter(|write| write.resource != "leases" && write.resource != "events");
        counted.map(|write| format!("{} {} {}", write.verb, write.resource, write.name)).collect()
    }

    /// Waits for a condition in virtual time.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waited = timeout(Duration::from_mins(2), async {
            while !holds(self) {
                sleep(Duration::from_millis(50)).await;
            }
        });
        if waited.await.is_err() {
            let jobs: Vec<Value> = self.api.all(JOBS).iter().map(|job| job["status"].clone()).collect();
            panic!("never came true: {what}\nwrites {:#?}\n{jobs:#?}", self.writes());
        }
    }

    pub(crate) async fn ready(&self, job: &str) {
        self.until("the job is ready", |world| world.condition(job, "Ready") == "True/Working").await;
    }
}

/// Deployments get pods, pods get ready; nothing else happens on these nodes.
async fn nodes(api: ApiServer, clock: Paused) {
    let (mut number, mut seen) = (0u32, 0);
    let mut starting: BTreeMap<String, Timestamp> = BTreeMap::new();
    loop {
        sleep(TICK).await;
        if api.version() != seen {
            keep_count(&api, clock, &mut number, &mut starting);
            seen = api.version();
        }
        let up = |born: &Timestamp| clock.now().duration_since(*born) >= SignedDuration::try_from(START_UP).unwrap();
        let due: Vec<String> = starting.iter().filter(|(_, born)| up(born)).map(|(name, _)| name.clone()).collect();
        for name in due {
            starting.remove(&name);
            let pods = api.all(PODS);
            let Some(pod) = pods.iter().find(|pod| pod["metadata"]["name"] == name.as_str()) else { continue };
            // One that a test has given a fault stays as it is.
            if pod["status"]["containerStatuses"].is_null() {
                api.put(PODS, pod["metadata"]["namespace"].as_str().unwrap(), &name, |pod| {
                    let ready = json!({"type": "Ready", "status": "True", "lastTransitionTime": seconds(clock.now())});
                    pod["status"]["conditions"] = json!([ready]);
                });
            }
        }
    }
}

/// As many pods as each Deployment asks for.
fn keep_count(api: &ApiServer, clock: Paused, number: &mut u32, starting: &mut BTreeMap<String, Timestamp>) {
    let pods = api.all(PODS);
    for deployment in api.all(DEPLOYMENTS) {
        let name = deployment["metadata"]["name"].as_str().unwrap();
        let namespace = deployment["metadata"]["namespace"].as_str().unwrap();
        let wanted = deployment["spec"]["replicas"].as_u64().unwrap() as usize;
        let ours: Vec<&Value> = pods.iter().filter(|pod| pod["spec"]["of"] == deployment["metadata"]["uid"]).collect();
        for pod in ours.iter().skip(wanted) {
            api.remove(PODS, namespace, pod["metadata"]["name"].as_str().unwrap());
        }
        for _ in ours.len()..wanted {
            *number += 1;
            let pod = format!("{name}-{number}");
            starting.insert(pod.clone(), clock.now());
            api.put(PODS, namespace, &pod, |object| {
                object["metadata"]["labels"] = deployment["spec"]["template"]["metadata"]["labels"].clone();
                object["metadata"]["creationTimestamp"] = json!(seconds(clock.now()));
                object["metadata"]["ownerReferences"] = json!([{"uid": deployment["metadata"]["uid"]}]);
                object["spec"] = json!({"of": deployment["metadata"]["uid"], "containers": []});
                object["status"] = json!({"podIP": format!("10.0.{}.{}", *number / 250, *number % 250)});
            });
        }
    }
}

fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap().to_string()
}
