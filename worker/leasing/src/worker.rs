//! The worker's side: takes leases from several dispatchers, remembers what has ended until it is durable.
//!
//! [`Desk`] decides; [`offers`] is how it divides its slots, [`held`] what it remembers, [`outcome`] how
//! work ends.

mod desk;
pub mod held;
pub mod offers;
pub mod outcome;

pub use desk::{Desk, Task};
