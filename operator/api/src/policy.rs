//! `ScalePolicy`: wait, bounds and schedules, owned by admins and shared by jobs.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel;

/// What a policy wants of each job that refers to it.
#[allow(clippy::duplicated_attributes)] // The columns' types are no attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "imagejob.dev",
    version = "v1alpha1",
    kind = "ScalePolicy",
    plural = "scalepolicies",
    derive = "PartialEq",
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
    /// IANA time zone of the profiles that name none (`Asia/Shanghai`).
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// Named schedules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub profiles: Vec<Profile>,
    /// How counts change.
    pub behavior: Behavior,
}

impl Default for ScalePolicySpec {
    fn default() -> Self {
        Self {
            wait_seconds: 60,
            min_wait_seconds: 2,
            min_replicas: 0,
            max_replicas: 7_000,
            time_zone: "UTC".to_owned(),
            profiles: Vec::new(),
            behavior: Behavior::default(),
        }
    }
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

/// A named schedule and what it does while it is active: at least one of `floor`, `ceiling` and
/// `waitSeconds`. Active profiles never outrank each other: the highest floor, the lowest ceiling
/// and the shortest wait hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::profile()))]
pub struct Profile {
    /// Name; a job's profile changes the policy's profile of the same name.
    #[schemars(length(max = 63), extend("x-kubernetes-validations" = cel::profile_name()))]
    pub name: String,
    /// Days on which the window starts; every day if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 7))]
    pub days: Option<Vec<Day>>,
    /// Start of the window, `HH:MM` or `HH:MM:SS` on the zone's clocks; midnight if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), extend("x-kubernetes-validations" = cel::start_time()))]
    pub from: Option<String>,
    /// End of the window, up to `24:00`; midnight if omitted. At or before `from` it lies on the
    /// next day, and the window belongs to the day on which it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), extend("x-kubernetes-validations" = cel::end_time()))]
    pub to: Option<String>,
    /// IANA time zone; the policy's if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
    /// Workers that run at least while the profile is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<u32>,
    /// Workers that run at most while the profile is active; a floor wins over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<u32>,
    /// The promise while the profile is active, seconds, if it is shorter than otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub wait_seconds: Option<u32>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)] // Mon to Sun say what they are.
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl From<Day> for jiff::civil::Weekday {
    fn from(day: Day) -> Self {
        match day {
            Day::Mon => Self::Monday,
            Day::Tue => Self::Tuesday,
            Day::Wed => Self::Wednesday,
            Day::Thu => Self::Thursday,
            Day::Fri => Self::Friday,
            Day::Sat => Self::Saturday,
            Day::Sun => Self::Sunday,
        }
    }
}
