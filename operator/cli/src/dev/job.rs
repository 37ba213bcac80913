//! The job that the files describe, put on this machine.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use imagejob_api::document::Documents;
use imagejob_api::{ImageJob, LastResort, ScalePolicy, StorageType, ValidatedJob, validate};
use imagejob_operator::{Desired, Token};
use jiff::Timestamp;

use super::DevArgs;

/// Reads files; what is wrong with them, a line each.
pub(crate) fn documents(files: &[PathBuf]) -> anyhow::Result<Documents> {
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((path.display().to_string(), text))
    };
    let texts: Vec<(String, String)> = files.iter().map(read).collect::<anyhow::Result<_>>()?;
    Documents::read(texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))).map_err(|errors| lines(&errors))
}

/// One error whose text is a line per problem.
fn lines(errors: &[impl ToString]) -> anyhow::Error {
    anyhow!(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// The brokers that a job is put on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Brokers<'a> {
    /// Those that it names.
    AsWritten,
    /// Those at this address, with the job's name and encryption.
    At(&'a str),
    /// The embedded ones at this address, which know neither names nor encryption.
    Embedded(&'a str),
}

/// A job and the policy that it refers to.
pub(crate) struct Chosen {
    /// The job, as written but for what the command line replaces.
    pub(crate) job: ImageJob,
    /// Its policy.
    pub(crate) policy: Option<ScalePolicy>,
    /// Both, merged and checked.
    pub(crate) valid: ValidatedJob,
    created: Timestamp,
}

impl Chosen {
    /// Picks the job, puts it on `brokers`, and on the folder `store` if that is given, and checks it.
    pub(crate) fn of(
        documents: &Documents,
        name: Option<&str>,
        brokers: Brokers<'_>,
        store: Option<&Path>,
        created: Timestamp,
    ) -> anyhow::Result<Self> {
        let mut job = documents.job(name).map_err(|error| anyhow!(error))?.object.clone();
        let kafka = &mut job.spec.source.kafka;
        match brokers {
            Brokers::AsWritten => {}
            Brokers::At(servers) => servers.clone_into(&mut kafka.bootstrap_servers),
            Brokers::Embedded(servers) => {
                servers.clone_into(&mut kafka.bootstrap_servers);
                (kafka.auth, kafka.tls) = (None, None);
            }
        }
        if let Some(store) = store {
            let path = std::path::absolute(store)?;
            let storage = &mut job.spec.storage;
            storage.type_ = StorageType::FileSystem;
            storage.path = Some(path.to_string_lossy().into_owned());
            (storage.endpoint, storage.region, storage.addressing) = (None, None, None);
            (storage.signature_version, storage.secret_ref, storage.identity) = (None, None, None);
        }
        let policy = job.spec.scaling.policy_ref.as_ref().and_then(|policy| documents.policy(&policy.name));
        let policy = policy.map(|policy| policy.object.clone());
        let valid = validate(&job, policy.as_ref(), created)
            .map_err(|problems| lines(&problems.iter().map(|problem| documents.locate(problem)).collect::<Vec<_>>()))?;
        Ok(Self { job, policy, valid, created })
    }

    /// The same job, but what it would skip is dead-lettered: each record leaves a trace, so that the
    /// books can tell it from one that was lost.
    pub(super) fn keeping_what_is_skipped(mut self) -> Self {
        for kept in [&mut self.job.spec.retry.on_exhausted, &mut self.valid.retry.on_exhausted] {
            if *kept == LastResort::Skip {
                *kept = LastResort::DeadLetter;
            }
        }
        self
    }

    /// What reconcile is asked for.
    pub(crate) fn desired(&self, token: Token) -> Desired {
        Desired { job: self.job.clone(), policy: self.policy.clone(), created: self.created, token }
    }
}

impl DevArgs {
    /// The program of dispatchers and workers.
    pub(super) fn worker_program(&self) -> anyhow::Result<PathBuf> {
        const NAME: &str = "imagejob-worker";
        if let Some(program) = &self.worker_program {
            return Ok(program.clone());
        }
        let beside = std::env::current_exe()?.with_file_name(NAME);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let candidates = std::iter::once(beside).chain(std::env::split_paths(&path).map(|folder| folder.join(NAME)));
        candidates.into_iter().find(|candidate| candidate.is_file()).with_context(|| {
            format!("{NAME} is neither beside this program nor in PATH; build it (`make build`) or name it with --worker-program")
        })
    }
}
