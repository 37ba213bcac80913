//! What the same time of the week has needed: learned from the weeks before, asked for before it comes.
//!
//! Of each five minutes of the week the rate is kept at which workers had to work so that nobody waited
//! longer than planned: not the mean, which knows nothing of an album that comes at once. What is
//! expected of this week is a quantile of the last eight, scaled by how today has gone so far.

mod expected;
mod levels;
mod record;
mod required;

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub use expected::Expected;
pub(crate) use expected::next_slot;
pub use levels::{Season, Unreadable};
pub(crate) use record::Recorder;

/// Length of a slot.
pub(crate) const SLOT: Duration = Duration::from_mins(5);

/// What is made of what was learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Learning {
    /// What it does.
    pub mode: Mode,
    /// Of the weeks that are known, so many per cent needed no more than what is expected: 1 to 100.
    pub quantile_percent: u32,
    /// The zone by whose clocks people live whose records these are.
    pub zone: TimeZone,
    /// First and last of each range of days that are like no others of their kind: nothing is learned
    /// from them and nothing expected of them; profiles say what they need.
    pub unusual: Vec<(Date, Date)>,
}

/// What learning does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Disabled,
    /// It says what it would ask for.
    Shadow,
    /// What is expected is a floor; ceilings outrank it.
    Active,
}

impl Default for Learning {
    fn default() -> Self {
        Self { mode: Mode::Shadow, quantile_percent: 80, zone: TimeZone::UTC, unusual: Vec::new() }
    }
}

impl Learning {
    /// The place of an instant in the weeks; none on an unusual day.
    fn place(&self, at: Timestamp) -> Option<Place> {
        let local = at.to_zoned(self.zone.clone());
        let date = local.date();
        let unusual = self.unusual.iter().any(|(first, last)| (*first..=*last).contains(&date));
        if unusual {
            return None;
        }
        let days = i64::from(date.duration_since(MONDAY).as_hours() as i32 / 24);
        let minutes = usize::from(local.hour().unsigned_abs()) * 60 + usize::from(local.minute().unsigned_abs());
        let week = u32::try_from(days.div_euclid(7)).ok()?;
        Some(Place { week, slot: days.rem_euclid(7) as usize * Season::SLOTS_OF_A_DAY + minutes / 5 })
    }
}

/// Weeks are counted from this Monday.
const MONDAY: Date = Date::constant(2001, 1, 1);

/// A slot of a certain week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Weeks since the first Monday of 2001.
    week: u32,
    /// Slots since Monday 00:00, below [`Season::SLOTS`].
    slot: usize,
}

impl Place {
    /// The first slot of its day.
    fn midnight(self) -> Self {
        Self { slot: self.slot - self.slot % Season::SLOTS_OF_A_DAY, ..self }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn places_follow_the_clocks_on_the_wall() {
        let shanghai = Learning { zone: TimeZone::get("Asia/Shanghai").unwrap(), ..Learning::default() };
        let place = |text: &str| shanghai.place(text.parse().unwrap()).unwrap();
        assert_eq!(place("2001-01-01T00:00:00+08:00"), Place { week: 0, slot: 0 });
        assert_eq!(place("2001-01-07T23:59:59+08:00"), Place { week: 0, slot: 2_015 });
        assert_eq!(place("2001-01-08T00:00:00+08:00"), Place { week: 1, slot: 0 });
        // Saturday, 09:07: 5 x 288 + 9 x 12 + 1.
        assert_eq!(place("2026-11-21T09:07:00+08:00").slot, 1_549);
        // Where clocks jump, eight in the morning stays eight in the morning.
        let berlin = Learning { zone: TimeZone::get("Europe/Berlin").unwrap(), ..Learning::default() };
        let eight = |text: &str| berlin.place(text.parse().unwrap()).unwrap().slot;
        assert_eq!(eight("2026-03-23T08:00:00+01:00"), eight("2026-03-30T08:00:00+02:00"));
    }

    #[test]
    fn an_unusual_day_has_no_place() {
        let holiday: Date = "2026-10-01".parse().unwrap();
        let learning = Learning { unusual: vec![(holiday, holiday)], ..Learning::default() };
        assert_eq!(learning.place("2026-10-01T12:00:00Z".parse().unwrap()), None);
        assert!(learning.place("2026-10-02T00:00:00Z".parse().unwrap()).is_some());
        // Before the calendar begins.
        assert_eq!(learning.place("2000-12-31T12:00:00Z".parse().unwrap()), None);
    }
}
