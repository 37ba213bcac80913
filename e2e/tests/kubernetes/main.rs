//! Stories on a real control plane and a real node: what a user types, and what comes of it.
//! `make e2e` stands up the cluster and runs them one after the other.

#![allow(clippy::unwrap_used)]

mod apply;
mod disruption;
mod faults;
mod first_result;
mod namespaced;
mod rolling;
mod rules;
mod scaling;
mod stages;
mod stand;
