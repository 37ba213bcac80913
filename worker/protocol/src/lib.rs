//! Contracts between operator, dispatcher and worker. Data only: no I/O, no decisions.
//!
//! * [`wire`]: the gRPC messages of `proto/imagejob.proto` (leases and reports).
//! * [`settings`]: what a dispatcher and a worker read when they start.
//! * [`events`]: results and failures as CloudEvents, with ids that a re-run repeats.
//! * [`headers`]: names of the Kafka headers that dead letters carry.
//! * [`reasons`]: every word that says why a record failed or a job is not well.
//! * [`metrics`]: every metric name.
//!
//! Names and encodings in here are read by other programs and by older versions of our own:
//! golden tests in `tests/` hold them still.

mod codec;
pub mod events;
mod grace;
pub mod headers;
pub mod metrics;
pub mod reasons;
pub mod settings;

/// Generated gRPC messages, clients and servers.
#[allow(missing_docs, unreachable_pub, clippy::pedantic)]
pub mod wire {
    tonic::include_proto!("imagejob.v1alpha1");
}
