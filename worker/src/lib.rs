//! Takes leases, looks at photos, publishes results.
//!
//! A lease's way: [`dial`] and [`session`] bring it in, [`core`] hands it to the state machine of
//! `imagejob-leasing`, [`item`] works on it. A photo's way: [`formats`] find it in
//! the message, [`storage`] reads it, [`decode`] makes pixels of it, [`steps`] look at them, with [`variables`] from the message, or make pictures for
//! [`outputs`], all in [`pipeline`]; [`publish`] makes the result durable.

pub mod clock;
pub mod core;
pub mod decode;
pub mod dial;
pub mod formats;
pub mod gate;
pub mod http;
pub mod item;
pub mod metrics;
pub mod outputs;
pub mod pipeline;
pub mod publish;
mod references;
mod routes;
pub mod session;
pub mod steps;
pub mod storage;
mod transport;
pub mod variables;
pub mod work;

pub use imagejob_leasing::worker::outcome;
