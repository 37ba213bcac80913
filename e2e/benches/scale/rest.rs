//! Jobs at which nothing happens: memory, processor time, and no write but the Lease.

use std::time::Duration;

use imagejob_e2e::wait;
use serde_json::json;

use crate::audit::Audit;
use crate::stand::{OPERATOR, Stand};

/// How many jobs, with how many workers each, and how long they are looked at.
pub(crate) struct Calm {
    jobs: usize,
    workers: u32,
    watched: Duration,
}

/// As many jobs as one operator should bear, all of them at zero.
pub(crate) const REST: Calm = Calm { jobs: 3_000, workers: 0, watched: Duration::from_mins(1) };
/// As many as most clusters will have, at work.
pub(crate) const STEADY: Calm = Calm { jobs: 50, workers: 2, watched: Duration::from_mins(10) };

/// Time in which the last statuses of new jobs are written: numbers that changed while pods came up
/// follow a minute later.
const SETTLE: Duration = Duration::from_mins(2);

pub(crate) fn measure(stand: &Stand, calm: &Calm) -> anyhow::Result<()> {
    let jobs = calm.jobs;
    let begun = wait::now();
    stand.jobs(jobs, |_| json!({"minReplicas": calm.workers}))?;
    println!("{jobs} jobs with a dispatcher each after {:.0} s", begun.elapsed().as_secs_f64());
    pass(SETTLE);
    let audit = Audit::from_now()?;
    let (start, seconds) = (wait::now(), stand.operator.cpu_seconds()?);
    pass(calm.watched);
    println!(
        "{jobs} jobs, {} workers each, for {:.0} s: {:.0} MiB, {:.2} cores",
        calm.workers,
        start.elapsed().as_secs_f64(),
        stand.operator.resident_mib()?,
        (stand.operator.cpu_seconds()? - seconds) / start.elapsed().as_secs_f64(),
    );
    println!("  the operator's writes by the audit log: {:?}", audit.writes_by(OPERATOR)?);
    Ok(())
}

fn pass(time: Duration) {
    let start = wait::now();
    wait::until(time * 2, || "time passes".into(), || start.elapsed() >= time);
}
