//! What it means that an object was not read or written: a reason, whether to ask once more, and one sentence
//! with the way out. The same for S3 and OSS, whose refusals have the same shape.

use std::time::Duration;

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use jiff::SignedDuration;

use super::credentials::Verdict;
use super::{empty, missing, too_large};
use crate::outcome::Failure;

/// Pauses before asking again, for what may pass in a moment: an object that its event has overtaken, a
/// store that is busy. What lasts longer is left to the dispatcher's retries, which hold no slot meanwhile.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// What was to be done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Read,
    Write,
}

/// Why an object was not read, or not written.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It has more bytes than the limit.
    TooLarge { bytes: u64 },
    /// It is another than the one that was asked for, or begun with.
    Changed,
    /// We could not ask.
    Unready(Failure),
    /// The store says no.
    Refused(Refusal),
    /// The store says nothing, breaks off, or says what makes no sense.
    Broken(String),
    /// The place for large objects takes no more.
    NoRoom(std::io::Error),
}

/// An answer that is not the object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The store's own word and sentence.
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    /// What the store's support wants to know: `EC`, or the id of the request.
    pub(super) trace: Option<String>,
    /// Where it says that the object is.
    pub(super) location: Option<String>,
    /// How far our clock is ahead of the store's.
    pub(super) ahead: Option<SignedDuration>,
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    NoObject,
    NoBucket,
    /// There is no byte in the range, which begins at the first.
    Empty,
    Elsewhere,
    /// The key that we signed with, or its rights.
    Refused,
    /// Signatures are good for 15 minutes around the store's time.
    ClockSkewed,
    /// The store keeps what is there already.
    Kept,
    /// The store has a bad moment.
    Busy,
    /// Something else is wrong with the request.
    Unavailable,
}

/// Pauses that are left.
#[derive(Debug)]
pub(super) struct Patience(std::array::IntoIter<Duration, 2>);

impl Patience {
    pub(super) fn new() -> Self {
        Self(PAUSES.into_iter())
    }

    /// Waits, if `trouble` may pass in a moment.
    ///
    /// # Errors
    /// `trouble`, if it may not, or has lasted too long.
    pub(super) async fn after(&mut self, trouble: Trouble) -> Result<(), Trouble> {
        match self.0.next() {
            Some(pause) if trouble.may_pass() => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
            _ => Err(trouble),
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Unready(failure)
    }
}

impl Trouble {
    /// Asking again in a moment may help: events overtake objects, stores have bad moments.
    fn may_pass(&self) -> bool {
        match self {
            Self::Broken(_) => true,
            Self::Refused(refusal) => matches!(refusal.meaning(), Meaning::NoObject | Meaning::Busy),
            Self::TooLarge { .. } | Self::Changed | Self::Unready(_) | Self::NoRoom(_) => false,
        }
    }

    /// Another key would help.
    pub(super) fn verdict_on_the_key(&self) -> Option<Verdict> {
        let Self::Refused(refusal) = self else { return None };
        let outdated = matches!(
            refusal.code(),
            "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" | "SecurityTokenExpired" | "InvalidSecurityToken"
        );
        match refusal.meaning() {
            Meaning::Refused if outdated => Some(Verdict::Outdated),
            Meaning::Refused => Some(Verdict::NotAllowed),
            _ => None,
        }
    }

