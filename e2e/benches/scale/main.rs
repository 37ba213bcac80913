//! `make scale`: what the operator costs and how fast it is with thousands of jobs and pods, on a
//! real API server with simulated nodes (kwok). The dispatchers are simulated too: they report what
//! the bench tells them to.
//!
//! One scenario a run, on a fresh cluster: `reaction` (of 1,000 jobs, or as many as follow), `rest`,
//! `steady` or `ramp`.

mod audit;
mod dispatchers;
mod ramp;
mod reaction;
mod rest;
mod stand;
mod watch;

use anyhow::bail;
use stand::Stand;

/// 35 x 110 pods: a dispatcher for each of 3,000 jobs and some. More would cost the API server a
/// Lease each 10 s.
const FEW: usize = 35;
/// 225 x 32 CPUs: 7,000 workers of one CPU and some.
const MANY: usize = 225;

fn main() -> anyhow::Result<()> {
    // Cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let scenario = arguments.next();
    let jobs = arguments.next().map(|jobs| jobs.parse()).transpose()?;
    match scenario.as_deref() {
        Some("reaction") => reaction::measure(&Stand::start(FEW)?, jobs.unwrap_or(reaction::JOBS)),
        Some("rest") => rest::measure(&Stand::start(FEW)?, &rest::REST),
        Some("steady") => rest::measure(&Stand::start(FEW)?, &rest::STEADY),
        Some("ramp") => ramp::measure(&Stand::start(MANY)?),
        other => bail!("{other:?} is no scenario: reaction, rest, steady or ramp"),
    }
}
