//! Secrets on a laptop: a folder per Secret and in it a file per key, as a pod would have them mounted.

use std::path::Path;

use anyhow::{Context as _, ensure};
use imagejob_api::ValidatedJob;
use imagejob_operator::secrets::{SecretNames, SecretPaths};

/// Where the Secrets that a job names lie, all of which must be in `folder`.
pub(crate) fn secret_paths(job: &ValidatedJob, folder: Option<&Path>) -> anyhow::Result<SecretPaths> {
    let SecretNames { storage, kafka, kafka_tls } = SecretNames::of(job);
    let named = [
        ("spec.storage.secretRef", storage),
        ("spec.source.kafka.auth.secretRef", kafka),
        ("spec.source.kafka.tls.secretRef", kafka_tls),
    ];
    let folder = folder.map(std::path::absolute).transpose()?;
    for (field, name) in named.into_iter().filter_map(|(field, name)| Some((field, name?))) {
        let folder = folder.as_ref().with_context(|| {
            format!("{field} names the Secret {name:?}; say with --secrets DIR where it lies, as DIR/{name}/<key>")
        })?;
        let path = folder.join(&name);
        ensure!(path.is_dir(), "{field} names the Secret {name:?}, but {} is no folder; make it", path.display());
    }
    Ok(folder.map_or(SecretPaths::Mounted, SecretPaths::In))
}
