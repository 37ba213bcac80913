//! Runs as a table for people, and as JSON for programs.

use serde::Serialize;

use super::runs::Run;
use super::setting::Setting;

/// What programs read of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figures {
    pub(super) policy: &'static str,
    pub(super) seed: u64,
    pub(super) p50_seconds: f64,
    pub(super) p95_seconds: f64,
    pub(super) p99_seconds: f64,
    pub(super) max_seconds: f64,
    pub(super) over_wait_percent: f64,
    pub(super) pod_hours: f64,
    pub(super) clairvoyant_ratio: f64,
    pub(super) peak_replicas: u32,
    pub(super) starts: u64,
}

impl Figures {
    pub(super) fn of(run: &Run) -> Self {
        let [p50, p95, p99] = run.course.waits.quantiles([0.5, 0.95, 0.99]);
        Self {
            policy: run.policy,
            seed: run.seed,
            p50_seconds: rounded(p50),
            p95_seconds: rounded(p95),
            p99_seconds: rounded(p99),
            max_seconds: rounded(run.course.waits.longest()),
            over_wait_percent: rounded(run.course.waits.share_above(run.wait) * 100.0),
            pod_hours: rounded(run.course.pod_hours),
            clairvoyant_ratio: rounded(run.course.pod_hours / run.clairvoyant_hours.max(f64::MIN_POSITIVE)),
            peak_replicas: run.course.peak,
            starts: run.course.starts,
        }
    }
}

/// Ten thousandths are more than anybody reads.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// What programs read of all runs.
#[derive(Serialize)]
struct Report {
    runs: Vec<Figures>,
}

/// `{"runs": [...]}`, one object per policy and seed.
pub(super) fn json(runs: &[Run]) -> anyhow::Result<String> {
    let report = Report { runs: runs.iter().map(Figures::of).collect() };
    Ok(format!("{}\n", serde_json::to_string_pretty(&report)?))
}

/// A line per run.
pub(super) fn table(setting: &Setting, runs: &[Run]) -> String {
    let wait = runs.first().map_or(0.0, |run| run.wait);
    let mut text = format!(
        "{}, a promise of {wait} s; waits in seconds, cost against who knows everything in advance\n\n\
         {:<12} {:>4} {:>7} {:>7} {:>7} {:>8} {:>8} {:>10} {:>6} {:>6} {:>7}\n",
        setting.name, "policy", "seed", "p50", "p95", "p99", "max", "late", "pod-hours", "cost", "peak", "starts"
    );
    for figures in runs.iter().map(Figures::of) {
        text += &format!(
            "{:<12} {:>4} {:>7.2} {:>7.2} {:>7.2} {:>8.2} {:>7.3}% {:>10.1} {:>5.2}x {:>6} {:>7}\n",
            figures.policy,
            figures.seed,
            figures.p50_seconds,
            figures.p95_seconds,
            figures.p99_seconds,
            figures.max_seconds,
            figures.over_wait_percent,
            figures.pod_hours,
            figures.clairvoyant_ratio,
            figures.peak_replicas,
            figures.starts
        );
    }
    text
}
