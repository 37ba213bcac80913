//! 3,000 jobs at rest: memory, processor time, and no write but the Lease.

use std::time::Duration;

use imagejob_e2e::wait;
use serde_json::json;

use crate::stand::Stand;

const JOBS: usize = 3_000;
/// The time that is looked at.
const WATCHED: Duration = Duration::from_mins(1);

pub(crate) fn measure(stand: &Stand) -> anyhow::Result<()> {
    let begun = wait::now();
    stand.jobs(JOBS, |_| json!({}))?;
    println!("{JOBS} jobs with a dispatcher each after {:.0} s", begun.elapsed().as_secs_f64());
    let settled = wait::now();
    wait::until(WATCHED * 2, || "the last statuses are written".into(), || settled.elapsed() >= WATCHED);
    let (start, seconds) = (wait::now(), stand.operator.cpu_seconds()?);
    wait::until(WATCHED * 2, || "time passes".into(), || start.elapsed() >= WATCHED);
    println!(
        "{JOBS} jobs at rest: {:.0} MiB, {:.2} cores",
        stand.operator.resident_mib()?,
        (stand.operator.cpu_seconds()? - seconds) / start.elapsed().as_secs_f64(),
    );
    Ok(())
}
