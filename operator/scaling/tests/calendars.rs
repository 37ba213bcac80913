//! Which days count, how much more or less they bring, and what that comes to over the days ahead.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;
use std::time::Duration;

use imagejob_scaling::{
    Adjustment, Agenda, Amount, Arrivals, Backlog, Days, Footing, Lag, Memory, MonthDay, Observation, Peak, Policy,
    Profile, Schedule, ServiceTime, Span, Volume, Workers, decide, preview,
};
use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

fn date(text: &str) -> (Date, Date) {
    let (first, last) = text.split_once('/').unwrap_or((text, text));
    (first.parse().unwrap(), last.parse().unwrap())
}

fn at(text: &str) -> Timestamp {
    format!("{text}+08:00").parse().unwrap()
}

/// A profile of whole days in Shanghai.
fn profile(name: &str, days: Days, edit: impl FnOnce(&mut Profile)) -> Profile {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let mut profile = Profile::new(name, Schedule { days, from: Time::midnight(), to: Time::midnight(), zone });
    edit(&mut profile);
    profile
}

fn weekend() -> Days {
    [Weekday::Saturday, Weekday::Sunday].into_iter().collect()
}

/// A worker does 10 records a second; the promise is a minute.
fn footing() -> Footing {
    Footing::expecting(10.0, NonZeroU32::new(8).unwrap())
}

fn floor(policy: &Policy, text: &str) -> Option<u32> {
    Agenda::at(policy, at(text), &footing()).active.iter().filter_map(|active| active.floor).max()
}

#[test]
fn a_holiday_counts_as_a_weekend_and_a_weekend_that_is_worked_does_not() {
    // China in autumn 2026: holidays from 1 to 7 October, and Saturday 10 October is worked.
    let days = Days {
        dates: vec![date("2026-10-01/2026-10-07")],
        skipped: vec![date("2026-10-10"), date("2026-10-03")],
        ..weekend()
    };
    for (day, counts) in [
        ("2026-09-27", true),  // a Sunday
        ("2026-09-30", false), // a Wednesday
        ("2026-10-01", true),  // a Thursday, named
        ("2026-10-03", true),  // a Saturday that is named and skipped: whoever names it means it
        ("2026-10-10", false), // a Saturday, skipped
        ("2026-10-11", true),  // the Sunday after it
    ] {
        assert_eq!(days.contains(day.parse().unwrap()), counts, "{day}");
    }
    let yearly = Days {
        yearly: vec![(MonthDay { month: 11, day: 10 }, MonthDay { month: 11, day: 12 })],
        skipped: vec![date("2026-11-11")],
        ..Days::default()
    };
    let found: Vec<bool> = (9..=13).map(|day| yearly.contains(Date::constant(2026, 11, day))).collect();
    assert_eq!(found, [false, true, false, true, false]);
}

#[test]
fn an_adjustment_changes_each_kind_of_amount_on_its_days_alone() {
    let mall = || vec![Adjustment { dates: vec![date("2026-11-28")], percent: 150 }];
    let less = || vec![Adjustment { dates: vec![date("2026-11-28")], percent: 50 }];
    let volume = Volume { records: 1_728_000, peaks: vec![], within: None };
    // amount, adjusted to, floor on Saturday the 21st, on the 28th, on Sunday the 29th
    let table = [
        (Amount::Floor(10), mall(), [10, 15, 10]),
        (Amount::Floor(11), less(), [11, 6, 11]),
        // At 10 x 0.95 a second a worker.
        (Amount::Rate(94.0), mall(), [10, 15, 10]),
        // 1,728,000 in two days are 10 a second.
        (Amount::Volume(volume), mall(), [2, 2, 2]),
        (Amount::Volume(Volume { records: 17_280_000, peaks: vec![], within: None }), mall(), [11, 16, 11]),
    ];
    for (amount, adjustments, floors) in table {
        let policy = Policy {
            profiles: vec![profile("weekend", weekend(), |p| {
                p.amount = Some(amount.clone());
                p.adjustments = adjustments;
            })],
            ..Policy::default()
        };
        let found = ["2026-11-21T12:00:00", "2026-11-28T00:00:00", "2026-11-29T00:00:00"].map(|at| floor(&policy, at));
        assert_eq!(found, floors.map(Some), "{amount:?}");
    }
}

#[test]
fn a_window_over_midnight_is_adjusted_by_the_day_on_which_it_starts() {
    let night = profile("night", weekend(), |p| {
        p.schedule.from = Time::constant(22, 0, 0, 0);
        p.schedule.to = Time::constant(6, 0, 0, 0);
        p.amount = Some(Amount::Floor(4));
        p.adjustments = vec![Adjustment { dates: vec![date("2026-11-28")], percent: 200 }];
    });
    let policy = Policy { profiles: vec![night], ..Policy::default() };
    assert_eq!(floor(&policy, "2026-11-28T23:00:00"), Some(8));
    assert_eq!(floor(&policy, "2026-11-29T05:59:59"), Some(8));
    assert_eq!(floor(&policy, "2026-11-29T23:00:00"), Some(4));
}

