//! What must never be.

/// A broken promise, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) String);

/// A violation unless `so`.
pub(crate) fn ensure(so: bool, sentence: impl FnOnce() -> String) -> Result<(), Violation> {
    if so { Ok(()) } else { Err(Violation(sentence())) }
}
