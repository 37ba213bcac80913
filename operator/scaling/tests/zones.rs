//! Weekly windows against a minute-by-minute reading of the zone's clocks, over zones whose
//! clocks have jumped in odd ways.
//!
//! The model knows nothing of gaps and folds: a window is open from the first minute at which the
//! clocks show its start or later, until the last minute at which they show its end or, where they
//! never do, until after the last one at which they show less.

#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use imagejob_scaling::{Days, Schedule, Weekdays};
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;

/// Zones and a day near one of their jumps.
const JUMPS: &[(&str, &str)] = &[
    ("America/New_York", "2026-03-08"),    // 02:00 -> 03:00
    ("America/New_York", "2026-11-01"),    // 02:00 -> 01:00
    ("Australia/Lord_Howe", "2026-04-05"), // back by half an hour
    ("Australia/Lord_Howe", "2026-10-04"), // forward by half an hour
    ("America/Sao_Paulo", "2018-11-04"),   // 00:00 -> 01:00: the day has no midnight
    ("America/Sao_Paulo", "2019-02-17"),   // 00:00 -> 23:00 of the day before
    ("Asia/Shanghai", "1991-09-15"),       // 02:00 -> 01:00, the last time
    ("Asia/Shanghai", "2026-11-21"),       // no jump at all
    ("Pacific/Apia", "2011-12-30"),        // a day that never was
    ("Pacific/Kwajalein", "1969-09-30"),   // a day that was twice, nearly
    ("Antarctica/Troll", "2026-03-29"),    // forward by two hours
    ("Antarctica/Troll", "2026-10-25"),    // back by two hours
    ("Africa/Casablanca", "2026-02-15"),   // back, in winter
    ("America/Caracas", "2016-05-01"),     // forward by half an hour for good
];

/// Every jump of every zone within ten years. The second name of a zone jumps with the first.
static ALL_JUMPS: LazyLock<Vec<(TimeZone, Date)>> = LazyLock::new(|| {
    let zones = TimeZoneDatabase::bundled();
    let (from, until): (Timestamp, Timestamp) =
        ("2020-01-01T00:00:00Z".parse().unwrap(), "2030-01-01T00:00:00Z".parse().unwrap());
    let names: Vec<String> = zones.available().map(|name| name.to_string()).collect();
    let jumps_of = |name: &String| {
        let zone = zones.get(name).unwrap();
        let jumps = zone.following(from).map(|jump| jump.timestamp()).take_while(|at| *at < until);
        let days: Vec<Date> = jumps.map(|at| at.to_zoned(TimeZone::UTC).date()).collect();
        days.into_iter().map(move |day| (zone.clone(), day))
    };
    names.iter().flat_map(jumps_of).collect()
});

