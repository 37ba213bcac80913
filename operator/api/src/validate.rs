//! A job and its policy, merged and checked.
//!
//! Everything that CEL rules in the CRDs check is checked here too (files on a laptop have no API
//! server), and what they cannot: time zones, and a job against its policy. All problems are
//! found, not only the first. Nobody reads a raw spec after this.

mod access;
mod names;
mod outputs;
mod problem;
mod quantity;
mod results;
mod scaling;
mod source;
mod steps;
mod storage;
mod template;
mod variables;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodTemplateSpec;

pub use access::{KafkaAuth, KafkaTls};
pub use outputs::{Bounds, Mark, Output, Resize, Watermark};
pub use problem::{InvalidReason, Problem, Subject};
pub use results::Results;
pub use scaling::not_admitted;
pub use source::{Format, Source, StartFrom};
pub use steps::{Action, Classify, Handler, ModelInput, Step};
pub use storage::{OssSignature, Storage, StorageKind, StoreAccess};

use crate::job::{Delivery, ImageJob, ImageJobSpec, LastResort, Scaling};
use crate::object::NamespacedName;
use crate::policy::ScalePolicy;
use problem::Problems;

/// A job that makes sense, merged with its policy and all defaults filled in.
#[derive(Debug, Clone)]
pub struct ValidatedJob {
    /// Namespace and name.
    pub name: NamespacedName,
    /// Version of the spec, where the server counts it.
    pub generation: Option<i64>,
    /// Where records come from and how they name objects.
    pub source: Source,
    /// Where the objects are.
    pub storage: Storage,
    /// JSON pointers into the message, by name.
    pub variables: BTreeMap<String, String>,
    /// What is done to each photo, in order.
    pub steps: Vec<Step>,
    /// Where results and failures go.
    pub results: Results,
    /// When a record is tried again.
    pub retry: Retry,
    /// Records that a worker works on at once.
    pub slots: NonZeroU32,
    /// Limit of one photo from lease to result, if there is one.
    pub timeout: Option<Duration>,
    /// Dispatchers.
    pub dispatchers: NonZeroU32,
    /// How many workers run.
    pub scaling: imagejob_scaling::Policy,
    /// True if no record is to be worked on until that changes.
    pub suspended: bool,
    /// Changes to the dispatchers' pods.
    pub dispatcher_template: Option<PodTemplateSpec>,
    /// Changes to the workers' pods.
    pub worker_template: Option<PodTemplateSpec>,
}

/// When a record is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all.
    pub max_attempts: NonZeroU32,
    /// Pause before the second attempt; doubles with each further one.
    pub initial_backoff: Duration,
    /// Longest pause.
    pub max_backoff: Duration,
    /// Age at which a record is given up before anybody works on it; none if age does not matter.
    pub max_age: Option<Duration>,
    /// What becomes of a record that is given up.
    pub on_exhausted: LastResort,
}

/// Checks a job against itself and its policy, and merges the two.
///
/// `policy` is the one that `spec.scaling.policyRef` names; none if it names none, or if there is
/// no such policy, which is then a problem. `created` stands in for a creation time that no server
/// has set: `startFrom: Latest` means the first record that is not older than that.
pub fn validate(
    job: &ImageJob,
    policy: Option<&ScalePolicy>,
    created: Timestamp,
) -> Result<ValidatedJob, Vec<Problem>> {
    let mut problems = Problems::of(job, policy);
    let merged = merge(job, policy, created, &mut problems);
    match (merged, problems.into_vec()) {
        (Some(job), problems) if problems.is_empty() => Ok(job),
        (_, problems) => Err(problems),
    }
}

/// Checks a policy by itself: the rules of a job that says nothing of its own.
pub fn validate_policy(policy: &ScalePolicy) -> Result<imagejob_scaling::Policy, Vec<Problem>> {
    let mut problems = Problems::of_policy(policy);
    let slots = NonZeroU32::new(Delivery::default().slots);
    let merged = scaling::merge(&Scaling::default(), Some(policy), slots, None, &mut problems);
    match (merged, problems.into_vec()) {
        (Some(rules), problems) if problems.is_empty() => Ok(rules),
        (_, problems) => Err(problems),
    }
}

/// None only if a problem was added.
fn merge(
    job: &ImageJob,
    policy: Option<&ScalePolicy>,
    created: Timestamp,
    problems: &mut Problems,
) -> Option<ValidatedJob> {
    let spec = &job.spec;
    names::object_name(&job.metadata, problems);
    let source = source::source(&spec.source, &spec.storage.buckets, &job.metadata, created, problems);
    let storage = storage::storage(&spec.storage, problems);
    variables::variables(spec, problems);
    let steps = steps::steps(spec, problems);
    let results = results::results(spec, problems);
    let retry = retry(spec, problems);
    let slots = problems.in_range("spec.delivery.slots", spec.delivery.slots, 1..=1_024);
    if spec.delivery.timeout_seconds == Some(0) {
        problems.add("spec.delivery.timeoutSeconds", "0 leaves no time; omit it for no limit");
    }
    if spec.delivery.rate_limit.is_some_and(|limit| limit.records_per_second == 0) {
        problems.add(
            "spec.delivery.rateLimit.recordsPerSecond",
            "0 lets nothing through; set suspend to stop, omit rateLimit for no limit",
        );
    }
    let dispatchers = problems.in_range("spec.dispatcher.replicas", spec.dispatcher.replicas, 1..=64);
    let dispatcher_template =
        template::template("spec.dispatcher.template", spec.dispatcher.template.as_ref(), problems);
    let worker_template = template::template("spec.worker.template", spec.worker.template.as_ref(), problems);
    let scaling = scaling::merge(&spec.scaling, policy, slots, spec.delivery.records_per_second(), problems);
    Some(ValidatedJob {
        name: NamespacedName::of(&job.metadata),
        generation: job.metadata.generation,
        source: source?,
        storage: storage?,
        variables: spec.variables.clone(),
        steps,
        results,
        retry: retry?,
        slots: slots?,
        timeout: spec.delivery.timeout_seconds.map(|seconds| Duration::from_secs(u64::from(seconds))),
        dispatchers: dispatchers?,
        scaling: scaling?,
        suspended: spec.suspend,
        dispatcher_template,
        worker_template,
    })
}

fn retry(spec: &ImageJobSpec, problems: &mut Problems) -> Option<Retry> {
    let retry = spec.retry;
    let max_attempts = problems.in_range("spec.retry.maxAttempts", retry.max_attempts, 1..=100);
    let initial = problems.in_range("spec.retry.initialBackoffSeconds", retry.initial_backoff_seconds, 1..=86_400);
    let max = problems.in_range("spec.retry.maxBackoffSeconds", retry.max_backoff_seconds, 1..=86_400);
    if retry.max_backoff_seconds < retry.initial_backoff_seconds {
        let (max, initial) = (retry.max_backoff_seconds, retry.initial_backoff_seconds);
        problems.add("spec.retry.maxBackoffSeconds", format!("{max} is below initialBackoffSeconds {initial}"));
    }
    let max_age = retry.max_age_seconds.map(|age| problems.in_range("spec.retry.maxAgeSeconds", age, 1..=31_536_000));
    let seconds = |n: NonZeroU32| Duration::from_secs(u64::from(n.get()));
    Some(Retry {
        max_attempts: max_attempts?,
        initial_backoff: seconds(initial?),
        max_backoff: seconds(max?),
        max_age: match max_age {
            Some(age) => Some(seconds(age?)),
            None => None,
        },
        on_exhausted: retry.on_exhausted,
    })
}
