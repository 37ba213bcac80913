//! The world of one story: a namespace with photos in a store, topics on the broker, and a job.
//! The namespace is deleted when the story ends, also when it fails; what the job said last is
//! shown then.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::Kube;
use super::kubectl::eventually;
use crate::account::{Account, Outcome};
use crate::broker::Kafka;
use crate::s3::{ACCESS_KEY_ID, REGION, S3, SECRET_ACCESS_KEY};
use crate::topics::{self, Topics};
use crate::wait;

/// The job of every story.
pub const JOB: &str = "posters";
/// The one bucket.
pub const BUCKET: &str = "photos";
/// Secret with the store's credentials.
const CREDENTIALS: &str = "store";
/// Where the cluster-wide operator runs.
pub const OPERATOR_NAMESPACE: &str = "imagejob-system";
/// How long nothing may end, on a busy machine and with parts of the cluster down.
const STALL: Duration = Duration::from_mins(1);

/// A namespace, its topics and its store.
pub struct World<'a> {
    /// The cluster.
    pub kube: &'a Kube,
    /// The namespace.
    pub namespace: String,
    /// The broker's topics.
    pub topics: Topics,
    broker: &'a Kafka,
    store: &'a S3,
    photos: Vec<String>,
}

impl<'a> World<'a> {
    /// A namespace of this name under restricted Pod Security, with topics of `partitions` each
    /// and the store's credentials. No job yet.
    pub fn new(kube: &'a Kube, broker: &'a Kafka, store: &'a S3, name: &str, partitions: i32) -> anyhow::Result<Self> {
        let world = Self {
            kube,
            namespace: name.to_owned(),
            topics: Topics::new(broker.bootstrap())?,
            broker,
            store,
            photos: keys(store)?,
        };
        kube.apply(&format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: \
             {{pod-security.kubernetes.io/enforce: restricted}}}}}}"
        ))?;
        for topic in [world.source(), world.results(), world.dead_letters()] {
            world.create_topic(&topic, partitions)?;
        }
        world.apply(&json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": CREDENTIALS},
            "stringData": {"accessKeyId": ACCESS_KEY_ID, "secretAccessKey": SECRET_ACCESS_KEY},
        }))?;
        Ok(world)
    }

    /// One more topic.
    pub fn create_topic(&self, name: &str, partitions: i32) -> anyhow::Result<()> {
        self.broker.create_topic(name, partitions)
    }

    /// Topic of the photos' addresses.
    pub fn source(&self) -> String {
        format!("{}-photos", self.namespace)
    }

    /// Topic of the results.
    pub fn results(&self) -> String {
        format!("{}-results", self.namespace)
    }

    /// Topic of what was given up.
    pub fn dead_letters(&self) -> String {
        format!("{}.dlq", self.source())
    }

    /// The job as a user writes it: small pods, so that many fit on a small node.
    pub fn job(&self) -> Value {
        let small = |container: &str| {
            json!({"spec": {"containers": [{
                "name": container,
                "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
            }]}})
        };
        json!({
            "apiVersion": "imagejob.dev/v1alpha1",
            "kind": "ImageJob",
            "metadata": {"name": JOB},
            "spec": {
                "source": {"kafka": {"bootstrapServers": self.broker.bootstrap(), "topics": [self.source()]}},
                "storage": {
                    "type": "S3",
                    "endpoint": self.store.endpoint(),
                    "region": REGION,
                    "addressing": "Path",
                    "buckets": [BUCKET],
                    "secretRef": {"name": CREDENTIALS},
                },
                "steps": [{"name": "quality", "quality": {}}],
                "results": {"topic": self.results()},
                "deadLetter": {"topic": self.dead_letters()},
                "delivery": {"slots": 2},
                "dispatcher": {"replicas": 1, "template": small("dispatcher")},
                "worker": {"template": small("worker")},
                "scaling": {"maxReplicas": 8, "waitSeconds": 5},
            },
        })
    }

    /// Applies an object in this namespace.
    pub fn apply(&self, object: &Value) -> anyhow::Result<()> {
        let mut object = object.clone();
        object["metadata"]["namespace"] = json!(self.namespace);
        self.kube.apply(&object.to_string()).map(drop)
    }

    /// Sends the addresses of `count` photos.
    pub fn produce(&self, count: usize) -> anyhow::Result<()> {
        let addresses: Vec<String> =
            self.photos.iter().map(|key| json!({"bucket": BUCKET, "key": key}).to_string()).collect();
        self.topics.produce(&self.source(), addresses.iter().cycle().take(count).map(String::as_bytes))
    }

    /// The job's status; null before there is one.
    pub fn status(&self) -> anyhow::Result<Value> {
        let job = self.kube.get(&self.namespace, &format!("imagejob/{JOB}"))?.context("the job exists")?;
        Ok(job["status"].clone())
    }

    /// A condition of the job: status, reason, message.
    pub fn condition(&self, kind: &str) -> anyhow::Result<Option<[String; 3]>> {
        let status = self.status()?;
        let found = status["conditions"].as_array().and_then(|all| all.iter().find(|c| c["type"] == kind));
        let text = |condition: &Value, field: &str| condition[field].as_str().unwrap_or_default().to_owned();
        Ok(found.map(|condition| ["status", "reason", "message"].map(|field| text(condition, field))))
    }

    /// Waits until the condition `kind` has this status and reason; gives its sentence.
    pub fn wait_condition(&self, limit: Duration, kind: &str, status: &str, reason: &str) -> String {
        let what = format!("{kind}={status} because {reason}");
        eventually(limit, &what, || match self.condition(kind)? {
            Some([s, r, message]) if s == status && r == reason => Ok(Some(message)),
            other => anyhow::bail!("{kind} is {other:?}"),
        })
    }

    /// Pods of the job's `dispatcher` or `worker` that are not on their way out.
    pub fn pods(&self, component: &str) -> anyhow::Result<Vec<Value>> {
        let selector = format!("imagejob.dev/job={JOB},app.kubernetes.io/component={component}");
        let mut pods = self.kube.list(&self.namespace, "pods", &selector)?;
        pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        Ok(pods)
    }

    /// Waits until the job has this many workers, Ready all of them.
    pub fn wait_workers(&self, limit: Duration, what: &str, enough: impl Fn(usize) -> bool) -> usize {
        eventually(limit, what, || {
            let pods = self.pods("worker")?;
            let ready = pods.iter().filter(|pod| is_ready(pod)).count();
            anyhow::ensure!(ready == pods.len() && enough(ready), "{ready} of {} workers are Ready", pods.len());
            Ok(Some(ready))
        })
    }

    /// Records that ended so far, duplicates included.
    pub fn ended(&self) -> anyhow::Result<usize> {
        Ok(self.topics.count(&self.results())? + self.topics.count(&self.dead_letters())?)
    }

    /// Waits until `count` records ended, as long as ever more do.
    pub fn wait_ended(&self, count: usize) {
        let mut ended = 0;
        while ended < count {
            let before = ended;
            let what = || format!("{before} of {count} records ended");
            wait::until(STALL, what, || {
                ended = self.ended().unwrap_or_default();
                ended > before
            });
        }
    }

    /// Waits until everything that was sent is committed as finished, and closes the books.
    pub fn close(&self) -> anyhow::Result<Account> {
        let (group, ends) = (format!("{}.{JOB}", self.namespace), self.topics.ends(&self.source())?);
        let committed = || self.topics.committed(&group, &self.source()).unwrap_or_default();
        wait::until(STALL, || format!("committed {:?} of {ends:?}", committed()), || committed() == ends);
        let mut outcomes: Vec<Outcome> = Vec::new();
        for message in self.topics.read(&self.results())? {
            outcomes.push(topics::result(&message)?);
        }
        for message in self.topics.read(&self.dead_letters())? {
            outcomes.push(topics::dead_letter(&message)?);
        }
        Ok(Account::of(&ends, &outcomes))
    }
}

/// The objects of the one bucket.
fn keys(store: &S3) -> anyhow::Result<Vec<String>> {
    let files = std::fs::read_dir(store.bucket(BUCKET))?;
    files.map(|file| Ok(file?.file_name().to_string_lossy().into_owned())).collect()
}

/// Whether a pod is Ready.
pub fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let operator = "-l=app.kubernetes.io/name=imagejob-operator";
            for args in [
                ["-n", &self.namespace, "describe", "imagejob"].as_slice(),
                &["-n", &self.namespace, "get", "deployments,pods", "-o=wide"],
                &["-n", &self.namespace, "get", "events", "--sort-by=.lastTimestamp"],
                &["-n", OPERATOR_NAMESPACE, "logs", operator, "--prefix", "--tail=20"],
                &["-n", &self.namespace, "logs", operator, "--prefix", "--tail=20"],
            ] {
                let seen = self.kube.run(args).unwrap_or_else(|error| format!("{error:#}"));
                eprintln!("--- kubectl {}\n{seen}", args.join(" "));
            }
        }
        if let Err(error) = self.kube.run(&["delete", "namespace", &self.namespace, "--wait=false"]) {
            eprintln!("namespace {} is left behind: {error:#}", self.namespace);
        }
    }
}
