//! On which days a profile's window starts.

use std::str::FromStr;

use imagejob_scaling::{Days, MonthDay, Weekdays};
use jiff::civil::{Date, Weekday};

use super::Place;
use crate::profile::Profile;
use crate::validate::problem::Problems;

/// A year that has every day.
const LEAP_YEAR: i16 = 2024;

/// The days of a profile. None only if a problem was added.
pub(super) fn days(profile: &Profile, place: &Place, problems: &mut Problems) -> Option<Days> {
    let empty = |list: Option<usize>| list == Some(0);
    for (field, length) in [
        ("days", profile.days.as_ref().map(Vec::len)),
        ("dates", profile.dates.as_ref().map(Vec::len)),
        ("yearly", profile.yearly.as_ref().map(Vec::len)),
    ] {
        if empty(length) {
            place.add(
                field,
                format!("is empty; omit it for {}", if field == "days" { "every day" } else { "none" }),
                problems,
            );
        }
    }
    let weekdays = match &profile.days {
        Some(days) if days.is_empty() => None,
        Some(days) => Some(days.iter().map(|day| Weekday::from(*day)).collect()),
        None if profile.dates.is_some() || profile.yearly.is_some() => Some(Weekdays::default()),
        None => Some(Weekdays::ALL),
    };
    let dates = dates(profile.dates.as_deref().unwrap_or_default(), place, problems);
    let yearly = ranges("yearly", profile.yearly.as_deref(), month_day, place, problems);
    Some(Days { weekdays: weekdays?, dates: dates?, yearly: yearly?, skipped: Vec::new() })
}

/// The ranges of a field `dates`. A range of every year may span New Year, one of dates may not go
/// backwards. None only if a problem was added.
pub(super) fn dates(texts: &[String], place: &Place, problems: &mut Problems) -> Option<Vec<(Date, Date)>> {
    let dates = ranges("dates", Some(texts), date, place, problems)?;
    for (i, (first, last)) in dates.iter().enumerate() {
        if first > last {
            place.add(&format!("dates[{i}]"), format!("{last} is before {first}; write the first one first"), problems);
        }
    }
    Some(dates)
}

/// `first/last`, or one that is both.
fn ranges<T: Copy>(
    field: &str,
    texts: Option<&[String]>,
    read: fn(&str) -> Result<T, String>,
    place: &Place,
    problems: &mut Problems,
) -> Option<Vec<(T, T)>> {
    let mut ranges = Some(Vec::new());
    for (i, text) in texts.unwrap_or_default().iter().enumerate() {
        let (first, last) = text.split_once('/').unwrap_or((text, text));
        match read(first).and_then(|first| Ok((first, read(last)?))) {
            Ok(range) => ranges.iter_mut().for_each(|ranges| ranges.push(range)),
            Err(message) => {
                place.add(&format!("{field}[{i}]"), message, problems);
                ranges = None;
            }
        }
    }
    ranges
}

fn date(text: &str) -> Result<Date, String> {
    let date = (text.len() == 10).then(|| Date::from_str(text).ok()).flatten();
    date.ok_or_else(|| format!("{text:?} is not a date; write it like 2026-11-28, or 2026-10-01/2026-10-07"))
}

fn month_day(text: &str) -> Result<MonthDay, String> {
    let wrong = || format!("{text:?} is not a day of the year; write it like 11-11, or 07-01/08-31");
    let (month, day) = text.split_once('-').filter(|_| text.len() == 5).ok_or_else(wrong)?;
    let (month, day) = month.parse().ok().zip(day.parse().ok()).ok_or_else(wrong)?;
    Date::new(LEAP_YEAR, month, day).map_err(|_| wrong())?;
    Ok(MonthDay { month, day })
}
