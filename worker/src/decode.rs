//! Decodes off the async threads, on as many blocking threads as there are cores: more would only
//! take turns, and hold a decoded photo each while they wait.

use std::sync::Arc;

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_vision::{Caps, ImageError, decode};
use tokio::sync::Semaphore;

use crate::outcome::Failure;
use crate::storage::{Content, unreadable};

pub use imagejob_vision::decode::{Photo, Wanted};

/// Runs decoders, and whatever else computes for milliseconds.
#[derive(Debug, Clone)]
pub struct Cores(Arc<Semaphore>);

impl Cores {
    /// One turn per core.
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from))))
    }

    /// Decodes what is wanted.
    ///
    /// # Errors
    /// The reasons of [`ImageError`]; `StepPanicked` if the decoder does; `StoreUnavailable` if a file that holds
    /// a large object cannot be read.
    pub async fn decode(
        &self,
        object: &Object,
        content: Content,
        caps: Caps,
        wanted: Wanted,
    ) -> Result<Photo, Failure> {
        let decoded = self.run(move || {
            if let Content::File(spilled) = &content
                && let Some(photo) = decode::streamed(spilled.reader(), &caps, wanted).transpose()
            {
                return Ok(photo);
            }
            Ok(decode::photo(&content.whole()?, &caps, wanted))
        });
        let decoded: std::io::Result<_> = decoded.await?;
        decoded.map_err(|error| unreadable(object, &error))?.map_err(|error| refused(&error))
    }

    /// Runs `compute` on a blocking thread when a core is free.
    ///
    /// # Errors
    /// `StepPanicked` if it panics.
    pub async fn run<T: Send + 'static>(&self, compute: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        // The semaphore is never closed; without a permit the work would still be right.
        let turn = Arc::clone(&self.0).acquire_owned().await.ok();
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            compute()
        });
        work.await.map_err(|error| Failure::new(FailureReason::StepPanicked, format!("a step panicked: {error}")))
    }
}

impl Default for Cores {
    fn default() -> Self {
        Self::new()
    }
}

/// As the failure of an item.
pub(crate) fn refused(error: &ImageError) -> Failure {
    let reason = match error {
        ImageError::EmptyObject => FailureReason::EmptyObject,
        ImageError::NotAnImage { .. } => FailureReason::NotAnImage,
        ImageError::TooManyPixels { .. } => FailureReason::TooManyPixels,
        ImageError::TruncatedImage { .. } => FailureReason::TruncatedImage,
        ImageError::CorruptImage { .. } => FailureReason::CorruptImage,
    };
    Failure::new(reason, error.to_string())
}
