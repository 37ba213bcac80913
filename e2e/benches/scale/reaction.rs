//! 1,000 jobs, 20 of them a second move, chosen at random and at random moments: from the dispatcher's
//! news to the worker Deployment's new count, as a watcher of the API server sees it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use imagejob_e2e::wait::{self, percentile};
use rand::rngs::StdRng;
use rand::seq::IteratorRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;

use crate::stand::{NAMESPACE, Stand};
use crate::watch::Deployments;

/// As many as are promised.
pub(crate) const JOBS: usize = 1_000;
/// One in fifty moves each second: 20 of 1,000.
const MOVING: usize = 50;
const MEASURED: Duration = Duration::from_mins(1);
/// Each of these needs a worker more than none.
const BURST: u64 = 200;
/// How long after a burst its reaction may be waited for.
const LIMIT: Duration = Duration::from_secs(10);

pub(crate) fn measure(stand: &Stand, jobs: usize) -> anyhow::Result<()> {
    let moving = jobs / MOVING;
    let begun = wait::now();
    stand.jobs(jobs, |_| json!({"maxReplicas": 3}))?;
    println!("{jobs} jobs with a dispatcher each after {:.0} s", begun.elapsed().as_secs_f64());
    let pods = dispatcher_addresses(stand)?;
    let watch = Deployments::watch(&stand.provider)?;
    wait::until(
        LIMIT,
        || "the watch shows every Deployment".into(),
        || pods.keys().all(|job| worker(&watch, job).is_some()),
    );

    let seed: u64 = std::env::var("SEED").map_or(2026, |seed| seed.parse().unwrap_or(2026));
    println!("SEED={seed} decides which jobs move");
    let mut chance = StdRng::seed_from_u64(seed);
    let (start, operator, api_server) = (wait::now(), stand.operator.cpu_seconds()?, stand.api_server_seconds()?);
    let (mut reactions, mut busy) = (Vec::new(), Vec::<(String, std::time::Instant)>::new());
    let mut missed = 0;
    let mut due = Duration::ZERO;
    while start.elapsed() < MEASURED {
        wait::until(LIMIT, || "time passes".into(), || start.elapsed() >= due);
        // As jobs that know nothing of each other do: the gaps between events are exponential.
        due += Duration::from_secs_f64(-(1.0 - chance.random::<f64>()).ln() / moving as f64);
        let resting = pods.keys().filter(|job| {
            busy.iter().all(|(other, _)| other != *job) && worker(&watch, job).is_some_and(|seen| seen.replicas == 0)
        });
        if let Some(job) = resting.cloned().choose(&mut chance) {
            stand.dispatchers.set_waiting(pods[&job], BURST);
            busy.push((job, wait::now()));
        }
        busy.retain(|(job, sent)| {
            let reacted = worker(&watch, job).filter(|seen| seen.replicas > 0 && seen.at >= *sent);
            if let Some(seen) = reacted {
                reactions.push(seen.at.duration_since(*sent));
                stand.dispatchers.set_waiting(pods[job], 0);
            }
            let overdue = reacted.is_none() && sent.elapsed() > LIMIT;
            missed += usize::from(overdue);
            reacted.is_none() && !overdue
        });
    }
    reactions.sort_unstable();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} reactions at {jobs} jobs, {moving} moving a second: p50 {:?}, p99 {:?}, max {:?} ms; missed {missed}",
        reactions.len(),
        percentile(&reactions, 50).as_millis(),
        percentile(&reactions, 99).as_millis(),
        reactions.last().copied().unwrap_or_default().as_millis(),
    );
    println!(
        "operator {:.2} cores, {:.0} MiB; API server {:.2} cores",
        (stand.operator.cpu_seconds()? - operator) / seconds,
        stand.operator.resident_mib()?,
        (stand.api_server_seconds()? - api_server) / seconds,
    );
    Ok(())
}

fn worker(watch: &Deployments, job: &str) -> Option<crate::watch::Seen> {
    watch.newest(&format!("{NAMESPACE}/{job}-worker"))
}

/// Address of each job's dispatcher.
fn dispatcher_addresses(stand: &Stand) -> anyhow::Result<BTreeMap<String, IpAddr>> {
    let pods = stand.kube.list(NAMESPACE, "pods", "app.kubernetes.io/component=dispatcher")?;
    let address = |pod: &serde_json::Value| {
        let job = pod["metadata"]["labels"]["imagejob.dev/job"].as_str()?.to_owned();
        Some((job, pod["status"]["podIP"].as_str()?.parse().ok()?))
    };
    Ok(pods.iter().filter_map(address).collect())
}
