//! How our programs reach a job's brokers: address, name and password, encryption.
//!
//! * [`Access`]: what the settings and the files that they name say, read once, when a process starts.
//! * [`refusal`]: which errors of the client mean that the broker knows us and says no.

mod access;
mod refusal;

pub use access::{Access, AccessError};
pub use refusal::refusal;
