//! Kafka headers of dead letters and results beyond the CloudEvents ones.
//!
//! A dead letter keeps the original key, value and headers byte for byte and adds these, so
//! that it can be replayed exactly and found by its source coordinates.

/// Prefix of all added headers; a replay strips what starts with it.
pub const PREFIX: &str = "imagejob-";
/// Source topic, UTF-8.
pub const TOPIC: &str = "imagejob-source-topic";
/// Source partition, decimal.
pub const PARTITION: &str = "imagejob-source-partition";
/// Source offset, decimal.
pub const OFFSET: &str = "imagejob-source-offset";
/// The record's own timestamp, Unix milliseconds, decimal.
pub const TIMESTAMP: &str = "imagejob-source-timestamp";
/// Consumer group that gave up.
pub const GROUP: &str = "imagejob-consumer-group";
/// `Transient` or `Permanent`.
pub const CLASS: &str = "imagejob-error-class";
/// Word of [`crate::reasons::FailureReason`].
pub const REASON: &str = "imagejob-error-reason";
/// One sentence.
pub const MESSAGE: &str = "imagejob-error-message";
/// `Fail`s counted, decimal.
pub const FAILURES: &str = "imagejob-failures";
/// Vanished workers counted, decimal.
pub const LOSSES: &str = "imagejob-losses";
