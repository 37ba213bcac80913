//! Windows of wall-clock time in an IANA zone, on days of the week, on dates and in every year.
//!
//! A window is a predicate at an instant, never an event that could be missed: after a restart
//! the answer is the same.
//!
//! Where clocks jump, a window keeps its promise in favour of running: a start that the clocks
//! skip is the first instant after the gap; a start that occurs twice is the first occurrence; an
//! end that occurs twice is the second, so the repeated hour is never lost. Both ends in one gap
//! leave nothing of that day's window.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp, ToSpan};

/// Days that are looked at beyond today before a window counts as one without end, or as one
/// that never comes: a weekly window recurs within 7 days, or within 14 if a gap swallowed one.
const HORIZON_DAYS: i8 = 15;

/// A run of days that is longer is cut here, on either side: every day of the year is no run.
const LONGEST_RUN: usize = 62;

/// A set of days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weekdays(u8);

impl Weekdays {
    /// Monday to Sunday.
    pub const ALL: Self = Self(0b111_1111);

    /// True if the day is in the set.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & Self::bit(day) != 0
    }

    fn bit(day: Weekday) -> u8 {
        1 << day.to_monday_zero_offset()
    }
}

impl FromIterator<Weekday> for Weekdays {
    fn from_iter<I: IntoIterator<Item = Weekday>>(days: I) -> Self {
        Self(days.into_iter().fold(0, |set, day| set | Self::bit(day)))
    }
}

/// Days of a calendar: those that come again and are not skipped, and those that are named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Days {
    /// Days of every week.
    pub weekdays: Weekdays,
    /// Dates, first and last of each range; whoever names a date means it, skipped or not.
    pub dates: Vec<(Date, Date)>,
    /// Days of every year, first and last of each range; a range may span New Year.
    pub yearly: Vec<(MonthDay, MonthDay)>,
    /// Dates on which days of the week and of the year do not count, first and last of each range.
    pub skipped: Vec<(Date, Date)>,
}

/// A day of every year; the order is that of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonthDay {
    /// 1 to 12.
    pub month: i8,
    /// 1 to 31; a day that a year does not have is left out in that year.
    pub day: i8,
}

impl Days {
    /// True if the day is one of them.
    pub fn contains(&self, date: Date) -> bool {
        let among = |ranges: &[(Date, Date)]| ranges.iter().any(|(first, last)| (*first..=*last).contains(&date));
        among(&self.dates) || self.comes_again_on(date) && !among(&self.skipped)
    }

    /// True if it is one of the days of the week or of the year.
    fn comes_again_on(&self, date: Date) -> bool {
        let in_year = MonthDay { month: date.month(), day: date.day() };
        self.weekdays.contains(date.weekday())
            || self.yearly.iter().any(|(first, last)| {
                if first <= last { (*first..=*last).contains(&in_year) } else { in_year >= *first || in_year <= *last }
            })
    }
}

impl FromIterator<Weekday> for Days {
    fn from_iter<I: IntoIterator<Item = Weekday>>(days: I) -> Self {
        Self { weekdays: days.into_iter().collect(), ..Self::default() }
    }
}

/// Days and a window of each, `[from, to)` in wall-clock time.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Days on which a window starts.
    pub days: Days,
    /// Start of the window.
    pub from: Time,
    /// End of the window. At or before `from` it lies on the following day, so midnight to
    /// midnight is a whole day, and 22:00 to 06:00 on Friday ends on Saturday.
    pub to: Time,
    /// The zone whose clocks and calendar are meant.
    pub zone: TimeZone,
}

/// A span of time, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// First instant inside. For a window that has been open for days, at the latest today's.
    pub start: Timestamp,
    /// First instant after; none if the window stays open for longer than a fortnight.
    pub end: Option<Timestamp>,
}

