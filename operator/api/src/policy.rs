//! `ScalePolicy`: wait, bounds and schedules, owned by admins and shared by jobs.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel;
use crate::policy_status::ScalePolicyStatus;
use crate::profile::{Adjustment, Calendar, ConfigMapRef, Exception, Profile};

/// What a policy wants of each job that refers to it.
#[allow(clippy::duplicated_attributes)] // The columns' types are no attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "imagejob.dev",
    version = "v1alpha1",
    kind = "ScalePolicy",
    plural = "scalepolicies",
    derive = "PartialEq",
    status = "ScalePolicyStatus",
    printcolumn(
        name = "READY",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=='Ready')].status"#,
        description = "Whether the policy makes sense"
    ),
    printcolumn(
        name = "JOBS",
        type_ = "integer",
        json_path = r#".status.jobs"#,
        description = "Jobs that refer to it"
    ),
    printcolumn(
        name = "WAIT",
        type_ = "integer",
        json_path = r#".spec.waitSeconds"#,
        description = "The promise, seconds from append to first lease"
    ),
    printcolumn(
        name = "MIN",
        type_ = "integer",
        json_path = r#".spec.minReplicas"#,
        description = "Workers of a job that always run"
    ),
    printcolumn(
        name = "MAX",
        type_ = "integer",
        json_path = r#".spec.maxReplicas"#,
        description = "Workers of a job that are never exceeded"
    ),
    printcolumn(
        name = "ZONE",
        type_ = "string",
        json_path = r#".spec.timeZone"#,
        description = "Time zone of profiles that name none"
    ),
    printcolumn(
        name = "AGE",
        type_ = "date",
        json_path = r#".metadata.creationTimestamp"#,
        description = "Time since the policy was created"
    ),
    doc = "Wait, bounds and schedules that jobs of all namespaces refer to."
)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = cel::policy()))]
pub struct ScalePolicySpec {
    /// The promise, seconds from a record's append to its first lease.
    #[schemars(range(min = 1))]
    pub wait_seconds: u32,
    /// No job and no profile may promise less, seconds.
    #[schemars(range(min = 1))]
    pub min_wait_seconds: u32,
    /// Workers of a job that always run.
    pub min_replicas: u32,
    /// Workers of a job that never are exceeded.
    #[schemars(range(min = 1))]
    pub max_replicas: u32,
    /// Workers that the jobs of one namespace under this policy run at most, all together; no such bound if omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_replicas_per_namespace: Option<u32>,
    /// IANA time zone of the profiles that name none (`Asia/Shanghai`).
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// Named schedules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub profiles: Vec<Profile>,
    /// Named sets of dates, for `exceptions`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub calendars: Vec<Calendar>,
    /// Which profiles of this policy are left out or used on the dates of a calendar.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub exceptions: Vec<Exception>,
    /// More or less than a profile of this policy prepares for, on some dates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub adjustments: Vec<Adjustment>,
    /// How counts change.
    pub behavior: Behavior,
    /// What is made of the weeks before.
    pub learning: Learning,
    /// What all jobs under this policy may spend in a day, together; no bound if omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Labels of the namespaces whose jobs may refer to this policy; all may if omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
}

impl Default for ScalePolicySpec {
    fn default() -> Self {
        Self {
            wait_seconds: 60,
            min_wait_seconds: 2,
            min_replicas: 0,
            max_replicas: 7_000,
            max_replicas_per_namespace: None,
            time_zone: "UTC".to_owned(),
            profiles: Vec::new(),
            calendars: Vec::new(),
            exceptions: Vec::new(),
            adjustments: Vec::new(),
            behavior: Behavior::default(),
            learning: Learning::default(),
            budget: None,
            allowed_namespaces: None,
        }
    }
}

/// What all jobs under a policy may spend in a day, which begins at midnight in `timeZone`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// Hours of one worker, at least 1.
    #[schemars(range(min = 1))]
    pub pod_hours_per_day: u32,
    /// What happens when it is spent: RelaxWait if omitted.
    #[serde(default)]
    pub on_exceeded: BudgetAction,
}

/// What happens when a budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum BudgetAction {
    /// Records may wait twice as long from 80 % of the budget on, five times as long once it is spent. Nothing stops.
    #[default]
    RelaxWait,
    /// Once it is spent no worker is added until the day ends, whatever a floor asks for; each job keeps one.
    Hold,
}

/// Which namespaces may refer to a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// Labels that a namespace has, each with this value, 1 to 16.
    #[schemars(extend(
        "maxProperties" = 16,
        "additionalProperties" = serde_json::json!({"type": "string", "maxLength": 63}),
        "x-kubernetes-validations" = cel::match_labels()
    ))]
    pub match_labels: BTreeMap<String, String>,
}

/// How counts change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Behavior {
    /// A worker leaves only after this many seconds without need of it, 1 to 3600.
    #[schemars(range(min = 1, max = 3_600))]
    pub scale_down_stabilization_seconds: u32,
}

impl Default for Behavior {
    fn default() -> Self {
        Self { scale_down_stabilization_seconds: 30 }
    }
}

/// What is made of the weeks before. Of each five minutes of the week it is kept how fast workers had to
/// work; dates of `calendars` are no usual days: nothing is learned from them, nothing expected of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Learning {
    /// Disabled, Shadow or Active.
    pub mode: LearningMode,
    /// Of the weeks that are known, so many per cent needed no more than what is expected, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub quantile_percent: u32,
}

impl Default for Learning {
    fn default() -> Self {
        Self { mode: LearningMode::Shadow, quantile_percent: 80 }
    }
}

/// What learning does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LearningMode {
    /// Nothing.
    Disabled,
    /// It says what it would ask for, in `status.decision.candidates.learned`.
    Shadow,
    /// What it asks for is a floor; ceilings outrank it.
    Active,
}

impl ScalePolicy {
    /// Keys of `ConfigMap`s that hold dates of this policy.
    pub fn config_maps(&self) -> impl Iterator<Item = &ConfigMapRef> {
        self.spec.calendars.iter().filter_map(|calendar| calendar.config_map_ref.as_ref())
    }

    /// With the dates that `read` finds where calendars refer to.
    #[must_use]
    pub fn with_dates(mut self, read: impl Fn(&ConfigMapRef) -> Option<String>) -> Self {
        for calendar in &mut self.spec.calendars {
            if let Some(reference) = &calendar.config_map_ref {
                calendar.found = read(reference).map(|text| listed(&text));
            }
        }
        self
    }
}

/// The dates of a text, a line for each.
fn listed(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
