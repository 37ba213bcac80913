//! How work on one record ends.

use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::wire::Timings;

/// How work on one record ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Its results are durable, or it was skipped on purpose.
    Done {
        /// Where the time went.
        timings: Timings,
        /// Results published.
        results: u32,
        /// Filtered on purpose.
        skipped: bool,
    },
    /// It failed; the dispatcher decides whether it is tried again.
    Failed(Failure),
    /// Not begun, or cut off by the end of the grace period.
    Returned,
}

/// Why a record failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Failure {
    /// Stable word; its class decides about retries.
    pub reason: FailureReason,
    /// One sentence for people.
    pub message: String,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(reason: FailureReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}
