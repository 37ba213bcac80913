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

fn main() -> anyhow::Result<()> {
    // Cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let scenario = arguments.next();
    let jobs = arguments.next().map(|jobs| jobs.parse()).transpose()?;
    let stand = Stand::start()?;
    match scenario.as_deref() {
        Some("reaction") => reaction::measure(&stand, jobs.unwrap_or(reaction::JOBS)),
        Some("rest") => rest::measure(&stand, &rest::REST),
        Some("steady") => rest::measure(&stand, &rest::STEADY),
        Some("ramp") => ramp::measure(&stand),
        other => bail!("{other:?} is no scenario: reaction, rest, steady or ramp"),
    }
}
