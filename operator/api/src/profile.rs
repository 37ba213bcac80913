//! Profiles of a `ScalePolicy`: when they are active, what they prepare for, and the dates on which they are not as usual.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel;

/// A named schedule and what it does while it is active: at most one of `floor`, `rate` and
/// `volume`; at least one of these, `ceiling`, `waitSeconds` and `spare`. Active profiles never outrank each other: the highest floor, the lowest ceiling
/// and the shortest wait hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::profile()))]
pub struct Profile {
    /// Name; a job's profile changes the policy's profile of the same name.
    #[schemars(length(max = 63), extend("x-kubernetes-validations" = cel::profile_name()))]
    pub name: String,
    /// Days of the week on which the window starts; every day if `dates` and `yearly` are omitted
    /// too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 7))]
    pub days: Option<Vec<Day>>,
    /// Dates on which the window starts too: `2026-11-28`, or `2026-10-01/2026-10-07` for the first
    /// and the last of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(max = 21)),
        extend("x-kubernetes-validations" = cel::dates())
    )]
    pub dates: Option<Vec<String>>,
    /// Days of every year on which the window starts too: `11-11`, or `07-01/08-31` for the first
    /// and the last of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(max = 11)),
        extend("x-kubernetes-validations" = cel::days_of_the_year())
    )]
    pub yearly: Option<Vec<String>>,
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
    /// Records a second to prepare for; the floor follows from what workers are measured to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Records of each run of consecutive days to prepare for; the floors follow from its peaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Volume>,
    /// When more records of the `volume` come than otherwise, on each day; they must not overlap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 24))]
    pub peaks: Option<Vec<Peak>>,
    /// How the floor gives way to what really arrives; omitted, it holds to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trim: Option<Trim>,
    /// Seconds over which the floor falls to nothing after the end, at most 86400; at once if
    /// omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 86_400))]
    pub fade_out_seconds: Option<u32>,
    /// Workers that are kept above what arrivals need while the profile is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare: Option<u32>,
    /// Workers that run at most while the profile is active; a floor wins over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<u32>,
    /// The promise while the profile is active, seconds, if it is shorter than otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub wait_seconds: Option<u32>,
}

/// Records a second that a profile prepares for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// Records a second, at least 1.
    #[schemars(range(min = 1))]
    pub records_per_second: u32,
}

/// Records that a profile prepares for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Records, at least 1.
    #[schemars(range(min = 1))]
    pub records: u64,
    /// Seconds from the start of the first day within which all that came has to start, however
    /// long the promise is; not shorter than a window, at most 2678400; only the promise counts if
    /// omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_678_400))]
    pub within_seconds: Option<u32>,
}

/// A named set of dates: `dates` or `configMapRef`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::calendar()))]
pub struct Calendar {
    /// Name.
    #[schemars(length(max = 63), extend("x-kubernetes-validations" = cel::calendar_name()))]
    pub name: String,
    /// Its dates: `2026-10-10`, or `2026-10-01/2026-10-07` for the first and the last of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 128),
        inner(length(max = 21)),
        extend("x-kubernetes-validations" = cel::dates())
    )]
    pub dates: Option<Vec<String>>,
    /// Where its dates are instead: a line for each date or range; blank lines and what follows a # do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<ConfigMapRef>,
    /// The dates that were found there; none while there are none.
    #[serde(skip)]
    pub found: Option<Vec<String>>,
}

/// A key of a `ConfigMap`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapRef {
    /// Its namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key under which the dates are.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// Which profiles are left out or used on the dates of a calendar. A window belongs to the day on
/// which it starts. A date that a profile names itself, or is used on, is never left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::exception()))]
pub struct Exception {
    /// The calendar.
    #[schemars(length(max = 63))]
    pub calendar: String,
    /// Profiles whose days of the week and of the year do not count on its dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), inner(length(max = 63)))]
    pub skip: Option<Vec<String>>,
    /// Profiles whose windows start on its dates too.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), inner(length(max = 63)))]
    pub used: Option<Vec<String>>,
}

/// More or less than a profile prepares for, in the windows that start on some dates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Adjustment {
    /// The dates: `2026-11-28`, or `2026-10-01/2026-10-07` for the first and the last of several.
    #[schemars(
        length(min = 1, max = 32),
        inner(length(max = 21)),
        extend("x-kubernetes-validations" = cel::dates())
    )]
    pub dates: Vec<String>,
    /// The profile.
    #[schemars(length(max = 63))]
    pub profile: String,
    /// Per cent of its floor, rate or volume, 1 to 1000.
    #[schemars(range(min = 1, max = 1_000))]
    pub percent: u32,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub note: Option<String>,
}

/// A window of the day in which more records come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Peak {
    /// Its start, `HH:MM` or `HH:MM:SS` on the zone's clocks.
    #[schemars(length(max = 8), extend("x-kubernetes-validations" = cel::start_time()))]
    pub from: String,
    /// Its end, up to `24:00`.
    #[schemars(length(max = 8), extend("x-kubernetes-validations" = cel::end_time()))]
    pub to: String,
    /// How many times as many records come a second as outside of peaks, 1 to 1000; 6 if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000))]
    pub weight: Option<u32>,
}

/// How a floor gives way to what really arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Trim {
    /// The floor holds in full for so many seconds after each of its steps, 1 to 86400; 120 if
    /// omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub after_seconds: Option<u32>,
    /// From then on it is at most so many per cent of what arrivals need, 100 to 1000; 150 if
    /// omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 1_000))]
    pub factor_percent: Option<u32>,
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
