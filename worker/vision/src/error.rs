//! Why bytes do not become pixels.

use thiserror::Error;

/// Why bytes do not become pixels. The same bytes fail the same way every time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImageError {
    /// No bytes at all.
    #[error("the object is empty; was the upload interrupted?")]
    EmptyObject,
    /// No JPEG, PNG or WebP, or a variant of them that is not decoded here.
    #[error("this is {found}; send JPEG, PNG or WebP")]
    NotAnImage {
        /// What it is, as far as its first bytes tell.
        found: String,
    },
    /// More pixels, or more memory to decode them, than the caps allow.
    #[error("{width} x {height} pixels need {needs}, more than the limit of {limit}; send a smaller photo")]
    TooManyPixels {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// What the image needs, with its unit.
        needs: String,
        /// The cap, with the same unit.
        limit: String,
    },
    /// The bytes end before the image does.
    #[error("the image ends early ({detail}); upload it again")]
    TruncatedImage {
        /// Where or how it ends.
        detail: String,
    },
    /// Bytes in the middle contradict the format.
    #[error("the image is damaged ({detail}); upload it again")]
    CorruptImage {
        /// What the decoder said.
        detail: String,
    },
}

impl ImageError {
    /// The variant's name, which is what users see in results, metrics and alerts.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::EmptyObject => "EmptyObject",
            Self::NotAnImage { .. } => "NotAnImage",
            Self::TooManyPixels { .. } => "TooManyPixels",
            Self::TruncatedImage { .. } => "TruncatedImage",
            Self::CorruptImage { .. } => "CorruptImage",
        }
    }

    pub(crate) fn not_an_image(found: impl Into<String>) -> Self {
        Self::NotAnImage { found: found.into() }
    }

    pub(crate) fn truncated(detail: impl Into<String>) -> Self {
        Self::TruncatedImage { detail: detail.into() }
    }

    pub(crate) fn corrupt(detail: impl Into<String>) -> Self {
        Self::CorruptImage { detail: detail.into() }
    }
}
