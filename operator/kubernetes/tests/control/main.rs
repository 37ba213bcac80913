//! The whole operator over an API server in memory, on a paused clock: a minute of its life takes a
//! few milliseconds, and nothing in it depends on how fast this machine is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::needless_pass_by_value)]

mod api;
mod seeded;
mod sharing;
mod stories;
mod world;
