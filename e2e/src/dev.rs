//! `imagejob dev`, as a user runs it, and the decisions that it wrote down.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Deserialize;
use tempfile::TempDir;

use crate::broker::Broker;
use crate::programs::{Process, program};

/// A line of `decisions.jsonl`: written whenever the count or the reason changes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// When it was made.
    pub at: Timestamp,
    /// Workers wanted.
    pub replicas: u32,
    /// Stable word.
    pub reason: String,
    /// Records that waited.
    pub waiting: u64,
}

fn folder() -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix("imagejob-dev-").tempdir()
}

/// A running `imagejob dev`.
pub struct Dev {
    process: Process,
    run: PathBuf,
    /// After the process, whose files lie in here.
    _folder: TempDir,
}

impl Dev {
    /// Runs the job of `yaml` on `broker`, with `objects` as the files of its bucket.
    pub fn start(broker: &Broker, yaml: &str, bucket: &str, objects: &[(&str, &[u8])]) -> anyhow::Result<Self> {
        let folder = folder()?;
        let store = folder.path().join("store");
        std::fs::create_dir_all(store.join(bucket))?;
        for (key, bytes) in objects {
            std::fs::write(store.join(bucket).join(key), bytes)?;
        }
        Self::run(folder, broker, yaml, ("--store", &store))
    }

    /// Runs the job of `yaml` on `broker` and the store that it names, with `secrets` as the folder of its
    /// Secrets.
    pub fn with_secrets(broker: &Broker, yaml: &str, secrets: &Path) -> anyhow::Result<Self> {
        Self::run(folder()?, broker, yaml, ("--secrets", secrets))
    }

    fn run(folder: TempDir, broker: &Broker, yaml: &str, option: (&str, &Path)) -> anyhow::Result<Self> {
        let (run, job) = (folder.path().join("run"), folder.path().join("job.yaml"));
        std::fs::write(&job, yaml)?;
        let text = |path: &Path| path.display().to_string();
        let mut args = vec!["dev".to_owned(), text(&job), "--plain".to_owned()];
        let options =
            [("--bootstrap-servers", broker.bootstrap()), (option.0, text(option.1)), ("--run-dir", text(&run))];
        args.extend(options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
        let process = Process::start(&program("imagejob")?, "dev", folder.path(), &args)?;
        Ok(Self { process, run, _folder: folder })
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Every decision so far; none before it began.
    pub fn decisions(&self) -> anyhow::Result<Vec<Decision>> {
        let text = std::fs::read_to_string(self.run.join("decisions.jsonl")).unwrap_or_default();
        // The last line may be half written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).with_context(|| format!("decision {line:?}"))).collect()
    }
}
