//! The bytes of a model, from the store or a file of the worker, and that they are the ones that are meant.

use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::Classify as Settings;
use sha2::{Digest as _, Sha256};

use crate::outcome::Failure;
use crate::references;
use crate::storage::Store;

/// # Errors
/// `ModelMissing`, `ModelChanged`, `ModelUnusable`; others of the store.
pub(super) async fn read(settings: &Settings, store: &Store) -> Result<Vec<u8>, Failure> {
    let uri = &settings.model;
    let bytes = match uri.strip_prefix("file://") {
        Some(path) => file(path).await,
        None => object(uri, store).await,
    };
    let bytes = bytes.map_err(|Failure { reason, message }| Failure::new(reason, format!("model {uri}: {message}")))?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found == settings.sha256 {
        return Ok(bytes);
    }
    let message = format!(
        "model {uri} has the sha256 {found}, not {}; put the one that is meant there, or change classify.sha256",
        settings.sha256
    );
    Err(Failure::new(FailureReason::ModelChanged, message))
}

async fn file(path: &str) -> Result<Vec<u8>, Failure> {
    tokio::fs::read(path).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
            Failure::new(FailureReason::ModelMissing, "there is no such file; is its volume mounted in the worker?")
        }
        _ => Failure::new(FailureReason::ModelUnusable, format!("the file cannot be read: {error}")),
    })
}

async fn object(uri: &str, store: &Store) -> Result<Vec<u8>, Failure> {
    let unusable = || Failure::new(FailureReason::ModelUnusable, "write it like oss://bucket/key or file:///path");
    let object = references::object(uri).ok_or_else(unusable)?;
    // The store's words are about photos; alerts tell a model that is gone from a photo that is gone.
    let named = |reason| match reason {
        FailureReason::ObjectMissing => FailureReason::ModelMissing,
        FailureReason::EmptyObject => FailureReason::ModelChanged,
        FailureReason::ObjectTooLarge => FailureReason::ModelUnusable,
        other => other,
    };
    let bytes = store.read(&object).await;
    bytes.map(Vec::from).map_err(|Failure { reason, message }| Failure::new(named(reason), message))
}
