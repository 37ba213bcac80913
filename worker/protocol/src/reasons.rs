//! Why a record failed, and why a job is not well: stable CamelCase words.
//!
//! They end up in dead letters, metrics labels, conditions and people's alert rules, so a word
//! never changes its meaning and is never reused.

use crate::wire::FailureClass;

/// Declares an enum whose variants are the words themselves, with their class or meaning.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// Every word, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word itself.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant)),* }
            }

            /// The reason that this word names, if there is one.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.as_str() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// Why an item failed. [`FailureReason::class`] says whether another attempt is worth it.
    FailureReason {
        /// The format needs JSON and the value is not JSON.
        NotJson,
        /// The message names no object in any form that the job's format admits.
        UnrecognisedFormat,
        /// An event of a version that this program does not know.
        UnsupportedVersion,
        /// A connector left the value out of its record, as it was too large.
        Overflow,
        /// The message names a bucket outside `storage.buckets`.
        BucketNotListed,
        /// The object's name would leave its bucket (`..`, an absolute path).
        PathEscapesStore,
        /// There is no such object (yet: an event may be ahead of replication).
        ObjectMissing,
        /// More bytes than `storage.maxObjectBytes`.
        ObjectTooLarge,
        /// The object has no bytes.
        EmptyObject,
        /// The object is not the version that its event named: it was overwritten since.
        ObjectChanged,
        /// There is no bucket for what is to be written.
        BucketMissing,
        /// The picture to be written has a name that no store holds: too long, or with empty parts in a folder.
        KeyInvalid,
        /// The picture to be written would be the photo, or the photo is itself named like one: the stream would
        /// feed itself.
        OutputLoop,
        /// The store keeps what is at the output's place, and does not let it be overwritten.
        OverwriteRefused,
        /// The store did not answer, or answered with an error.
        StoreUnavailable,
        /// The store refused the credentials.
        AccessDenied,
        /// There is no access key for the store: not in the Secret, or not for the identity of the pod.
        CredentialsUnavailable,
        /// The bytes are no image that is understood here.
        NotAnImage,
        /// The header promises more pixels than the cap.
        TooManyPixels,
        /// The image ends before its header says it does.
        TruncatedImage,
        /// An image by its header, but not decodable.
        CorruptImage,
        /// A pattern in a step names a variable that the message does not give.
        VariableMissing,
        /// What the photo should be compared with cannot be used: no image, or too plain.
        ReferenceUnusable,
        /// The model of a step is not where the job says.
        ModelMissing,
        /// The model of a step is not the one that the job's `sha256` names.
        ModelChanged,
        /// The model of a step cannot be run on photos as the job says: no ONNX, another input, another number of labels.
        ModelUnusable,
        /// The program that runs the model of a step is not in the worker's image, or too old.
        RuntimeMissing,
        /// A text cannot be drawn: the font has no glyph for a character, or there are too many of them.
        TextUnusable,
        /// The handler answered 4xx: it will not take this item.
        HandlerRejected,
        /// The handler answered 429: it has too much to do.
        HandlerBusy,
        /// The handler answered 5xx, or broke the connection.
        HandlerFailed,
        /// The handler answered something other than a JSON object within the size limit.
        HandlerAnswerInvalid,
        /// `delivery.timeoutSeconds` passed.
        TimedOut,
        /// The result topic did not take the result.
        PublishFailed,
        /// Older than `retry.maxAgeSeconds` before anybody could work on it.
        Expired,
        /// Workers vanished with this record on loan, again and again, at last alone.
        WorkerKilled,
        /// A defect of ours: a step panicked.
        StepPanicked,
    }
}

impl FailureReason {
    /// Transient where the same bytes may succeed later, permanent where they cannot.
    pub const fn class(self) -> FailureClass {
        match self {
            Self::ObjectMissing
            | Self::BucketMissing
            | Self::StoreUnavailable
            | Self::AccessDenied
            | Self::CredentialsUnavailable
            // No fault of the photo: by the last attempt somebody may have put it right.
            | Self::ModelMissing
            | Self::ModelChanged
            | Self::ModelUnusable
            | Self::RuntimeMissing
            | Self::HandlerBusy
            | Self::HandlerFailed
            | Self::TimedOut
            | Self::PublishFailed => FailureClass::Transient,
            Self::NotJson
            | Self::UnrecognisedFormat
            | Self::UnsupportedVersion
            | Self::Overflow
            | Self::BucketNotListed
            | Self::PathEscapesStore
            | Self::ObjectTooLarge
            | Self::EmptyObject
            | Self::ObjectChanged
            | Self::KeyInvalid
            | Self::OutputLoop
            | Self::OverwriteRefused
            | Self::NotAnImage
            | Self::TooManyPixels
            | Self::TruncatedImage
            | Self::CorruptImage
            | Self::VariableMissing
            | Self::ReferenceUnusable
            | Self::TextUnusable
            | Self::HandlerRejected
            | Self::HandlerAnswerInvalid
            | Self::Expired
            | Self::WorkerKilled
            | Self::StepPanicked => FailureClass::Permanent,
        }
    }
}

words! {
    /// What is wrong with a job as a whole, as a dispatcher sees it; a condition's reason.
    ProblemReason {
        /// No broker answered.
        BrokerUnreachable,
        /// A source topic does not exist.
        TopicMissing,
        /// The broker refused the group or the topic.
        NotAuthorized,
        /// Records were deleted by retention before they were read; they are counted as lost.
        DataExpired,
        /// Commit metadata was not ours or not of this partition: finished marks were dropped.
        LedgerVoid,
        /// A partition has so many finished offsets behind unfinished ones that it stopped leasing.
        WindowFull,
        /// Records whose attempts are used up are tried on and on, as `retry.onExhausted: Block` says.
        RecordsBlocked,
        /// The dead-letter or failure topic does not take records.
        DeadLetterFailing,
        /// The consumer met an error that needed a new one.
        ConsumerRecreated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_parse_back() {
        for reason in FailureReason::ALL {
            assert_eq!(FailureReason::parse(reason.as_str()), Some(*reason));
        }
        for reason in ProblemReason::ALL {
            assert_eq!(ProblemReason::parse(reason.as_str()), Some(*reason));
        }
        assert_eq!(FailureReason::parse("Other"), None);
    }
}
