//! What processes read when they start, and the hash that rolls pods when it changes.

use imagejob_operator::Role;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Job;

/// The key, and so the file, with the token.
pub(super) const TOKEN_KEY: &str = "token";

/// The key, and so the file, with the settings of a role.
pub(super) const fn key(role: Role) -> &'static str {
    match role {
        Role::Dispatcher => "dispatcher.json",
        Role::Worker => "worker.json",
    }
}

/// The settings of both roles. No secret is in them.
pub(super) fn config_map(job: &Job<'_>) -> ConfigMap {
    let text = |role| (key(role).to_owned(), json(job, role));
    ConfigMap {
        metadata: job.metadata(&job.names.settings, None),
        data: Some([text(Role::Dispatcher), text(Role::Worker)].into()),
        ..ConfigMap::default()
    }
}

/// The token of the job. The one Secret that the operator writes; it reads none.
pub(super) fn token(job: &Job<'_>) -> Secret {
    Secret {
        metadata: job.metadata(&job.names.token, None),
        type_: Some("Opaque".to_owned()),
        data: Some([(TOKEN_KEY.to_owned(), ByteString(job.plan.token.expose().into()))].into()),
        ..Secret::default()
    }
}

/// Changes with anything that a process of this role reads when it starts, the token included: it
/// is read once. The number of workers is not part of it, so scaling rolls nothing.
pub(super) fn hash(job: &Job<'_>, role: Role) -> String {
    digest([json(job, role).as_str(), job.plan.token.expose()])
}

fn json(job: &Job<'_>, role: Role) -> String {
    match role {
        Role::Dispatcher => pretty(&job.plan.dispatcher_settings),
        Role::Worker => pretty(&job.plan.worker_settings),
    }
}

fn pretty(settings: &impl Serialize) -> String {
    // Settings are plain data with text keys and UTF-8 paths.
    serde_json::to_string_pretty(settings).expect("settings can be written as JSON") + "\n"
}

/// The first 16 hex digits of SHA-256 over the texts, each with its length: "a", "bc" is not "ab", "c".
pub(super) fn digest<const N: usize>(texts: [&str; N]) -> String {
    let mut sha = Sha256::new();
    for text in texts {
        sha.update((text.len() as u64).to_be_bytes());
        sha.update(text);
    }
    sha.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
