//! Lending and borrowing single records: the two state machines of the conversation in `Leases`.
//!
//! * [`dispatcher`]: which records are read, lent, retried, given up, finished, and committed.
//! * [`worker`]: whose leases are taken, what is in progress, what has ended and is not durable yet.
//!
//! Pure: no I/O, no clock, no random number, no task. Programs drive them with real brokers and
//! streams; `tests/simulation` drives them with virtual ones, thousands of schedules a minute.

pub mod dispatcher;
pub mod worker;