impl Schedule {
    /// True if a window is open at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.around(now, 0).any(|(start, end)| start <= now && now < end)
    }

    /// The window that is open at `now`, else the next one; windows that touch count as one.
    /// None if no window opens within a fortnight.
    pub fn current_or_next(&self, now: Timestamp) -> Option<Interval> {
        let mut found: Option<(Timestamp, Timestamp)> = None;
        for (start, end) in self.around(now, HORIZON_DAYS) {
            match &mut found {
                Some((_, until)) if start <= *until => *until = end.max(*until),
                Some(_) => break,
                None if end > now => found = Some((start, end)),
                None => {}
            }
        }
        let fortnight = SignedDuration::from_hours(14 * 24);
        found.map(|(start, end)| {
            let ends = end.duration_since(now) < fortnight;
            Interval { start, end: ends.then_some(end) }
        })
    }

    /// Windows that start up to `days` after today, in order, with those that may be open still: a
    /// whole day that the calendar repeats may have begun two days ago.
    fn around(&self, now: Timestamp, days: i8) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let today = now.to_zoned(self.zone.clone()).date();
        let days = (-2..=days).filter_map(move |day| today.checked_add(Span::new().days(day)).ok());
        days.filter_map(|day| self.on(day))
    }

    /// The window that starts on `day`; none if there is none, or if the clocks skip all of it.
    pub(crate) fn on(&self, day: Date) -> Option<(Timestamp, Timestamp)> {
        if !self.days.contains(day) {
            return None;
        }
        self.window(day, self.from, self.to)
    }

    /// `[from, to)` on the clocks of `day`; none if the clocks skip all of it.
    pub(crate) fn window(&self, day: Date, from: Time, to: Time) -> Option<(Timestamp, Timestamp)> {
        let last = if to <= from { day.tomorrow().ok()? } else { day };
        let start = self.instant(day.to_datetime(from), Repeated::First)?;
        let end = self.instant(last.to_datetime(to), Repeated::Second)?;
        (start < end).then_some((start, end))
    }

    /// The day on which the window that is open at `now` started; none if no window is open.
    pub(crate) fn day(&self, now: Timestamp) -> Option<Date> {
        let today = now.to_zoned(self.zone.clone()).date();
        let open = |day: &Date| self.on(*day).is_some_and(|(start, end)| start <= now && now < end);
        let mut back = (0..=2).filter_map(|back: i8| today.checked_sub(Span::new().days(back)).ok());
        back.find(open)
    }

    /// That day, with all days before and after it that follow each other.
    pub(crate) fn run(&self, now: Timestamp) -> Option<Vec<Date>> {
        let day = self.day(now)?;
        let mut first = day;
        let mut days = vec![day];
        while let Ok(before) = first.yesterday()
            && self.days.contains(before)
            && days.len() < LONGEST_RUN
        {
            first = before;
            days.insert(0, before);
        }
        let mut last = day;
        while let Ok(after) = last.tomorrow()
            && self.days.contains(after)
            && days.len() < 2 * LONGEST_RUN
        {
            last = after;
            days.push(after);
        }
        Some(days)
    }

    /// The end of the window that ended last before `now`, within three days.
    pub(crate) fn last_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.around(now, 0).map(|(_, end)| end).filter(|end| *end <= now).max()
    }

    /// The instant at which the zone's clocks show `wall`, by the rules of the module's head.
    fn instant(&self, wall: DateTime, repeated: Repeated) -> Option<Timestamp> {
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wall).ok(),
            AmbiguousOffset::Fold { before, after } => match repeated {
                Repeated::First => before.to_timestamp(wall).ok(),
                Repeated::Second => after.to_timestamp(wall).ok(),
            },
            AmbiguousOffset::Gap { before, .. } => {
                // Read with the offset before the gap, the skipped time lies at or after the
                // jump: 02:30 in a gap from 02:00 to 03:00 is 30 minutes after it.
                let beyond = before.to_timestamp(wall).ok()?.checked_add(1.nanosecond()).ok()?;
                self.zone.preceding(beyond).next().map(|jump| jump.timestamp())
            }
        }
    }
}

/// Which one is meant of a wall-clock time that occurs twice.
#[derive(Debug, Clone, Copy)]
enum Repeated {
    First,
    Second,
}
