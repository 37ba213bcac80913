//! A store that is a folder: `<path>/<bucket>/<key>`.

use std::fs::{Metadata, Permissions};
use std::io::{Error, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use super::budget::Budget;
use super::content::{Content, LARGE, Spilled};
use super::{Found, Reading, Written, missing, too_large};
use crate::outcome::Failure;

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// `None` if the file still is of the version that is known.
    pub(super) async fn read(
        &self,
        object: &Object,
        reading: Reading<'_>,
        limit: u64,
        budget: &Budget,
    ) -> Result<Option<Found>, Failure> {
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
        let etag = version(&metadata);
        if etag.as_deref().is_some_and(|etag| reading == Reading::Unless(etag)) {
            return Ok(None);
        }
        let bytes = metadata.len();
        if bytes > limit {
            return Err(too_large(object, bytes, limit));
        }
        let admission = budget.admit(bytes).await;
        let file = File::open(&path).await.map_err(failed)?;
        let content = if reading == Reading::Through && bytes > LARGE {
            Content::File(Spilled::new(Arc::new(file.into_std().await), bytes, admission))
        } else {
            let mut read = Vec::with_capacity(bytes as usize);
            // No more than was admitted, even if the file grows between the two calls.
            file.take(bytes).read_to_end(&mut read).await.map_err(failed)?;
            Content::Memory(admission.hold(Bytes::from(read)))
        };
        Ok(Some(Found { content, etag }))
    }

    /// Whoever reads the object meanwhile finds all of the old one or all of the new: it is written beside its
    /// place, and moved there. Folders on the way are made, the bucket's among them.
    pub(super) async fn write(&self, object: &Object, bytes: &Bytes) -> Result<Written, Failure> {
        if object.key.split('/').any(str::is_empty) {
            let message = format!("a folder cannot hold {}: its name has empty parts", object.path());
            return Err(Failure::new(FailureReason::KeyInvalid, message));
        }
        if !tokio::fs::metadata(&self.path).await.is_ok_and(|metadata| metadata.is_dir()) {
            let message = format!("there is no folder {}; correct storage.path, or mount it", self.path.display());
            return Err(Failure::new(FailureReason::BucketMissing, message));
        }
        let (path, bytes) = (self.path.join(&object.bucket).join(&object.key), bytes.clone());
        let written = tokio::task::spawn_blocking(move || replace(&path, &bytes)).await;
        let written = written.unwrap_or_else(|error| Err(Error::other(error)));
        written.map(|()| Written { etag: None }).map_err(|error| not_written(object, &error))
    }
}

/// When it was written, to the nanosecond, and how long it is; `None` where the file system keeps no times.
fn version(metadata: &Metadata) -> Option<String> {
    let written = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{}-{}", written.as_nanos(), metadata.len()))
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    // As any file of this user, less what the umask takes away: others read it.
    let mut beside = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    beside.write_all(bytes)?;
    // Its result is published next, and outlives a machine that goes down.
    beside.as_file().sync_all()?;
    beside.persist(path)?;
    Ok(())
}

fn not_written(object: &Object, error: &Error) -> Failure {
    let path = object.path();
    let (reason, way_out) = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            (FailureReason::AccessDenied, "let the worker's user write there")
        }
        // A part of the name is a file, its whole a folder, or it is too long.
        ErrorKind::NotADirectory
        | ErrorKind::AlreadyExists
        | ErrorKind::IsADirectory
        | ErrorKind::InvalidFilename
        | ErrorKind::InvalidInput => (FailureReason::KeyInvalid, "give the step's output another key"),
        _ => (FailureReason::StoreUnavailable, "if it lasts, make room in storage.path"),
    };
    Failure::new(reason, format!("{path} could not be written: {error}; {way_out}"))
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
