//! `kubectl` as a process: what a user types is what the stories do.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::wait;

/// A call costs about 0.1 s of processor time, so a condition is not looked at more often.
const PAUSE: Duration = Duration::from_millis(200);

/// What a cluster's provider tells the stories, by environment variables.
#[derive(Debug, Clone)]
pub struct Kube {
    /// The provider's script: `restart`, `kill` and `load` are its commands.
    provider: PathBuf,
    /// Address of this machine that pods can dial.
    pub host_address: String,
    /// Image of the operator.
    pub operator_image: String,
    /// Image of dispatchers and workers.
    pub worker_image: String,
}

impl Kube {
    /// The cluster that `make e2e` stood up.
    pub fn from_environment() -> anyhow::Result<Self> {
        let variable = |name: &str| {
            std::env::var(name).with_context(|| format!("{name} is not set: run `make e2e`, which stands up a cluster"))
        };
        Ok(Self {
            provider: variable("IMAGEJOB_KUBE")?.into(),
            host_address: variable("IMAGEJOB_HOST_ADDRESS")?,
            operator_image: variable("IMAGEJOB_OPERATOR_IMAGE")?,
            worker_image: variable("IMAGEJOB_WORKER_IMAGE")?,
        })
    }

    /// Runs `kubectl` with these arguments; gives what it printed.
    pub fn run(&self, args: &[&str]) -> anyhow::Result<String> {
        self.with_input(args, "")
    }

    /// `kubectl apply --server-side -f -`.
    pub fn apply(&self, manifest: &str) -> anyhow::Result<String> {
        self.with_input(&["apply", "--server-side", "-f", "-"], manifest)
    }

    /// Merges `patch` into an object's spec and metadata.
    pub fn patch(&self, namespace: &str, object: &str, patch: &Value) -> anyhow::Result<()> {
        self.run(&["-n", namespace, "patch", object, "--type", "merge", "-p", &patch.to_string()]).map(drop)
    }

    /// An object, `kind/name`; none if there is none.
    pub fn get(&self, namespace: &str, object: &str) -> anyhow::Result<Option<Value>> {
        let text = self.run(&["-n", namespace, "get", object, "--ignore-not-found", "-o", "json"])?;
        if text.trim().is_empty() { Ok(None) } else { Ok(Some(serde_json::from_str(&text)?)) }
    }

    /// The objects of some kinds (`pods,services`) with these labels.
    pub fn list(&self, namespace: &str, kinds: &str, selector: &str) -> anyhow::Result<Vec<Value>> {
        let text = self.run(&["-n", namespace, "get", kinds, "-l", selector, "-o", "json"])?;
        let list: Value = serde_json::from_str(&text)?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    /// Something that only the one who stood the cluster up can do, e.g. `restart kube-apiserver`.
    pub fn provider(&self, args: &[&str]) -> anyhow::Result<()> {
        let status = Command::new(&self.provider).args(args).status()?;
        ensure!(status.success(), "{} {} ended with {status}", self.provider.display(), args.join(" "));
        Ok(())
    }

    /// Runs `kubectl` with these arguments and this standard input; gives what it printed.
    pub fn with_input(&self, args: &[&str], input: &str) -> anyhow::Result<String> {
        let mut child = Command::new(&self.provider)
            .arg("kubectl")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", self.provider.display()))?;
        child.stdin.take().context("standard input is piped")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "kubectl {}: {}", args.join(" "), complaint.trim());
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// Looks at the cluster until `seen` gives something, and gives it; an error counts as nothing
/// seen, because API servers are restarted in stories.
///
/// # Panics
/// When there is nothing within `limit`; the message is `what` and the last error.
pub fn eventually<T>(limit: Duration, what: &str, mut seen: impl FnMut() -> anyhow::Result<Option<T>>) -> T {
    let start = wait::now();
    loop {
        let error = match seen() {
            Ok(Some(found)) => return found,
            Ok(None) => String::new(),
            Err(error) => format!("; {error:#}"),
        };
        assert!(start.elapsed() < limit, "waited {:.0} s in vain: {what}{error}", limit.as_secs_f64());
        std::thread::sleep(PAUSE);
    }
}
