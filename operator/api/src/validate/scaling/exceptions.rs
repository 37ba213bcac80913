//! What a policy's calendars and adjustments do to its profiles.

use imagejob_scaling::{Adjustment, Profile};
use jiff::civil::Date;

use super::calendar::dates;
use super::{Place, check_label};
use crate::document::nearest;
use crate::policy::ScalePolicySpec;
use crate::profile::{Calendar, ConfigMapRef};
use crate::validate::problem::{InvalidReason, Problems};

/// First and last of each range.
type Ranges = Vec<(Date, Date)>;

/// Dates of a policy that its profiles do not name themselves.
pub(super) struct Exceptions {
    /// Profile and dates on which it is left out.
    skipped: Vec<(String, Ranges)>,
    /// Profile and dates on which it is used.
    used: Vec<(String, Ranges)>,
    /// Profile and what it prepares for on some dates.
    adjusted: Vec<(String, Adjustment)>,
    /// All dates of calendars.
    pub(super) unusual: Ranges,
}

impl Exceptions {
    /// Those of a policy; each part that makes no sense is a problem and left out.
    pub(super) fn of(policy: &ScalePolicySpec, problems: &mut Problems) -> Self {
        let (adjusted, calendars) = (adjusted(policy, problems), calendars(policy, problems));
        let unusual = calendars.iter().flat_map(|(_, dates)| dates.clone()).collect();
        let mut exceptions = Self { skipped: Vec::new(), used: Vec::new(), adjusted, unusual };
        for (i, exception) in policy.exceptions.iter().enumerate() {
            let place = Place { of_job: false, path: format!("spec.exceptions[{i}]") };
            let names: Vec<&str> = policy.calendars.iter().map(|calendar| calendar.name.as_str()).collect();
            let known = check_known(&exception.calendar, &names, "calendar", "calendar", &place, problems);
            if exception.skip.is_none() && exception.used.is_none() {
                place.add("", "does nothing; add skip or use", problems);
            }
            let dates = calendars.iter().find(|(name, _)| known && *name == exception.calendar);
            let lists =
                [("skip", &exception.skip, &mut exceptions.skipped), ("use", &exception.used, &mut exceptions.used)];
            for (field, list, found) in lists {
                if list.as_ref().is_some_and(Vec::is_empty) {
                    place.add(field, "is empty; omit it", problems);
                }
                for (j, profile) in list.iter().flatten().enumerate() {
                    check_profile(profile, policy, &format!("{field}[{j}]"), &place, problems);
                    found.extend(dates.map(|(_, dates)| (profile.clone(), dates.clone())));
                }
            }
            let both = exception.skip.iter().flatten().find(|name| exception.used.iter().flatten().any(|n| n == *name));
            if let Some(name) = both {
                place.add("use", format!("{name:?} is under skip too; keep one"), problems);
            }
        }
        exceptions
    }

    /// A profile of the policy, changed by them.
    pub(super) fn apply(&self, mut profile: Profile) -> Profile {
        let of = |list: &[(String, Ranges)]| -> Ranges {
            list.iter().filter(|(name, _)| *name == profile.name).flat_map(|(_, dates)| dates.clone()).collect()
        };
        let (skipped, used) = (of(&self.skipped), of(&self.used));
        profile.schedule.days.skipped.extend(skipped);
        profile.schedule.days.dates.extend(used);
        let adjusted = self.adjusted.iter().filter(|(name, _)| *name == profile.name);
        profile.adjustments = adjusted.map(|(_, adjustment)| adjustment.clone()).collect();
        profile
    }
}

fn calendars<'a>(policy: &'a ScalePolicySpec, problems: &mut Problems) -> Vec<(&'a str, Ranges)> {
    let mut found = Vec::new();
    for (i, calendar) in policy.calendars.iter().enumerate() {
        let place = Place { of_job: false, path: format!("spec.calendars[{i}]") };
        let before = policy.calendars[..i].iter().any(|other| other.name == calendar.name);
        check_label(&calendar.name, before, &place, problems);
        let listed = check_origin(calendar, &place, problems);
        let elsewhere = || Place { of_job: false, path: format!("{}.configMapRef", place.path) };
        let place = if calendar.config_map_ref.is_some() { elsewhere() } else { place };
        found.extend(dates(listed, &place, problems).map(|dates| (calendar.name.as_str(), dates)));
    }
    found
}

