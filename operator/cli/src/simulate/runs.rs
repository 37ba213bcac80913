//! One run per policy and seed.

use clap::ValueEnum;
use imagejob_scaling::simulate::rivals::{Cron, Keda, Kpa, best_standing};
use imagejob_scaling::simulate::{Course, Ours, Scaler, clairvoyant, simulate};

use super::setting::{Case, Setting};

/// Seconds from the start to the first look of a rival that looks seldom.
const PHASE: f64 = 7.0;

/// What the policy is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Rival {
    /// KEDA's Kafka trigger with its defaults, over a HorizontalPodAutoscaler
    Keda,
    /// The same tuned by hand: cron windows from the policy's floors, begun five minutes early
    KedaCron,
    /// Knative's autoscaler, as if waiting records were requests
    Kpa,
    /// The smallest fixed number that keeps the promise for 99 % of the records
    Static,
    /// Who knows all arrivals in advance
    Clairvoyant,
}

/// What came of a policy with a seed.
pub(super) struct Run {
    pub(super) policy: &'static str,
    pub(super) seed: u64,
    /// The promise, seconds.
    pub(super) wait: f64,
    pub(super) course: Course,
    /// Worker-hours of who knows everything.
    pub(super) clairvoyant_hours: f64,
}

/// The user's policy first, then what it is compared with.
pub(super) fn of_seed(setting: &Setting, rivals: &[Rival], seed: u64) -> anyhow::Result<Vec<Run>> {
    let case = setting.case(seed)?;
    let best = clairvoyant(&case.world, &case.trace);
    let clairvoyant_hours = best.pod_hours;
    let run = |policy, course| Run { policy, seed, wait: case.world.wait, course, clairvoyant_hours };
    let tried = |scaler: &mut dyn Scaler| simulate(&case.world, &case.trace, scaler, seed);
    let mut runs = vec![run("policy", tried(&mut Ours::new(&case.world, &case.policy, case.memory.clone())))];
    for rival in rivals {
        runs.push(match rival {
            Rival::Keda => run("keda", tried(&mut Keda::new(setting.partitions, PHASE))),
            Rival::KedaCron => run("keda-cron", tried(&mut tuned(setting, &case))),
            Rival::Kpa => run("kpa", tried(&mut Kpa::new(case.world.slots.get()))),
            Rival::Static => run("static", tried(&mut best_standing(&case.world, &case.trace, seed))),
            Rival::Clairvoyant => run("clairvoyant", best.clone()),
        });
    }
    Ok(runs)
}

fn tuned(setting: &Setting, case: &Case) -> Keda {
    let cron = Cron::after(&case.policy, &case.world, case.trace.seconds());
    Keda::tuned(setting.partitions, cron, &case.world, PHASE)
}