/// Cases of each property: a hundred take seconds, `make soak` draws many more.
fn cases() -> u32 {
    std::env::var("IMAGEJOB_ZONE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(96)
}

/// Minutes of UTC around a jump with what the clocks show.
struct Clocks(Vec<(Timestamp, DateTime)>);

impl Clocks {
    fn around(day: Date, zone: &TimeZone) -> Self {
        let first = day.checked_sub(5.days()).unwrap().to_zoned(TimeZone::UTC).unwrap().timestamp();
        let minutes = (0..12 * 24 * 60).map(|minute| first + SignedDuration::from_mins(minute));
        Self(minutes.map(|at| (at, zone.to_datetime(at))).collect())
    }

    /// Minutes that lie in the window that starts on `day`.
    fn open(&self, schedule: &Schedule, day: Date) -> std::ops::Range<usize> {
        let last = if schedule.to <= schedule.from { day.tomorrow().unwrap() } else { day };
        let (from, to) = (day.to_datetime(schedule.from), last.to_datetime(schedule.to));
        let start = self.0.iter().position(|(_, wall)| *wall >= from).unwrap_or(self.0.len());
        let shown = self.0.iter().rposition(|(_, wall)| *wall == to);
        let end = shown.unwrap_or_else(|| self.0.iter().rposition(|(_, wall)| *wall < to).map_or(0, |last| last + 1));
        start..end.max(start)
    }
}

fn schedules() -> impl Strategy<Value = (Schedule, Date)> {
    let minute = 0..24 * 60i64;
    // Half of the bounds lie in the small hours, where clocks jump.
    let minute = prop_oneof![minute, 0..4 * 60i64];
    let time = minute.prop_map(|minute| Time::midnight() + SignedDuration::from_mins(minute));
    let days = proptest::collection::vec(1..=7i8, 1..7);
    let odd = (0..JUMPS.len()).prop_map(|jump| {
        let (zone, day) = JUMPS[jump];
        (TimeZone::get(zone).unwrap(), day.parse().unwrap())
    });
    let any = (0..ALL_JUMPS.len()).prop_map(|jump| ALL_JUMPS[jump].clone());
    (prop_oneof![odd, any], time.clone(), time, days).prop_map(|((zone, day), from, to, days)| {
        let days = days.into_iter().map(|day| Weekday::from_monday_one_offset(day).unwrap());
        let schedule = Schedule { days: days.collect(), from, to, zone };
        (schedule, day)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn windows_equal_the_reading_of_the_clocks((schedule, day) in schedules()) {
        let clocks = Clocks::around(day, &schedule.zone);
        let mut open = vec![false; clocks.0.len()];
        for offset in -5..=7 {
            let start_day = day.checked_add(offset.days()).unwrap();
            if schedule.days.contains(start_day) {
                open[clocks.open(&schedule, start_day)].fill(true);
            }
        }
        // The first and last days are left out: windows that start outside the table are not in it.
        let (first, last) = (2 * 24 * 60, 10 * 24 * 60);
        for (minute, (at, wall)) in clocks.0.iter().enumerate().take(last).skip(first) {
            prop_assert_eq!(schedule.is_active(*at), open[minute], "at {} ({})", at, wall);
        }
    }

    #[test]
    fn nothing_changes_before_the_boundary_that_was_named((schedule, day) in schedules(), minute in 0..4 * 24 * 60i64) {
        let midnight = day.checked_sub(2.days()).unwrap().to_zoned(TimeZone::UTC).unwrap().timestamp();
        let now = midnight + SignedDuration::from_mins(minute);
        let active = schedule.is_active(now);
        let window = schedule.current_or_next(now).unwrap();
        let change = if active { window.end } else { Some(window.start) };
        let until = change.unwrap_or(now + SignedDuration::from_hours(14 * 24));
        let mut at = now;
        while at < until {
            prop_assert_eq!(schedule.is_active(at), active, "at {}", at);
            at += SignedDuration::from_mins(7);
        }
        if let Some(change) = change {
            prop_assert_eq!(schedule.is_active(change), !active);
            prop_assert_eq!(schedule.is_active(change - SignedDuration::from_nanos(1)), active);
        }
    }
}

fn schedule(days: &[Weekday], from: &str, to: &str, zone: &str) -> Schedule {
    Schedule {
        days: days.iter().copied().collect(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        zone: TimeZone::get(zone).unwrap(),
    }
}

#[test]
fn the_rules_for_jumping_clocks_by_example() {
    use Weekday::{Friday, Saturday, Sunday};
    // zone, days, from, to, asked at, opens, closes
    let table = [
        // A start that is skipped is the first instant after the gap.
        ("America/New_York", Sunday, "02:30", "05:00", "2026-03-08T07:00:00Z", "2026-03-08T09:00:00Z"),
        // A start that occurs twice is the first, an end that occurs twice the second.
        ("America/New_York", Sunday, "01:30", "04:00", "2026-11-01T05:30:00Z", "2026-11-01T09:00:00Z"),
        ("America/New_York", Sunday, "00:00", "01:30", "2026-11-01T04:00:00Z", "2026-11-01T06:30:00Z"),
        // So does the very time to which the clocks go back.
        ("America/New_York", Sunday, "00:00", "01:00", "2026-11-01T04:00:00Z", "2026-11-01T06:00:00Z"),
        ("Africa/Casablanca", Sunday, "00:00", "02:00", "2026-02-14T23:00:00Z", "2026-02-15T02:00:00Z"),
        // 22:00 to 06:00 lasts seven hours where one is skipped, and belongs to the day it starts on.
        ("America/New_York", Saturday, "22:00", "06:00", "2026-03-08T03:00:00Z", "2026-03-08T10:00:00Z"),
        // A whole day of 23 hours.
        ("America/New_York", Sunday, "00:00", "00:00", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),
        // The day that never was: Friday's window does not happen that week.
        ("Pacific/Apia", Friday, "00:00", "00:00", "2012-01-05T10:00:00Z", "2012-01-06T10:00:00Z"),
    ];
    for (zone, day, from, to, opens, closes) in table {
        let schedule = schedule(&[day], from, to, zone);
        let opens: Timestamp = opens.parse().unwrap();
        let closes: Timestamp = closes.parse().unwrap();
        for now in [opens, opens - SignedDuration::from_hours(72)] {
            let window = schedule.current_or_next(now).unwrap();
            assert_eq!((window.start, window.end), (opens, Some(closes)), "{zone} {day:?} {from}-{to}");
        }
    }
    // Both ends in one gap: nothing of that day, the next one is a week later.
    let skipped = schedule(&[Sunday], "02:10", "02:50", "America/New_York");
    let window = skipped.current_or_next("2026-03-08T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(window.start, "2026-03-15T06:10:00Z".parse().unwrap());
}

#[test]
fn days_that_touch_are_one_window_and_all_days_have_no_end() {
    let zone = "Asia/Shanghai";
    let weekend = schedule(&[Weekday::Saturday, Weekday::Sunday], "00:00", "00:00", zone);
    let saturday_noon: Timestamp = "2026-11-21T12:00:00+08:00".parse().unwrap();
    let window = weekend.current_or_next(saturday_noon).unwrap();
    assert_eq!(window.end, Some("2026-11-23T00:00:00+08:00".parse().unwrap()));
    let always = Schedule { days: Days { weekdays: Weekdays::ALL, ..Days::default() }, ..weekend };
    assert!(always.is_active(saturday_noon));
    assert_eq!(always.current_or_next(saturday_noon).unwrap().end, None);
}