/// The dates of a calendar, its own or those that were read for it.
fn check_origin<'a>(calendar: &'a Calendar, place: &Place, problems: &mut Problems) -> &'a [String] {
    let dates = calendar.dates.as_ref().or(calendar.found.as_ref());
    if calendar.dates.is_some() && calendar.config_map_ref.is_some() {
        place.add("dates", "are in configMapRef too; keep one of the two", problems);
    }
    match (dates, &calendar.config_map_ref) {
        (None, None) => place.add("", "has no dates; add dates or configMapRef", problems),
        (None, Some(at)) => {
            let ConfigMapRef { namespace, name, key } = at;
            let message =
                format!("there is no key {key:?} in ConfigMap {namespace}/{name}; add it, or write dates here");
            place.add_as(InvalidReason::CalendarMissing, "configMapRef", message, problems);
        }
        (Some(dates), None) if dates.is_empty() => {
            place.add("dates", "is empty; add a date, or omit the calendar", problems);
        }
        (Some(_), _) => {}
    }
    dates.map(Vec::as_slice).unwrap_or_default()
}

fn adjusted(policy: &ScalePolicySpec, problems: &mut Problems) -> Vec<(String, Adjustment)> {
    let mut found: Vec<(String, Adjustment)> = Vec::new();
    for (i, asked) in policy.adjustments.iter().enumerate() {
        let place = Place { of_job: false, path: format!("spec.adjustments[{i}]") };
        if check_profile(&asked.profile, policy, "profile", &place, problems) {
            let profile = policy.profiles.iter().find(|profile| profile.name == asked.profile);
            if profile.is_some_and(|p| p.floor.is_none() && p.rate.is_none() && p.volume.is_none()) {
                let message = format!("{:?} has no floor, rate or volume to adjust; name another", asked.profile);
                place.add("profile", message, problems);
            }
        }
        if !(1..=1_000).contains(&asked.percent) {
            place.add("percent", format!("{} is not from 1 to 1000", asked.percent), problems);
        }
        if asked.dates.is_empty() {
            place.add("dates", "is empty; add a date, or omit the adjustment", problems);
        }
        let Some(dates) = dates(&asked.dates, &place, problems) else { continue };
        let before = found.iter().filter(|(name, _)| *name == asked.profile).flat_map(|(_, before)| &before.dates);
        let overlap = |(first, last): &(Date, Date)| {
            let apart = |(f, l): &(Date, Date)| *l < *first || *last < *f;
            before.clone().find(|range| !apart(range)).map(|(f, _)| *first.max(f))
        };
        if let Some(day) = dates.iter().find_map(overlap) {
            place.add("dates", format!("{day} is adjusted for {:?} already; keep one", asked.profile), problems);
        }
        found.push((asked.profile.clone(), Adjustment { dates, percent: asked.percent }));
    }
    found
}

/// True if the policy has such a profile; else a problem.
fn check_profile(name: &str, policy: &ScalePolicySpec, field: &str, place: &Place, problems: &mut Problems) -> bool {
    let names: Vec<&str> = policy.profiles.iter().map(|profile| profile.name.as_str()).collect();
    check_known(name, &names, "profile", field, place, problems)
}

fn check_known(name: &str, known: &[&str], kind: &str, field: &str, place: &Place, problems: &mut Problems) -> bool {
    if known.contains(&name) {
        return true;
    }
    let hint = nearest(name, known.iter().copied())
        .map_or_else(|| format!("add it under {kind}s"), |near| format!("did you mean {near}?"));
    place.add(field, format!("{name:?} is no {kind} of this policy; {hint}"), problems);
    false
}
