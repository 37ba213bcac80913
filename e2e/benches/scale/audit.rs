//! The API server's own record of who wrote what.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// The audit log from a moment on.
pub(crate) struct Audit {
    log: PathBuf,
    from: u64,
}

impl Audit {
    /// What is logged after this call; needs a cluster that was made with `KUBE_AUDIT=yes`.
    pub(crate) fn from_now() -> anyhow::Result<Self> {
        let folder = std::env::var("IMAGEJOB_CLUSTER_DIR").context("IMAGEJOB_CLUSTER_DIR is not set")?;
        let log = PathBuf::from(folder).join("log/audit");
        let from = log.metadata().with_context(|| format!("no {}: set KUBE_AUDIT=yes", log.display()))?.len();
        Ok(Self { log, from })
    }

    /// Requests that changed something, or tried to, per `verb resource`, of clients whose user
    /// agent begins so.
    pub(crate) fn writes_by(&self, user_agent: &str) -> anyhow::Result<BTreeMap<String, usize>> {
        let mut log = File::open(&self.log)?;
        // The server begins a new file after 100 MB unless told otherwise, which would hide writes.
        ensure!(log.metadata()?.len() >= self.from, "{} was rotated", self.log.display());
        log.seek(SeekFrom::Start(self.from))?;
        let mut writes = BTreeMap::new();
        for line in BufReader::new(log).lines() {
            let event: Value = serde_json::from_str(&line?)?;
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let verb = text(&event["verb"]);
            let is_write = ["create", "update", "patch", "delete", "deletecollection"].contains(&verb.as_str());
            if is_write && text(&event["userAgent"]).starts_with(user_agent) {
                let resource = text(&event["objectRef"]["resource"]);
                let subresource = text(&event["objectRef"]["subresource"]);
                let kind = format!("{verb} {resource} {subresource}").trim_end().to_owned();
                *writes.entry(kind).or_default() += 1;
            }
        }
        Ok(writes)
    }
}