#[test]
fn all_of_a_run_has_started_by_its_end() {
    let volume = Volume { records: 2_000_000, peaks: vec![], within: Some(Duration::from_hours(48)) };
    let policy = |within: u64| Policy {
        profiles: vec![profile("weekend", weekend(), |p| {
            p.amount = Some(Amount::Volume(Volume { within: Some(Duration::from_hours(within)), ..volume.clone() }));
        })],
        ..Policy::default()
    };
    let finish = |within, text: &str| Agenda::at(&policy(within), at(text), &footing()).finish_by;
    // The run begins on Saturday and its end is the same on both days.
    assert_eq!(finish(48, "2026-11-21T00:00:00"), Some(at("2026-11-23T00:00:00")));
    assert_eq!(finish(48, "2026-11-22T23:00:00"), Some(at("2026-11-23T00:00:00")));
    assert_eq!(finish(48, "2026-11-20T23:00:00"), None, "not before it begins");
    assert_eq!(finish(48, "2026-11-23T00:00:00"), None, "nor once it is over");
    // What is left of the weekend may take until Monday noon.
    assert_eq!(finish(60, "2026-11-23T11:00:00"), Some(at("2026-11-23T12:00:00")));
}

#[test]
fn an_hour_before_its_end_a_weekend_is_finished_however_long_the_promise_is() {
    let volume = Volume { records: 10, peaks: vec![], within: Some(Duration::from_hours(48)) };
    let policy = Policy {
        wait: Duration::from_hours(6),
        profiles: vec![profile("weekend", weekend(), |p| p.amount = Some(Amount::Volume(volume)))],
        ..Policy::default()
    };
    let decided = |now: &str| {
        let lag = Lag { waiting: 120_000, oldest_wait: Duration::from_mins(10), ..Lag::default() };
        let seen = Observation {
            now: at(now),
            backlog: Backlog::Known(lag),
            workers: Workers { applied: 1, ready: 1 },
            service: Some(ServiceTime { mean: Duration::from_millis(243), samples: 1_000_000 }),
            start_up: Some(Duration::from_millis(1_900)),
            others: imagejob_scaling::Others::default(),
            arrivals: Arrivals::default(),
        };
        decide(&seen, &policy, &Memory::default()).0.to_string()
    };
    let service = "a worker does 33/s (8 slots x 243 ms), start-up takes 1.9 s.";
    assert_eq!(
        decided("2026-11-21T12:00:00"),
        format!("1 worker, because 120,000 records wait (oldest 10 min) and must start within 6 h; {service}")
    );
    assert_eq!(
        decided("2026-11-22T23:00:00"),
        format!(
            "2 workers, because 120,000 records wait (oldest 10 min) and all must have started in 60 min; {service}"
        )
    );
}

/// `from until floor profiles`, in Shanghai.
fn told(spans: &[Span]) -> Vec<String> {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let clock = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%a %H:%M").to_string();
    let told = |span: &Span| {
        format!("{} - {}: {} {}", clock(span.from), clock(span.to), span.asked.floor, span.asked.profiles.join(" "))
    };
    spans.iter().map(told).collect()
}

#[test]
fn the_days_to_come_are_told_in_spans() {
    let peak = |from, to| Peak { from: Time::constant(from, 0, 0, 0), to: Time::constant(to, 0, 0, 0), weight: 6.0 };
    let volume = Volume { records: 2_000_000, peaks: vec![peak(6, 8), peak(9, 10), peak(15, 16)], within: None };
    let posters = profile("weekend", weekend(), |p| {
        p.amount = Some(Amount::Volume(volume));
        p.adjustments = vec![Adjustment { dates: vec![date("2026-11-22")], percent: 200 }];
    });
    let night = profile("night", weekend(), |p| {
        p.schedule.from = Time::constant(22, 0, 0, 0);
        p.schedule.to = Time::constant(2, 0, 0, 0);
        p.ceiling = Some(3);
    });
    let policy = Policy { profiles: vec![posters, night], min_replicas: 1, max_replicas: 6, ..Policy::default() };
    let spans = preview(&policy, at("2026-11-20T12:00:00"), at("2026-11-23T12:00:00"), &footing());
    assert_eq!(
        told(&spans),
        [
            "Fri 12:00 - Sat 00:00: 1 ",
            "Sat 00:00 - Sat 06:00: 1 weekend",
            "Sat 06:00 - Sat 08:00: 4 weekend",
            "Sat 08:00 - Sat 09:00: 1 weekend",
            "Sat 09:00 - Sat 10:00: 4 weekend",
            "Sat 10:00 - Sat 15:00: 1 weekend",
            "Sat 15:00 - Sat 16:00: 4 weekend",
            "Sat 16:00 - Sat 22:00: 1 weekend",
            "Sat 22:00 - Sun 00:00: 1 weekend night",
            "Sun 00:00 - Sun 02:00: 2 weekend night",
            "Sun 02:00 - Sun 06:00: 2 weekend",
            // Twice 4 are more than the maximum.
            "Sun 06:00 - Sun 08:00: 6 weekend",
            "Sun 08:00 - Sun 09:00: 2 weekend",
            "Sun 09:00 - Sun 10:00: 6 weekend",
            "Sun 10:00 - Sun 15:00: 2 weekend",
            "Sun 15:00 - Sun 16:00: 6 weekend",
            "Sun 16:00 - Sun 22:00: 2 weekend",
            "Sun 22:00 - Mon 00:00: 2 weekend night",
            "Mon 00:00 - Mon 02:00: 1 night",
            "Mon 02:00 - Mon 12:00: 1 ",
        ]
    );
    assert!((spans[2].worker_hours() - 8.0).abs() < 1e-9);
    assert_eq!((spans[8].asked.most, spans[7].asked.most), (3, 6));
    // No gap and no overlap.
    assert!(spans.windows(2).all(|pair| pair[0].to == pair[1].from && pair[0].asked != pair[1].asked));
}
