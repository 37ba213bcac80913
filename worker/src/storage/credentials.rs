//! The access key of a worker: read where the job says, kept while it is good.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::Access;
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::identity::{Chain, Family};
use crate::clock;
use crate::outcome::Failure;

/// A temporary key is replaced this long before it ends: a request signed with it may take that long.
const HEADROOM: Duration = Duration::from_mins(2);

/// An access key. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) secret: String,
    /// Belongs to temporary keys.
    pub(super) token: Option<String>,
    /// When a temporary key ends, where that is known.
    pub(super) ends: Option<Timestamp>,
}

/// The present key, and where the next comes from.
#[derive(Debug)]
pub(super) struct Keys {
    source: Source,
    /// One reads while the others wait: a thousand photos ask an identity provider once.
    present: Mutex<Option<Arc<Key>>>,
}

#[derive(Debug)]
enum Source {
    /// Files of a Secret, which whoever rotates the key writes anew.
    Secret(PathBuf),
    /// The environment and the identity of the pod, or that of the node.
    Identity(Chain),
}

/// What a store says of a key that it does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It does not allow this request; files may say another key meanwhile, an identity stays what it is.
    NotAllowed,
    /// It is not good any more.
    Outdated,
}

impl Keys {
    pub(super) fn new(access: &Access, family: Family) -> Self {
        let source = match access {
            Access::Secret { directory } => Source::Secret(directory.clone()),
            Access::Pod {} => Source::Identity(Chain::of_pod(family)),
            Access::Node {} => Source::Identity(Chain::of_node(family)),
        };
        Self { source, present: Mutex::default() }
    }

    /// The present key.
    ///
    /// # Errors
    /// `CredentialsUnavailable`, with what was tried.
    pub(super) async fn key(&self) -> Result<Arc<Key>, Failure> {
        let mut present = self.present.lock().await;
        if let Some(key) = present.as_ref().filter(|key| key.is_good_at(clock::timestamp())) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(self.read().await?);
        *present = Some(Arc::clone(&key));
        Ok(key)
    }

    /// Whether [`Self::key`] gives another key now than the one that was refused.
    ///
    /// # Errors
    /// As above.
    pub(super) async fn renewed(&self, refused: &Key, verdict: Verdict) -> Result<bool, Failure> {
        let mut present = self.present.lock().await;
        if present.as_deref().is_some_and(|key| key != refused) {
            return Ok(true);
        }
        if matches!(self.source, Source::Identity(_)) && verdict == Verdict::NotAllowed {
            return Ok(false);
        }
        let key = self.read().await?;
        let renewed = key != *refused;
        *present = Some(Arc::new(key));
        Ok(renewed)
    }

    async fn read(&self) -> Result<Key, Failure> {
        let key = match &self.source {
            Source::Secret(directory) => Key::of_files(directory),
            Source::Identity(chain) => chain.key().await,
        };
        key.map_err(|message| Failure::new(FailureReason::CredentialsUnavailable, message))
    }
}

impl Key {
    fn is_good_at(&self, now: Timestamp) -> bool {
        self.ends.is_none_or(|ends| now + HEADROOM < ends)
    }

    fn of_files(directory: &Path) -> Result<Self, String> {
        Ok(Self {
            id: file(directory, "accessKeyId")?,
            secret: file(directory, "secretAccessKey")?,
            token: match std::fs::exists(directory.join("sessionToken")) {
                Ok(true) => Some(file(directory, "sessionToken")?),
                _ => None,
            },
            ends: None,
        })
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The text of a file without the line end that editors and `echo` leave behind.
fn file(directory: &Path, key: &str) -> Result<String, String> {
    let path = directory.join(key);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        format!("{key} cannot be read from {}: {error}; does the storage Secret have the key {key}?", path.display())
    })?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
