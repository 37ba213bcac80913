//! A store that is a folder: `<path>/<bucket>/<key>`.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use super::budget::Budget;
use super::{missing, too_large};
use crate::outcome::Failure;

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(super) async fn read(&self, object: &Object, limit: u64, budget: &Budget) -> Result<Bytes, Failure> {
        // A file system drops empty parts, and would read another object.
        if object.key.contains("//") {
            return Err(missing(object));
        }
        let path = self.path.join(&object.bucket).join(&object.key);
        let failed = |error: Error| failed(object, &error);
        let metadata = tokio::fs::metadata(&path).await.map_err(failed)?;
        if !metadata.is_file() {
            return Err(missing(object));
        }
        let bytes = metadata.len();
        if bytes > limit {
            return Err(too_large(object, bytes, limit));
        }
        let admission = budget.admit(bytes).await;
        let mut read = Vec::with_capacity(bytes as usize);
        // No more than was admitted, even if the file grows between the two calls.
        File::open(&path).await.map_err(failed)?.take(bytes).read_to_end(&mut read).await.map_err(failed)?;
        Ok(admission.hold(Bytes::from(read)))
    }
}

fn failed(object: &Object, error: &Error) -> Failure {
    let reason = match error.kind() {
        // A part of the name may be a file, not a folder, or longer than the file system admits.
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => return missing(object),
        ErrorKind::PermissionDenied => FailureReason::AccessDenied,
        _ => FailureReason::StoreUnavailable,
    };
    Failure::new(reason, format!("{} could not be read: {error}", object.path()))
}
