//! Where processes find the Secrets that a job names. Nothing here ever reads one: what runs the processes
//! puts each into a folder, a file per key, and settings name that folder.

use std::path::{Path, PathBuf};

use imagejob_api::ValidatedJob;
use imagejob_api::validate::StoreAccess;

/// What a Secret of a job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Access to the objects: `accessKeyId`, `secretAccessKey`, perhaps `sessionToken`.
    Storage,
    /// Who we are to the brokers: `username`, `password`.
    Kafka,
    /// Whom we trust and what we show on encrypted connections: any of `ca.crt`, `tls.crt`, `tls.key`.
    KafkaTls,
}

impl Purpose {
    /// Where a pod has the Secret mounted.
    pub const fn mount_path(self) -> &'static str {
        match self {
            Self::Storage => "/etc/imagejob/storage",
            Self::Kafka => "/etc/imagejob/kafka",
            Self::KafkaTls => "/etc/imagejob/kafka-tls",
        }
    }
}

/// Where Secrets lie, for the processes of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SecretPaths {
    /// Each in the folder of its [purpose](Purpose::mount_path), as in a pod.
    #[default]
    Mounted,
    /// Each in a folder of its name, in this one.
    In(PathBuf),
}

impl SecretPaths {
    /// The folder of one Secret.
    pub fn of(&self, purpose: Purpose, name: &str) -> PathBuf {
        match self {
            Self::Mounted => Path::new(purpose.mount_path()).to_owned(),
            Self::In(folder) => folder.join(name),
        }
    }
}

/// The Secrets that a job names, which are the user's. Dispatchers need those for Kafka, workers all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecretNames {
    /// For [`Purpose::Storage`].
    pub storage: Option<String>,
    /// For [`Purpose::Kafka`].
    pub kafka: Option<String>,
    /// For [`Purpose::KafkaTls`].
    pub kafka_tls: Option<String>,
}

impl SecretNames {
    /// Those of a job.
    pub fn of(job: &ValidatedJob) -> Self {
        Self {
            storage: match job.storage.kind.access() {
                Some(StoreAccess::Secret(name)) => Some(name.clone()),
                Some(StoreAccess::Pod | StoreAccess::Node) | None => None,
            },
            kafka: job.source.auth.as_ref().map(|auth| auth.secret.clone()),
            kafka_tls: job.source.tls.as_ref().and_then(|tls| tls.secret.clone()),
        }
    }
}
