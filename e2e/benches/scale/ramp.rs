//! One job from nothing to 438 workers x 16 slots, and then to 7,000 pods: how many writes it takes,
//! and where the time goes.

use std::time::{Duration, Instant};

use imagejob_e2e::kube::kubectl::eventually;
use imagejob_e2e::wait;
use serde_json::json;

use crate::audit::Audit;
use crate::stand::{NAMESPACE, OPERATOR, Stand};
use crate::watch::{Deployments, Seen};

/// 438 x 16 = 7,008 slots.
const WORKERS: u32 = 438;
const PODS: u32 = 7_000;
const LONG: Duration = Duration::from_mins(20);

pub(crate) fn measure(stand: &Stand) -> anyhow::Result<()> {
    stand.jobs(1, |_| json!({"maxReplicas": PODS}))?;
    let watch = Deployments::watch(&stand.provider)?;
    for count in [WORKERS, PODS] {
        let (begun, operator, api_server) = (wait::now(), stand.operator.cpu_seconds()?, stand.api_server_seconds()?);
        let audit = Audit::from_now()?;
        let patch = json!({"spec": {"scaling": {"minReplicas": count}}});
        stand.kube.patch(NAMESPACE, "imagejob/job-0", &patch)?;
        let wanted = reach(&watch, "wanted", |seen| seen.replicas == count);
        let half = reach(&watch, "half are ready", |seen| seen.ready >= count / 2);
        let ready = reach(&watch, "all are ready", |seen| seen.ready == count);
        let after = |at: Instant| at.duration_since(begun).as_secs_f64();
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "{count} pods: written {:.1} s, half Ready {:.1} s, all Ready {:.1} s; the operator's writes: {:?}",
            after(wanted),
            after(half),
            after(ready),
            audit.writes_by(OPERATOR)?,
        );
        println!(
            "  operator {:.2} cores, {:.0} MiB; API server {:.2} cores",
            (stand.operator.cpu_seconds()? - operator) / seconds,
            stand.operator.resident_mib()?,
            (stand.api_server_seconds()? - api_server) / seconds,
        );
    }
    Ok(())
}

fn reach(watch: &Deployments, what: &str, condition: impl Fn(&Seen) -> bool) -> Instant {
    let newest = || watch.newest(&format!("{NAMESPACE}/job-0-worker"));
    eventually(LONG, what, || {
        let seen = newest().filter(&condition).map(|seen| seen.at);
        anyhow::ensure!(seen.is_some(), "{:?}", newest());
        Ok(seen)
    })
}
