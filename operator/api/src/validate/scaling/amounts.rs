//! What a profile prepares for, and how its floor gives way.

use std::time::Duration;

use imagejob_scaling::{Amount, Peak, Trim, Volume};
use jiff::civil::Time;

use super::{Place, end_of_day_time, seconds, start_of_day_time};
use crate::profile::{self, Profile};
use crate::validate::problem::Problems;

/// How many times as many records come in a peak, if nothing is said.
const WEIGHT: u32 = 6;
const LONGEST_FADE: u32 = 86_400;
/// 31 days, seconds.
const LONGEST_FINISH: u32 = 2_678_400;
const DAY: i64 = 86_400;

/// The amount of a profile; none if it has none, or if a problem was added.
pub(super) fn amount(profile: &Profile, place: &Place, problems: &mut Problems) -> Option<Amount> {
    let given =
        [("floor", profile.floor.is_some()), ("rate", profile.rate.is_some()), ("volume", profile.volume.is_some())];
    let given: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if given.len() > 1 {
        place.add("", format!("has {}; keep one of them", given.join(" and ")), problems);
    }
    if profile.peaks.is_some() && profile.volume.is_none() {
        place.add("peaks", "says how a volume spreads; add volume, or omit it", problems);
    }
    if profile.peaks.as_ref().is_some_and(Vec::is_empty) {
        place.add("peaks", "is empty; add a peak, or omit it", problems);
    }
    for (field, asked) in [("trim", profile.trim.is_some()), ("fadeOutSeconds", profile.fade_out_seconds.is_some())] {
        if asked && given.is_empty() {
            place.add(field, "changes a floor; add floor, rate or volume, or omit it", problems);
        }
    }
    if let Some(rate) = profile.rate {
        if rate.records_per_second == 0 {
            place.add("rate.recordsPerSecond", "0 prepares for nothing; use at least 1, or omit rate", problems);
        }
        return Some(Amount::Rate(f64::from(rate.records_per_second)));
    }
    if let Some(volume) = profile.volume {
        if volume.records == 0 {
            place.add("volume.records", "0 prepares for nothing; use at least 1, or omit volume", problems);
        }
        let within = volume.within_seconds.and_then(|within| finish(within, profile, place, problems));
        let peaks = peaks(profile, place, problems)?;
        return Some(Amount::Volume(Volume { records: volume.records, peaks, within }));
    }
    profile.floor.map(Amount::Floor)
}

/// The time within which all of a volume has to start: no shorter than a window, in which records still
/// come.
fn finish(within: u32, profile: &Profile, place: &Place, problems: &mut Problems) -> Option<Duration> {
    if !(1..=LONGEST_FINISH).contains(&within) {
        place.add("volume.withinSeconds", format!("{within} is not from 1 to {LONGEST_FINISH}"), problems);
    }
    let from = profile.from.as_deref().map_or(Ok(Time::midnight()), start_of_day_time).ok()?;
    let to = profile.to.as_deref().map_or(Ok(Time::midnight()), end_of_day_time).ok()?;
    let after_midnight = |time: Time| time.duration_since(Time::midnight()).as_secs();
    let day = if to <= from { DAY } else { 0 };
    let window = after_midnight(to) + day - after_midnight(from);
    if i64::from(within) < window {
        let message = format!("{within} is shorter than the window of {window} s, in which records still come");
        place.add("volume.withinSeconds", format!("{message}; use at least {window}"), problems);
    }
    Some(seconds(within))
}

fn peaks(profile: &Profile, place: &Place, problems: &mut Problems) -> Option<Vec<Peak>> {
    let mut peaks: Option<Vec<Peak>> = Some(Vec::new());
    for (i, asked) in profile.peaks.iter().flatten().enumerate() {
        match peak(asked, &format!("peaks[{i}]"), place, problems) {
            Some(peak) => peaks.iter_mut().for_each(|peaks| peaks.push(peak)),
            None => peaks = None,
        }
    }
    let sorted = {
        let mut peaks = peaks.clone().unwrap_or_default();
        peaks.sort_by_key(|peak| peak.from);
        peaks
    };
    let midnight = Time::midnight();
    if sorted.windows(2).any(|pair| pair[0].to == midnight || pair[0].to > pair[1].from) {
        place.add("peaks", "overlap; make one end where the next one starts", problems);
    }
    peaks
}

fn peak(asked: &profile::Peak, path: &str, place: &Place, problems: &mut Problems) -> Option<Peak> {
    let from = start_of_day_time(&asked.from).map_err(|message| place.add(&format!("{path}.from"), message, problems));
    let to = end_of_day_time(&asked.to).map_err(|message| place.add(&format!("{path}.to"), message, problems));
    let weight = asked.weight.unwrap_or(WEIGHT);
    if !(1..=1_000).contains(&weight) {
        place.add(&format!("{path}.weight"), format!("{weight} is not from 1 to 1000"), problems);
    }
    let (from, to) = (from.ok()?, to.ok()?);
    if to <= from && to != Time::midnight() {
        place.add(&format!("{path}.to"), "is not after from; cut a peak over midnight in two", problems);
    }
    Some(Peak { from, to, weight: f64::from(weight) })
}

/// How the floor gives way.
pub(super) fn trim(asked: profile::Trim, place: &Place, problems: &mut Problems) -> Trim {
    let after = asked.after_seconds.unwrap_or(120);
    let percent = asked.factor_percent.unwrap_or(150);
    if !(1..=86_400).contains(&after) {
        place.add("trim.afterSeconds", format!("{after} is not from 1 to 86400"), problems);
    }
    if !(100..=1_000).contains(&percent) {
        place.add("trim.factorPercent", format!("{percent} is not from 100 to 1000"), problems);
    }
    Trim { after: seconds(after), factor: f64::from(percent) / 100.0 }
}

/// Workers above what arrivals need.
pub(super) fn spare(profile: &Profile, place: &Place, problems: &mut Problems) -> u32 {
    if profile.spare == Some(0) {
        place.add("spare", "0 keeps none; omit it", problems);
    }
    profile.spare.unwrap_or(0)
}

/// How long the floor fades.
pub(super) fn fade_out(profile: &Profile, place: &Place, problems: &mut Problems) -> Duration {
    let fade = profile.fade_out_seconds.unwrap_or(0);
    if fade > LONGEST_FADE {
        place.add("fadeOutSeconds", format!("{fade} is above {LONGEST_FADE}, a day"), problems);
    }
    seconds(fade.min(LONGEST_FADE))
}
