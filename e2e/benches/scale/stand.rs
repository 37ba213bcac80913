//! A cluster of simulated nodes with our operator beside it; while it is measured, the API server has a core of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use imagejob_e2e::kube::Kube;
use imagejob_e2e::kube::kubectl::eventually;
use imagejob_e2e::programs::{Process, cpu_seconds, program};
use serde_json::{Value, json};

use crate::dispatchers::{Dispatchers, TOPIC};

/// How long thousands of pods may take to come up.
const LONG: Duration = Duration::from_mins(20);
/// Objects in one `kubectl apply`.
const BATCH: usize = 250;
/// Namespace of all jobs, and of the operator's Lease and key.
pub(crate) const NAMESPACE: &str = "scale";

/// How the operator names itself to the API server.
pub(crate) const OPERATOR: &str = "imagejob-operator/";

/// The cluster, the operator and the dispatchers.
pub(crate) struct Stand {
    pub(crate) kube: Kube,
    pub(crate) provider: PathBuf,
    pub(crate) dispatchers: Dispatchers,
    pub(crate) operator: Process,
    _folder: tempfile::TempDir,
}

impl Stand {
    /// Simulates so many nodes of 32 CPUs and 110 pods, installs the types and starts the operator.
    pub(crate) fn start(nodes: usize) -> anyhow::Result<Self> {
        let kube = Kube::from_environment()?;
        let provider: PathBuf = std::env::var("IMAGEJOB_KUBE").context("IMAGEJOB_KUBE is not set")?.into();
        let dispatchers = Dispatchers::start()?;
        kube.provider(&["simulate-nodes", &nodes.to_string()])?;
        kube.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}).to_string())?;
        let operator = program("imagejob-operator")?;
        let crds = Command::new(&operator).arg("crd").output()?;
        ensure!(crds.status.success(), "{} crd failed", operator.display());
        kube.apply(&String::from_utf8(crds.stdout)?)?;
        kube.run(&[
            "wait",
            "--for=condition=Established",
            "crd/imagejobs.imagejob.dev",
            "crd/scalepolicies.imagejob.dev",
        ])?;
        kube.apply(&policy().to_string())?;
        let folder = tempfile::tempdir()?;
        let arguments = ["run", "--worker-image", "simulated:1", "--own-namespace", NAMESPACE, "--http", "127.0.0.1:0"];
        let operator = Process::start(&operator, "operator", folder.path(), &arguments.map(str::to_owned))?;
        Ok(Self { kube, provider, dispatchers, operator, _folder: folder })
    }

    /// Makes jobs `job-0`, `job-1`, ... and waits until each has its dispatcher heard. From then on
    /// the operator has the first core and the API server the second.
    pub(crate) fn jobs(&self, count: usize, spec: impl Fn(usize) -> Value) -> anyhow::Result<()> {
        let all: Vec<usize> = (0..count).collect();
        for batch in all.chunks(BATCH) {
            let items: Vec<Value> = batch.iter().map(|index| job(*index, &spec(*index))).collect();
            self.kube.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string())?;
        }
        eventually(LONG, &format!("{count} dispatchers are heard"), || {
            let heard = self.dispatchers.heard();
            ensure!(heard >= count, "{heard} are heard");
            Ok(Some(()))
        });
        pin(self.operator.pid(), 0)?;
        pin(pid_of(&self.provider, "kube-apiserver")?, 1)
    }

    /// Processor seconds that the API server used so far.
    pub(crate) fn api_server_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(pid_of(&self.provider, "kube-apiserver")?)
    }
}

/// Workers leave after a second without need, so that bursts can follow each other.
fn policy() -> Value {
    json!({
        "apiVersion": "imagejob.dev/v1alpha1",
        "kind": "ScalePolicy",
        "metadata": {"name": "scale"},
        "spec": {"behavior": {"scaleDownStabilizationSeconds": 1}},
    })
}

fn job(index: usize, scaling: &Value) -> Value {
    let mut scaling = scaling.clone();
    scaling["policyRef"] = json!({"name": "scale"});
    json!({
        "apiVersion": "imagejob.dev/v1alpha1",
        "kind": "ImageJob",
        "metadata": {"name": format!("job-{index}"), "namespace": NAMESPACE},
        "spec": {
            "source": {"kafka": {"bootstrapServers": "kafka:9092", "topics": [TOPIC]}},
            "storage": {"type": "FileSystem", "path": "/data", "buckets": ["photos"]},
            "steps": [{"name": "quality", "quality": {}}],
            "results": {"topic": "results"},
            "delivery": {"slots": 16},
            "dispatcher": {"replicas": 1},
            "scaling": scaling,
        },
    })
}

fn pid_of(provider: &Path, part: &str) -> anyhow::Result<u32> {
    let output = Command::new(provider).args(["pid", part]).output()?;
    let text = String::from_utf8(output.stdout)?;
    text.trim().parse().with_context(|| format!("{part} does not run"))
}

/// A process and all its threads on one core.
fn pin(pid: u32, core: usize) -> anyhow::Result<()> {
    let arguments = ["-a".to_owned(), "-c".to_owned(), "-p".to_owned(), core.to_string(), pid.to_string()];
    let output = Command::new("taskset").args(arguments).output()?;
    ensure!(output.status.success(), "taskset: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
