//! A dispatcher over real gRPC and an in-process broker, with workers that do as the story says.
#![allow(clippy::unwrap_used)]

mod delivery;
mod harness;
mod rebalance;
