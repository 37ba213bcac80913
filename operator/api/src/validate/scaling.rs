//! Job and policy merged: bounds may be tightened, never widened; profiles merge by name, field by
//! field.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use imagejob_scaling::{Fixed, Learning, Mode, Policy, Schedule};
use jiff::Zoned;
use jiff::civil::{Date, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::{TimeZone, TimeZoneDatabase};

mod admission;
mod amounts;
mod calendar;
mod exceptions;

pub use admission::not_admitted;
use exceptions::Exceptions;

use super::names::{is_dns_label, not_a_label};
use super::problem::{InvalidReason, Problems};
use crate::document::nearest;
use crate::job::{Override, Scaling};
use crate::policy::{AllowedNamespaces, BudgetAction, LearningMode, ScalePolicy, ScalePolicySpec};
use crate::profile::Profile;

/// The rules of a job. None only if a problem was added.
pub(super) fn merge(
    job: &Scaling,
    policy: Option<&ScalePolicy>,
    slots: Option<NonZeroU32>,
    rate_limit: Option<NonZeroU32>,
    problems: &mut Problems,
) -> Option<Policy> {
    if let (Some(reference), None) = (&job.policy_ref, policy) {
        let message =
            format!("there is no ScalePolicy {:?}; create it or omit policyRef for the defaults", reference.name);
        problems.add_as(InvalidReason::PolicyNotFound, "spec.scaling.policyRef.name", message);
    }
    let defaults = ScalePolicySpec::default();
    let policy = policy.map_or(&defaults, |policy| &policy.spec);
    check_policy(policy, problems);
    check_bounds(job, policy, problems);
    let max_replicas = job.max_replicas.unwrap_or(policy.max_replicas);
    let exceptions = Exceptions::of(policy, problems);
    let profiles = profiles(job, policy, max_replicas, &exceptions, problems);
    let learning = learning(policy, exceptions.unusual, problems);
    Some(Policy {
        wait: seconds(job.wait_seconds.unwrap_or(policy.wait_seconds)),
        min_replicas: job.min_replicas.unwrap_or(policy.min_replicas),
        max_replicas,
        namespace_quota: policy.max_replicas_per_namespace,
        budget: budget(policy),
        slots: slots?,
        scale_down_stabilization: seconds(policy.behavior.scale_down_stabilization_seconds),
        profiles,
        lag_threshold: job.lag_threshold.and_then(|each| lag_threshold(each, problems)),
        rate_limit,
        fixed: job.fixed.as_ref().and_then(|fixed| fix(fixed, max_replicas, problems)),
        learning,
    })
}

fn seconds(n: u32) -> Duration {
    Duration::from_secs(u64::from(n))
}

fn check_policy(policy: &ScalePolicySpec, problems: &mut Problems) {
    let mut wrong = |path: &str, message: String| problems.add_to_policy(InvalidReason::InvalidPolicy, path, message);
    let (min, max) = (policy.min_replicas, policy.max_replicas);
    if max == 0 {
        wrong("spec.maxReplicas", "0 lets no worker run; use at least 1".to_owned());
    } else if min > max {
        wrong("spec.minReplicas", format!("{min} is above maxReplicas {max}"));
    }
    let (wait, least) = (policy.wait_seconds, policy.min_wait_seconds);
    if least == 0 {
        wrong("spec.minWaitSeconds", "0 cannot be kept; use at least 1".to_owned());
    } else if wait < least {
        wrong("spec.waitSeconds", format!("{wait} is below minWaitSeconds {least}"));
    }
    let window = policy.behavior.scale_down_stabilization_seconds;
    if !(1..=3_600).contains(&window) {
        wrong("spec.behavior.scaleDownStabilizationSeconds", format!("{window} is not from 1 to 3600"));
    }
    if policy.max_replicas_per_namespace == Some(0) {
        wrong("spec.maxReplicasPerNamespace", "0 lets no worker run; use at least 1, or omit it".to_owned());
    }
    if policy.budget.is_some_and(|budget| budget.pod_hours_per_day == 0) {
        wrong("spec.budget.podHoursPerDay", "0 pays for nothing; use at least 1, or omit budget".to_owned());
    }
    if let Some(message) = policy.allowed_namespaces.as_ref().and_then(no_labels) {
        wrong("spec.allowedNamespaces.matchLabels", message);
    }
    if let Err(message) = time_zone(&policy.time_zone) {
        problems.add_to_policy(InvalidReason::UnknownTimeZone, "spec.timeZone", message);
    }
}

/// What is wrong with labels that choose namespaces, if anything is.
fn no_labels(allowed: &AllowedNamespaces) -> Option<String> {
    let labels = &allowed.match_labels;
    match labels.len() {
        0 => return Some("names no label; add one, or omit allowedNamespaces".to_owned()),
        1..=16 => {}
        more => return Some(format!("names {more} labels; name at most 16")),
    }
    let (key, _) = labels.iter().find(|(_, value)| value.chars().count() > 63)?;
    Some(format!("the value of {key:?} is longer than the 63 characters that a label has"))
}

fn check_bounds(job: &Scaling, policy: &ScalePolicySpec, problems: &mut Problems) {
    let min = job.min_replicas.unwrap_or(policy.min_replicas);
    let max = job.max_replicas.unwrap_or(policy.max_replicas);
    if job.max_replicas == Some(0) {
        problems.add("spec.scaling.maxReplicas", "0 lets no worker run; use at least 1");
    } else if min > max && policy.min_replicas <= policy.max_replicas {
        let path = if job.min_replicas.is_some() { "minReplicas" } else { "maxReplicas" };
        let message = if job.min_replicas.is_some() {
            format!("{min} is above maxReplicas {max}")
        } else {
            format!("{max} is below the policy's minReplicas {min}")
        };
        problems.add(&format!("spec.scaling.{path}"), message);
    }
    let mut wider = |field: &str, message: String| {
        problems.add_as(InvalidReason::WiderThanPolicy, &format!("spec.scaling.{field}"), message);
    };
    if max > policy.max_replicas {
        wider("maxReplicas", format!("{max} is above the policy's {}; a job may only tighten it", policy.max_replicas));
    }
    if min < policy.min_replicas {
        wider("minReplicas", format!("{min} is below the policy's {}; a job may only tighten it", policy.min_replicas));
    }
    if let Some(wait) = job.wait_seconds.filter(|wait| *wait < policy.min_wait_seconds) {
        wider("waitSeconds", format!("{wait} is below the policy's minWaitSeconds {}", policy.min_wait_seconds));
    }
}

fn learning(policy: &ScalePolicySpec, unusual: Vec<(Date, Date)>, problems: &mut Problems) -> Learning {
    let asked = policy.learning;
    if !(1..=100).contains(&asked.quantile_percent) {
        let message = format!("{} is not from 1 to 100", asked.quantile_percent);
        problems.add_to_policy(InvalidReason::InvalidPolicy, "spec.learning.quantilePercent", message);
    }
    let mode = match asked.mode {
        LearningMode::Disabled => Mode::Disabled,
        LearningMode::Shadow => Mode::Shadow,
        LearningMode::Active => Mode::Active,
    };
    // That the zone is none has been said already.
    let zone = time_zone(&policy.time_zone).unwrap_or(TimeZone::UTC);
    Learning { mode, quantile_percent: asked.quantile_percent, zone, unusual }
}

fn budget(policy: &ScalePolicySpec) -> Option<imagejob_scaling::Budget> {
    let asked = policy.budget?;
    let on_exceeded = match asked.on_exceeded {
        BudgetAction::RelaxWait => imagejob_scaling::OnExceeded::RelaxWait,
        BudgetAction::Hold => imagejob_scaling::OnExceeded::Hold,
    };
    // That the zone is none has been said already.
    let zone = time_zone(&policy.time_zone).unwrap_or(TimeZone::UTC);
    Some(imagejob_scaling::Budget { pod_hours_per_day: asked.pod_hours_per_day, on_exceeded, zone })
}

fn lag_threshold(each: u32, problems: &mut Problems) -> Option<NonZeroU32> {
    if each == 0 {
        problems.add("spec.scaling.lagThreshold", "0 asks for no end of workers; use at least 1, or omit it");
    }
    NonZeroU32::new(each)
}

fn fix(asked: &Override, max_replicas: u32, problems: &mut Problems) -> Option<Fixed> {
    if asked.replicas > max_replicas {
        let message = format!("{} is above maxReplicas {max_replicas}", asked.replicas);
        problems.add("spec.scaling.override.replicas", message);
    }
    let until = instant(&asked.until).map_err(|message| problems.add("spec.scaling.override.until", message)).ok()?;
    Some(Fixed { replicas: asked.replicas, until })
}

/// An RFC 3339 time, in the zone in which it was written.
fn instant(text: &str) -> Result<Zoned, String> {
    let wrong = || format!("{text:?} is not a time with a zone; write it like 2026-11-11T00:20:00+08:00");
    let pieces = Pieces::parse(text).map_err(|_| wrong())?;
    let (time, offset) = pieces.time().zip(pieces.to_numeric_offset()).ok_or_else(wrong)?;
    TimeZone::fixed(offset).to_zoned(pieces.date().to_datetime(time)).map_err(|_| wrong())
}

/// The policy's profiles, changed by the job's of the same name, then the job's own.
fn profiles(
    job: &Scaling,
    policy: &ScalePolicySpec,
    max_replicas: u32,
    exceptions: &Exceptions,
    problems: &mut Problems,
) -> Vec<imagejob_scaling::Profile> {
    let in_job = |i: usize| Place { of_job: true, path: format!("spec.scaling.profiles[{i}]") };
    let in_policy = |i: usize| Place { of_job: false, path: format!("spec.profiles[{i}]") };
    for (profiles, place) in [(&job.profiles, &in_job as &dyn Fn(usize) -> Place), (&policy.profiles, &in_policy)] {
        for (i, profile) in profiles.iter().enumerate() {
            let there_already = profiles[..i].iter().any(|other| other.name == profile.name);
            check_label(&profile.name, there_already, &place(i), problems);
        }
    }
    for (i, profile) in policy.profiles.iter().enumerate() {
        check_ceiling(profile, policy, &in_policy(i), problems);
    }
    let index_in_job = |name: &str| job.profiles.iter().position(|profile| profile.name == name);
    let of_policy = policy.profiles.iter().enumerate().map(|(i, profile)| match index_in_job(&profile.name) {
        Some(j) => (overlaid(profile, &job.profiles[j]), in_job(j)),
        None => (profile.clone(), in_policy(i)),
    });
    let in_policy_too = |profile: &Profile| policy.profiles.iter().any(|other| other.name == profile.name);
    let own = job.profiles.iter().enumerate().filter(|(_, profile)| !in_policy_too(profile));
    let own = own.map(|(i, profile)| (profile.clone(), in_job(i)));
    let mut checked = |(profile, place): (Profile, Place)| {
        check_amounts(&profile, &place, max_replicas, policy.min_wait_seconds, problems);
        resolve(&profile, &policy.time_zone, &place, problems)
    };
    let mut resolved: Vec<_> = of_policy.filter_map(&mut checked).map(|profile| exceptions.apply(profile)).collect();
    resolved.extend(own.filter_map(checked));
    resolved
}

/// Which document a profile's problem belongs to, and where in it.
struct Place {
    of_job: bool,
    path: String,
}

impl Place {
    fn add(&self, field: &str, message: impl Into<String>, problems: &mut Problems) {
        let reason = if self.of_job { InvalidReason::InvalidSpec } else { InvalidReason::InvalidPolicy };
        self.add_as(reason, field, message, problems);
    }

    fn add_as(&self, reason: InvalidReason, field: &str, message: impl Into<String>, problems: &mut Problems) {
        let path = if field.is_empty() { self.path.clone() } else { format!("{}.{field}", self.path) };
        if self.of_job {
            problems.add_as(reason, &path, message);
        } else {
            problems.add_to_policy(reason, &path, message);
        }
    }
}

/// `base` with every field that `over` names.
fn overlaid(base: &Profile, over: &Profile) -> Profile {
    Profile {
        name: base.name.clone(),
        days: over.days.clone().or_else(|| base.days.clone()),
        from: over.from.clone().or_else(|| base.from.clone()),
        to: over.to.clone().or_else(|| base.to.clone()),
        time_zone: over.time_zone.clone().or_else(|| base.time_zone.clone()),
        dates: over.dates.clone().or_else(|| base.dates.clone()),
        yearly: over.yearly.clone().or_else(|| base.yearly.clone()),
        // Another kind of amount takes the place of the policy's.
        floor: over.floor.or(base.floor.filter(|_| over.rate.is_none() && over.volume.is_none())),
        rate: over.rate.or(base.rate.filter(|_| over.floor.is_none() && over.volume.is_none())),
        volume: over.volume.or(base.volume.filter(|_| over.floor.is_none() && over.rate.is_none())),
        peaks: over
            .peaks
            .clone()
            .or_else(|| base.peaks.clone().filter(|_| over.floor.is_none() && over.rate.is_none())),
        trim: over.trim.or(base.trim),
        fade_out_seconds: over.fade_out_seconds.or(base.fade_out_seconds),
        spare: over.spare.or(base.spare),
        ceiling: over.ceiling.or(base.ceiling),
        wait_seconds: over.wait_seconds.or(base.wait_seconds),
    }
}

/// The name of an item of a list, of which another one may be there already.
fn check_label(name: &str, there_already: bool, place: &Place, problems: &mut Problems) {
    if !is_dns_label(name) {
        place.add("name", not_a_label(name), problems);
    }
    if there_already {
        place.add("name", format!("{name:?} is there already; keep one"), problems);
    }
}

/// A ceiling that could never hold is a mistake. A job's own bounds may leave a policy's without effect.
fn check_ceiling(profile: &Profile, policy: &ScalePolicySpec, place: &Place, problems: &mut Problems) {
    let Some(ceiling) = profile.ceiling else { return };
    let (min, max) = (policy.min_replicas, policy.max_replicas);
    if ceiling > max {
        place.add("ceiling", format!("{ceiling} is above maxReplicas {max} and cuts nothing; lower it"), problems);
    } else if ceiling < min {
        place.add("ceiling", format!("{ceiling} is below minReplicas {min}, which wins; raise it"), problems);
    }
}

fn check_amounts(profile: &Profile, place: &Place, max_replicas: u32, min_wait: u32, problems: &mut Problems) {
    let amounts = [profile.floor.is_some(), profile.rate.is_some(), profile.volume.is_some()];
    let others = [profile.ceiling.is_some(), profile.wait_seconds.is_some(), profile.spare.is_some()];
    if !amounts.into_iter().chain(others).any(|given| given) {
        place.add("", "does nothing; add at least one of floor rate volume ceiling waitSeconds spare", problems);
    }
    if let Some(floor) = profile.floor.filter(|floor| *floor > max_replicas) {
        place.add("floor", format!("{floor} is above maxReplicas {max_replicas}"), problems);
    }
    if let (Some(floor), Some(ceiling)) = (profile.floor, profile.ceiling)
        && floor > ceiling
    {
        place.add("floor", format!("{floor} is above the ceiling {ceiling} of the same profile"), problems);
    }
    if let Some(wait) = profile.wait_seconds.filter(|wait| *wait < min_wait) {
        place.add("waitSeconds", format!("{wait} is below the policy's minWaitSeconds {min_wait}"), problems);
    }
}

fn resolve(
    profile: &Profile,
    policy_zone: &str,
    place: &Place,
    problems: &mut Problems,
) -> Option<imagejob_scaling::Profile> {
    let days = calendar::days(profile, place, problems);
    let from = profile.from.as_deref().map_or(Ok(Time::midnight()), start_of_day_time);
    let from = from.map_err(|message| place.add("from", message, problems)).ok();
    let to = profile.to.as_deref().map_or(Ok(Time::midnight()), end_of_day_time);
    let to = to.map_err(|message| place.add("to", message, problems)).ok();
    // The policy's own zone has been checked already.
    let zone = match (&profile.time_zone, time_zone(profile.time_zone.as_deref().unwrap_or(policy_zone))) {
        (_, Ok(zone)) => Some(zone),
        (Some(_), Err(message)) => {
            place.add_as(InvalidReason::UnknownTimeZone, "timeZone", message, problems);
            None
        }
        (None, Err(_)) => None,
    };
    let schedule = Schedule { days: days?, from: from?, to: to?, zone: zone? };
    Some(imagejob_scaling::Profile {
        amount: amounts::amount(profile, place, problems),
        trim: profile.trim.map(|trim| amounts::trim(trim, place, problems)),
        spare: amounts::spare(profile, place, problems),
        fade_out: amounts::fade_out(profile, place, problems),
        ceiling: profile.ceiling,
        wait: profile.wait_seconds.map(seconds),
        ..imagejob_scaling::Profile::new(&profile.name, schedule)
    })
}

fn start_of_day_time(text: &str) -> Result<Time, String> {
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    let form = matches!(text.len(), 5 | 8) && text.split(':').all(digits);
    let time = form.then(|| Time::from_str(text).ok()).flatten().filter(|_| !text.ends_with(":60"));
    time.ok_or_else(|| format!("{text:?} is not a time of day; write HH:MM or HH:MM:SS"))
}

/// As a start, and `24:00` for the end of the day, which is the next day's midnight.
fn end_of_day_time(text: &str) -> Result<Time, String> {
    if matches!(text, "24:00" | "24:00:00") { Ok(Time::midnight()) } else { start_of_day_time(text) }
}

/// The zone data that is compiled in: a schedule must not depend on the files of a machine.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

fn time_zone(name: &str) -> Result<TimeZone, String> {
    ZONES.get(name).map_err(|_| {
        let known: Vec<String> = ZONES.available().map(|zone| zone.to_string()).collect();
        let near = nearest(name, known.iter().map(String::as_str));
        let hint =
            near.map_or("use an IANA name such as Asia/Shanghai".to_owned(), |near| format!("did you mean {near}?"));
        format!("{name:?} is not a time zone; {hint}")
    })
}
