//! One round: validate, observe, decide, plan, apply, and say how it went.
//!
//! Level-triggered: each round compares all that is wanted with all that runs, so a round that
//! failed halfway is simply taken again.

use std::num::NonZeroU32;
use std::time::Duration;

use imagejob_api::{
    ImageJob, ImageJobStatus, NamespacedName, Problem, ScalePolicy, SpentStatus, ValidatedJob, validate,
};
use imagejob_scaling::{Decision, Memory, Observation, Reason, Spent, decide};
use jiff::Timestamp;

use crate::apply::{Applied, apply};
use crate::kept::Kept;
use crate::observe::{Sight, observe};
use crate::plan::{Plan, Token, dispatchers, plan};
use crate::seams::{Clock, Cluster, ClusterError, Pace, Sensor, Targets};
use crate::status::{Finding, status, worth_writing};

/// What is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The job.
    pub job: ImageJob,
    /// The policy that the job refers to, if there is one.
    pub policy: Option<ScalePolicy>,
    /// Stands in for the job's creation time where no server sets it.
    pub created: Timestamp,
    /// The job's token.
    pub token: Token,
}

/// What one round hands to the next.
#[derive(Debug, Clone, Default)]
pub struct State {
    memory: Memory,
    kept: Kept,
    /// The status that was written last, and when.
    written: Option<(ImageJobStatus, Timestamp)>,
}

/// What a round came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// When it began.
    pub at: Timestamp,
    /// What it found and did.
    pub step: Step,
    /// The status, written or not.
    pub status: ImageJobStatus,
    /// What was spent today; none without a budget.
    pub spent: Option<Spent>,
    /// The next round may come to something else after this long, even if nothing is heard.
    pub recheck_after: Duration,
}

/// How far a round got.
#[derive(Debug, Clone)]
pub enum Step {
    /// Job or policy makes no sense; what runs was left as it is.
    Invalid(Vec<Problem>),
    /// A decision was taken and its plan handed over, or not.
    Decided(Box<Decided>),
}

/// A round that came to a decision.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What was seen.
    pub sight: Sight,
    /// What was decided.
    pub decision: Decision,
    /// What should run.
    pub plan: Plan,
    /// What came of it.
    pub applied: Result<Applied, ClusterError>,
}

/// An invalid job changes only when somebody changes it.
const RECHECK_INVALID: Duration = Duration::from_mins(1);

/// Runs one round.
pub async fn reconcile<C: Cluster, S: Sensor, K: Clock>(
    desired: &Desired,
    cluster: &C,
    sensor: &S,
    clock: &K,
    state: &mut State,
) -> Outcome {
    let at = clock.now();
    let (step, recheck_after) = match validate(&desired.job, desired.policy.as_ref(), desired.created) {
        Err(problems) => {
            // What is needed meanwhile goes unseen, so that nothing may shrink right afterwards.
            state.memory = state.memory.without_window();
            (Step::Invalid(problems), RECHECK_INVALID)
        }
        Ok(job) => {
            let learned = desired.job.status.as_ref().is_some_and(|status| status.learning.is_some());
            let memory = std::mem::take(&mut state.memory);
            let memory = with_spent(memory, desired.job.status.as_ref());
            state.memory = state.kept.recall(at, &job, learned, cluster, memory).await;
            let decided = carry_out(at, &job, &desired.token, cluster, sensor, state).await;
            state.kept.keep(at, &job, cluster, &state.memory).await;
            let recheck_after = decided.decision.recheck_after;
            (Step::Decided(Box::new(decided)), recheck_after)
        }
    };
    let status = report(at, desired, &step, cluster, state).await;
    Outcome { at, step, status, spent: state.memory.spent(), recheck_after }
}

async fn carry_out<C: Cluster, S: Sensor>(
    at: Timestamp,
    job: &ValidatedJob,
    token: &Token,
    cluster: &C,
    sensor: &S,
    state: &mut State,
) -> Decided {
    let running = cluster.running(&job.name);
    let sight = observe(at, job, &running, &sensor.readings());
    let (decision, memory) = decide_unless_suspended(&sight.observation, job, &state.memory);
    // One stays: brokers forget the offsets of a group that has no member.
    let asked = if job.suspended { NonZeroU32::MIN } else { job.dispatchers };
    let dispatchers = dispatchers(asked, sight.partitions, running.dispatchers_applied);
    let plan = plan(job, &decision, dispatchers, token, &cluster.secret_paths());
    // What was needed is a fact whether or not the plan could be handed over; what was done is read
    // from the cluster in the next round.
    state.memory = memory;
    let applied = apply(cluster, &running, &plan).await;
    let pace = Pace::of(job.suspended, job.scaling.rate_limit);
    sensor.listen(&Targets::of(&cluster.running(&job.name), token.clone(), plan.dispatchers, pace));
    Decided { sight, decision, plan, applied }
}

/// With what an earlier process said was spent, which counts on the same day.
fn with_spent(memory: Memory, status: Option<&ImageJobStatus>) -> Memory {
    match status.and_then(|status| status.spent).filter(|_| memory.spent().is_none()) {
        Some(spent) => memory.having_spent(Spent { day: spent.date, pod_hours: spent.pod_seconds as f64 / 3_600.0 }),
        None => memory,
    }
}

fn spent(spent: Spent) -> SpentStatus {
    // `as` saturates.
    SpentStatus { date: spent.day, pod_seconds: (spent.pod_hours * 3_600.0).round() as u64 }
}

/// A suspended job has no workers, and nothing is known of what it would have needed meanwhile.
fn decide_unless_suspended(seen: &Observation, job: &ValidatedJob, memory: &Memory) -> (Decision, Memory) {
    let (decision, memory) = decide(seen, &job.scaling, memory);
    if job.suspended {
        (Decision { replicas: 0, reason: Reason::Suspended, limited_by: None, ..decision }, memory.without_window())
    } else {
        (decision, memory)
    }
}

/// Computes the status and writes it if that is worth it. A status that could not be written is
/// tried again in the next round.
async fn report<C: Cluster>(
    at: Timestamp,
    desired: &Desired,
    step: &Step,
    cluster: &C,
    state: &mut State,
) -> ImageJobStatus {
    let metadata = &desired.job.metadata;
    let finding = match step {
        Step::Invalid(problems) => Finding::Invalid(problems),
        Step::Decided(decided) => Finding::Decided {
            sight: &decided.sight,
            decision: &decided.decision,
            plan: &decided.plan,
            failure: decided.applied.as_ref().err(),
        },
    };
    if state.written.is_none() {
        // What an earlier process wrote, so that a restart alone writes nothing.
        state.written = desired.job.status.clone().map(|status| (status, at));
    }
    let written = state.written.as_ref();
    let previous = written.map(|(status, _)| status).or(desired.job.status.as_ref());
    let name = NamespacedName::of(metadata);
    let mut next = status(at, metadata.generation, finding, previous);
    next.learning = state.kept.status().or(next.learning);
    next.spent = state.memory.spent().map(spent);
    if worth_writing(written.map(|(status, at)| (status, *at)), &next, at) && cluster.has_time_for_status() {
        match cluster.write_status(&name, &next).await {
            Ok(()) => state.written = Some((next.clone(), at)),
            Err(error) => tracing::warn!(job = %name, %error, "status not written"),
        }
    }
    next
}
