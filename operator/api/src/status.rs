//! Status of an `ImageJob`: what was seen, what was decided, and how well the job is.

use jiff::Timestamp;
use jiff::civil::Date;
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was seen and decided; written when a decision or a condition changes, or when a rounded
/// number changed and a minute has passed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageJobStatus {
    /// Generation of the spec that the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How well the job is, one condition per aspect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Workers wanted and ready.
    #[serde(default)]
    pub workers: ReplicaStatus,
    /// Dispatchers wanted and ready.
    #[serde(default)]
    pub dispatchers: ReplicaStatus,
    /// Records that are not finished; none while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<LagStatus>,
    /// How many workers, and why; none before the first decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionStatus>,
    /// Active profiles and the next change.
    #[serde(default)]
    pub schedule: ScheduleStatus,
    /// What was spent today; none where the policy has no budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<SpentStatus>,
    /// What was learned of the weeks; none before something was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning: Option<LearningStatus>,
}

impl ImageJobStatus {
    /// The condition of a type, if it was ever set.
    pub fn condition(&self, type_: ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == type_.as_str())
    }

    /// True if the condition of a type was set and is `True`.
    pub fn holds(&self, type_: ConditionType) -> bool {
        self.condition(type_).is_some_and(|condition| condition.status == "True")
    }
}

/// The aspects of how well a job is: the types of its conditions.
///
/// Conditions themselves carry text, so that a status that a newer version wrote can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionType {
    /// Records are being taken care of.
    Ready,
    /// Something is under way that needs no help: starting, or waiting for what may yet appear.
    Reconciling,
    /// Nothing will move before somebody changes something.
    Stalled,
    /// The worker count follows what is seen; false while it is held for lack of sight.
    ScalingActive,
    /// A bound cuts the count that is wanted.
    ScalingLimited,
}

impl ConditionType {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::ScalingActive => "ScalingActive",
            Self::ScalingLimited => "ScalingLimited",
        }
    }
}

/// What was learned of the weeks, of which `<job>-learned`, a `ConfigMap`, keeps the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearningStatus {
    /// Weeks of which something is known, at most 8.
    pub weeks: u32,
    /// When it was kept last.
    pub kept_at: Timestamp,
}

/// What a job has spent on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpentStatus {
    /// The day, in the policy's zone: `2026-11-28`.
    #[schemars(with = "String")]
    pub date: Date,
    /// Seconds of one worker.
    pub pod_seconds: u64,
}

/// Wanted and ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaStatus {
    /// How many should run.
    pub wanted: u32,
    /// How many run and are ready.
    pub ready: u32,
}

/// Records that are not finished, rounded to two digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LagStatus {
    /// Records that wait for a lease.
    pub waiting: u64,
    /// Records on loan to workers.
    pub in_flight: u64,
    /// Records that wait for their next attempt.
    pub retrying: u64,
    /// Age of the oldest waiting record, seconds.
    pub oldest_seconds: u64,
    /// True if a part is out of sight, so that the numbers are lower bounds.
    pub partial: bool,
}

/// How many workers, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionStatus {
    /// How many workers.
    pub replicas: u32,
    /// Why: a stable CamelCase word.
    pub reason: String,
    /// Why: one sentence with numbers.
    pub message: String,
    /// Everything that was considered.
    pub candidates: CandidatesStatus,
    /// The bound that cut the count, a stable CamelCase word; none if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<String>,
}

/// Counts of workers that were considered; omitted where one does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CandidatesStatus {
    /// For what waits, against its deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<u32>,
    /// For what arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_up: Option<u32>,
    /// By the job's `lagThreshold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u32>,
    /// For what arrives, and what a profile keeps spare above that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare: Option<u32>,
    /// For what runs or will be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u32>,
    /// Highest floor of the active profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<u32>,
    /// For what the weeks before let expect; it counts only where the policy's learning is `Active`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<u32>,
    /// Lowest ceiling of the active profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<u32>,
    /// Highest count that was needed within the stabilization window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<u32>,
    /// Minimum of job and policy.
    pub minimum: u32,
    /// Maximum of job and policy.
    pub maximum: u32,
}

/// Active profiles and the next change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleStatus {
    /// Profiles that are active.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub active: Vec<ActiveProfileStatus>,
    /// The next change; none if not within a fortnight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<BoundaryStatus>,
}

/// A profile that is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActiveProfileStatus {
    /// Its name.
    pub name: String,
    /// When it ends; none if not within a fortnight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Workers that run at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<u32>,
    /// Workers that run at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<u32>,
}

/// The next change of the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BoundaryStatus {
    /// When.
    pub at: Timestamp,
    /// The profile.
    pub profile: String,
    /// What happens to it.
    pub change: BoundaryChange,
    /// The floor from then on; none if no profile holds one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<u32>,
}

/// What happens to a profile at a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BoundaryChange {
    /// It becomes active.
    Starts,
    /// It stops being active.
    Ends,
}
