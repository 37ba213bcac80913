//! A store that is a folder: `<path>/<bucket>/<key>`.

use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use opendal::{ErrorKind, Operator, services};

use super::{missing, too_large};
use crate::outcome::Failure;

#[derive(Debug)]
pub(super) struct Folder {
    buckets: HashMap<String, Operator>,
}

impl Folder {
    pub(super) fn open(path: &Path, buckets: &[String]) -> anyhow::Result<Self> {
        let open = |bucket: &String| {
            let root = path.join(bucket);
            Ok((bucket.clone(), Operator::new(services::Fs::default().root(&root.to_string_lossy()))?))
        };
        Ok(Self { buckets: buckets.iter().map(open).collect::<anyhow::Result<_>>()? })
    }

    pub(super) async fn read(&self, object: &Object, limit: u64) -> Result<Bytes, Failure> {
        let operator = self.buckets.get(&object.bucket).ok_or_else(|| missing(object))?;
        let stat = operator.stat(&object.key).await.map_err(|error| failed(object, &error))?;
        let bytes = stat.content_length();
        if stat.is_dir() {
            return Err(missing(object));
        }
        if bytes > limit {
            return Err(too_large(object, bytes, limit));
        }
        // The range holds even if the file grows between the two calls.
        let buffer = operator.read_with(&object.key).range(0..bytes).await.map_err(|error| failed(object, &error))?;
        Ok(buffer.to_bytes())
    }
}

fn failed(object: &Object, error: &opendal::Error) -> Failure {
    let reason = match error.kind() {
        ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory => return missing(object),
        ErrorKind::PermissionDenied => FailureReason::AccessDenied,
        _ if names_nothing(error) => return missing(object),
        _ => FailureReason::StoreUnavailable,
    };
    Failure::new(reason, format!("{} could not be read: {error}", object.path()))
}

/// OpenDAL calls some answers of a file system unexpected that only say that no file has this name:
/// a part of it is a file, not a folder, or is longer than the file system admits.
fn names_nothing(error: &opendal::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| {
        matches!(cause.kind(), std::io::ErrorKind::NotADirectory | std::io::ErrorKind::InvalidFilename)
    })
}
