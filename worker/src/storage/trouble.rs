//! What an S3 store's refusals mean: a reason, whether to ask once more, and one sentence.

use std::error::Error as _;

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use opendal::ErrorKind;

use super::{missing, too_large};
use crate::outcome::Failure;

/// Why an object was not read.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It has more bytes than the limit.
    TooLarge { bytes: u64 },
    /// The store says no, or says nothing.
    Store(opendal::Error),
}

impl From<opendal::Error> for Trouble {
    fn from(error: opendal::Error) -> Self {
        Self::Store(error)
    }
}

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    NoObject,
    NoBucket,
    /// The key that we signed with, or its rights.
    Refused,
    /// Signatures are good for 15 minutes around the store's time.
    ClockSkewed,
    /// No key to sign with.
    NoKey,
    Unavailable,
}

impl Trouble {
    /// Asking again in a moment may help: events overtake objects, stores have bad moments.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::TooLarge { .. } => false,
            Self::Store(error) => error.is_temporary() || meaning(error) == Meaning::NoObject,
        }
    }

    /// Another key would help.
    pub(super) fn is_about_the_key(&self) -> bool {
        matches!(self, Self::Store(error) if matches!(meaning(error), Meaning::Refused | Meaning::NoKey))
    }

    /// For the record's failure.
    pub(super) fn into_failure(self, object: &Object, endpoint: &str, limit: u64) -> Failure {
        let error = match self {
            Self::TooLarge { bytes } => return too_large(object, bytes, limit),
            Self::Store(error) => error,
        };
        let (path, said) = (object.path(), said(&error));
        match meaning(&error) {
            Meaning::NoObject => missing(object),
            Meaning::NoBucket => {
                let message = format!("there is no bucket {:?} at {endpoint}", object.bucket);
                Failure::new(FailureReason::ObjectMissing, message)
            }
            Meaning::Refused => {
                let message = format!("{endpoint} does not let us read {path}: {said}");
                Failure::new(FailureReason::AccessDenied, message)
            }
            Meaning::ClockSkewed => {
                let message = format!("{endpoint} does not let us read {path}: {said}; set the clock of this machine");
                Failure::new(FailureReason::AccessDenied, message)
            }
            Meaning::NoKey => {
                let message = format!(
                    "no access key was found for {endpoint}; name a Secret in storage.secretRef or give the pods an identity"
                );
                Failure::new(FailureReason::AccessDenied, message)
            }
            Meaning::Unavailable => {
                let message = format!("{path} could not be read from {endpoint}: {said}");
                Failure::new(FailureReason::StoreUnavailable, message)
            }
        }
    }
}

fn meaning(error: &opendal::Error) -> Meaning {
    match (error.kind(), code(error)) {
        (_, Some("RequestTimeTooSkewed")) => Meaning::ClockSkewed,
        (_, Some("NoSuchBucket")) => Meaning::NoBucket,
        // The words come with 400, though they speak of the key.
        (ErrorKind::PermissionDenied, _) | (_, Some("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired")) => {
            Meaning::Refused
        }
        (ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory, _) => Meaning::NoObject,
        _ if error.message() == "signing http request" => Meaning::NoKey,
        _ => Meaning::Unavailable,
    }
}

/// The store's own word: OpenDAL hands its answer on as `S3Error { code: "...", message: "...", ... }`.
fn code(error: &opendal::Error) -> Option<&str> {
    field(error.message(), "code")
}

fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let rest = answer.strip_prefix("S3Error { ")?.split_once(&format!("{name}: \""))?.1;
    Some(rest.split_once('"')?.0)
}

/// What happened, in short: the store's word and sentence, or the error and its causes.
fn said(error: &opendal::Error) -> String {
    if let Some(code) = code(error) {
        return match field(error.message(), "message") {
            Some(message) if !message.is_empty() => format!("{code}: {message}"),
            _ => code.to_owned(),
        };
    }
    let mut text = error.message().trim().to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        let sentence = error.to_string();
        if !text.contains(&sentence) {
            text = if text.is_empty() { sentence } else { format!("{text}: {sentence}") };
        }
        cause = error.source();
    }
    // Without a word of its own only the context tells, the status at least.
    if text.is_empty() { error.to_string() } else { text }
}
