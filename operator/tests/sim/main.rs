//! Reconcile over a simulated world: named stories, seeded runs with faults, and when rounds happen.
//!
//! No network, no real time: one thread, one clock that the world owns, one seed that decides
//! everything else. `SIM_SEED=7 cargo test -p imagejob-operator --test sim seeded` repeats a run,
//! `SIM_SEEDS=1000` makes many.

#![allow(clippy::unwrap_used)]

mod driver;
mod seeded;
mod stories;
mod world;