    /// For the record's failure.
    pub(super) fn into_failure(self, deed: Deed, object: &Object, endpoint: &str, limit: u64) -> Failure {
        match self {
            Self::TooLarge { bytes } => too_large(object, bytes, limit),
            Self::Changed => changed(object),
            Self::Unready(failure) => failure,
            Self::Refused(refusal) => refusal.into_failure(deed, object, endpoint),
            Self::NoRoom(error) => no_room(object, &error),
            Self::Broken(how) => {
                let path = object.path();
                let message = format!(
                    "{}: {how}; if it lasts, check storage.endpoint and the network",
                    deed.not_done(&path, endpoint)
                );
                Failure::new(FailureReason::StoreUnavailable, message)
            }
        }
    }
}

impl Deed {
    /// The beginning of a sentence.
    fn not_done(self, path: &str, endpoint: &str) -> String {
        match self {
            Self::Read => format!("{path} could not be read from {endpoint}"),
            Self::Write => format!("{path} could not be written to {endpoint}"),
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

impl Refusal {
    fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_default()
    }

    fn meaning(&self) -> Meaning {
        match (self.status, self.code()) {
            (_, "RequestTimeTooSkewed") => Meaning::ClockSkewed,
            (_, "NoSuchBucket") => Meaning::NoBucket,
            (300..=399, _) => Meaning::Elsewhere,
            // S3 sends these with 400, though they speak of the key.
            (401 | 403, _) | (_, "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired") => Meaning::Refused,
            (404, _) => Meaning::NoObject,
            // Conflicts of two that write at the same time pass too.
            (408 | 429 | 500..=599, _) | (409, "OperationAborted" | "ConditionalRequestConflict") => Meaning::Busy,
            // Buckets may forbid it: by a retention policy, or by a rule against overwriting.
            (409 | 412, _) => Meaning::Kept,
            (416, _) => Meaning::Empty,
            _ => Meaning::Unavailable,
        }
    }

    fn into_failure(self, deed: Deed, object: &Object, endpoint: &str) -> Failure {
        let (path, said) = (object.path(), self.said());
        let refused = |way_out: &str| {
            let message = format!("{endpoint} does not let us {} {path}: {said}; {way_out}", deed.verb());
            Failure::new(FailureReason::AccessDenied, message)
        };
        let unavailable = |way_out: &str| {
            let message = format!("{}: {said}; {way_out}", deed.not_done(&path, endpoint));
            Failure::new(FailureReason::StoreUnavailable, message)
        };
        match (self.meaning(), deed) {
            (Meaning::NoObject, Deed::Read) => missing(object),
            // What stores say of a bucket that is not there; proxies say it of a path that they do not know.
            (Meaning::NoObject, Deed::Write) => {
                let message = format!(
                    "{}: {said}, as if there were no bucket {:?}; correct storage.buckets, storage.endpoint or \
                     storage.addressing",
                    deed.not_done(&path, endpoint),
                    object.bucket
                );
                Failure::new(FailureReason::BucketMissing, message)
            }
            (Meaning::NoBucket, _) => {
                let message = format!(
                    "there is no bucket {:?} at {endpoint}; correct storage.buckets or storage.endpoint",
                    object.bucket
                );
                let reason = match deed {
                    Deed::Read => FailureReason::ObjectMissing,
                    Deed::Write => FailureReason::BucketMissing,
                };
                Failure::new(reason, message)
            }
            (Meaning::Empty, Deed::Read) => empty(object),
            (Meaning::Kept, Deed::Write) => {
                let message = format!(
                    "{endpoint} keeps what is at {path} already: {said}; let the bucket's objects be overwritten, or \
                     give the step's output another key"
                );
                Failure::new(FailureReason::OverwriteRefused, message)
            }
            (Meaning::Elsewhere, _) => {
                let location = self.location.map_or(String::new(), |location| format!(" to {location}"));
                let message = format!(
                    "{}: it redirects{location} ({said}), which is not followed; \
                     correct storage.endpoint, storage.region or storage.addressing",
                    deed.not_done(&path, endpoint)
                );
                Failure::new(FailureReason::StoreUnavailable, message)
            }
            (Meaning::Refused, _) => refused(&way_out(self.code(), deed)),
            (Meaning::ClockSkewed, _) => refused(&clock(self.ahead)),
            (Meaning::Busy, _) => {
                unavailable("if it lasts, ask the store less: lower spec.scaling.maxReplicas or delivery.slots")
            }
            (Meaning::Unavailable, _) | (Meaning::Kept, Deed::Read) | (Meaning::Empty, Deed::Write) => {
                unavailable("check storage.endpoint, storage.region and storage.addressing")
            }
        }
    }

    /// What the store said, in short.
    fn said(&self) -> String {
        let said = match (&self.code, &self.message) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.clone(),
            _ => format!("status {}", self.status),
        };
        self.trace.as_ref().map_or(said.clone(), |trace| format!("{said} ({trace})"))
    }
}

/// What to do about a key that is not taken.
fn way_out(code: &str, deed: Deed) -> String {
    match code {
        "InvalidAccessKeyId" => "put an accessKeyId into the Secret that the store knows".to_owned(),
        "SignatureDoesNotMatch" => "check secretAccessKey and storage.region".to_owned(),
        "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" | "SecurityTokenExpired" | "InvalidSecurityToken" => {
            "renew the temporary key".to_owned()
        }
        "InvalidObjectState" => "restore it from the archive first".to_owned(),
        _ => format!("allow the key to {} the bucket", deed.verb()),
    }
}

fn clock(ahead: Option<SignedDuration>) -> String {
    let Some(ahead) = ahead.filter(|ahead| ahead.unsigned_abs() >= Duration::from_secs(1)) else {
        return "set the clock of this machine".to_owned();
    };
    let direction = if ahead.is_negative() { "behind" } else { "ahead of" };
    format!("the clock of this machine is {} s {direction} the store's: set it", ahead.unsigned_abs().as_secs())
}

fn no_room(object: &Object, error: &std::io::Error) -> Failure {
    let message = format!("{} found no room in this worker's temporary files: {error}; give them more", object.path());
    Failure::new(FailureReason::StoreUnavailable, message)
}

fn changed(object: &Object) -> Failure {
    let message = match &object.etag {
        Some(etag) => {
            format!("{} is not what its event named (eTag {etag:?}): it was overwritten since", object.path())
        }
        None => format!("{} was overwritten again and again while it was read", object.path()),
    };
    let reason = if object.etag.is_some() { FailureReason::ObjectChanged } else { FailureReason::StoreUnavailable };
    Failure::new(reason, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_told_by_how_much() {
        assert_eq!(clock(None), "set the clock of this machine");
        assert_eq!(clock(Some(SignedDuration::from_millis(900))), "set the clock of this machine");
        let ahead = "the clock of this machine is 960 s ahead of the store's: set it";
        assert_eq!(clock(Some(SignedDuration::from_mins(16))), ahead);
        let behind = "the clock of this machine is 3600 s behind the store's: set it";
        assert_eq!(clock(Some(SignedDuration::from_mins(-60))), behind);
    }
}
