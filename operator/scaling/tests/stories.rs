//! Named stories with time driven by hand: what a person would see, in the words they would read.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;
use std::time::Duration;

use imagejob_scaling::{
    Amount, Arrivals, Backlog, Decision, Edge, Fixed, Lag, LagGap, Learning, Limit, Memory, Mode, Observation, Peak,
    Policy, Profile, Reason, Schedule, ServiceTime, Trim, Volume, Workers, decide,
};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A job that is looked at again and again; what was decided is what runs at the next look.
struct Job {
    now: Timestamp,
    policy: Policy,
    memory: Memory,
    workers: u32,
    measured: Option<ServiceTime>,
    arrivals_per_second: f64,
}

impl Job {
    /// At Saturday noon in Shanghai: 60 s of wait, 8 slots of 243 ms, at most 40 workers.
    fn new() -> Self {
        Self {
            now: "2026-11-21T12:00:00+08:00".parse().unwrap(),
            policy: Policy {
                wait: Duration::from_mins(1),
                min_replicas: 0,
                max_replicas: 40,
                slots: NonZeroU32::new(8).unwrap(),
                scale_down_stabilization: Duration::from_secs(30),
                ..Policy::default()
            },
            memory: Memory::default(),
            workers: 0,
            measured: Some(ServiceTime { mean: Duration::from_millis(243), samples: 1_000_000 }),
            arrivals_per_second: 0.0,
        }
    }

    fn at(mut self, now: &str) -> Self {
        self.now = now.parse().unwrap();
        self
    }

    fn at_mut(&mut self, now: &str) -> &mut Self {
        self.now = now.parse().unwrap();
        self
    }

    fn profile(mut self, name: &str, days: &[Weekday], hours: (i8, i8), edit: impl FnOnce(&mut Profile)) -> Self {
        let schedule = Schedule {
            days: days.iter().copied().collect(),
            from: Time::constant(hours.0, 0, 0, 0),
            to: Time::constant(hours.1, 0, 0, 0),
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
        };
        let mut profile = Profile::new(name, schedule);
        edit(&mut profile);
        self.policy.profiles.push(profile);
        self
    }

    fn sees(&mut self, backlog: Backlog) -> Decision {
        let seen = Observation {
            now: self.now,
            backlog,
            workers: Workers { applied: self.workers, ready: self.workers },
            service: self.measured,
            start_up: Some(Duration::from_millis(1_900)),
            others: imagejob_scaling::Others::default(),
            arrivals: steady(self.now, self.arrivals_per_second),
        };
        let (decision, memory) = decide(&seen, &self.policy, &self.memory);
        self.memory = memory;
        self.workers = decision.replicas;
        decision
    }

    fn waits(&mut self, records: u64, oldest_ms: u64) -> Decision {
        self.sees(Backlog::Known(waiting(records, oldest_ms)))
    }

    fn rests(&mut self) -> Decision {
        self.waits(0, 0)
    }

    fn later(&mut self, seconds: i64) -> &mut Self {
        self.now += SignedDuration::from_secs(seconds);
        self
    }
}

/// Ten minutes of so many records a second.
fn steady(until: Timestamp, per_second: f64) -> Arrivals {
    let bin = Duration::from_secs(1);
    let records = std::iter::repeat_n(per_second.round() as u32, 600).collect();
    Arrivals { start: until - SignedDuration::from_mins(10), bin, records, until }
}

fn waiting(records: u64, oldest_ms: u64) -> Lag {
    Lag { waiting: records, oldest_wait: Duration::from_millis(oldest_ms), ..Lag::default() }
}

#[test]
fn a_burst_is_answered_at_once_and_then_there_is_rest() {
    let mut job = Job::new();
    assert_eq!(job.rests().to_string(), "0 workers, because nothing waits or runs and no profile holds a floor.");

    let burst = job.later(1).waits(12_000, 300);
    assert_eq!(
        burst.to_string(),
        "11 workers, because 12,000 records wait (oldest 300 ms) and must start within 60 s; a worker does 33/s \
         (8 slots x 243 ms), start-up takes 1.9 s."
    );
    // Eleven workers do 362/s; after eighteen seconds half is left and no more are needed.
    assert_eq!(job.later(18).waits(6_000, 18_000).replicas, 11);

    let drained = job.later(18).rests();
    assert_eq!(drained.replicas, 11);
    assert_eq!(
        drained.to_string(),
        "11 workers, because that many were needed 18 s ago; 0 would do now, and a worker leaves after 30 s without need."
    );
    assert_eq!(drained.recheck_after, Duration::from_secs(12));
    assert_eq!(job.later(12).rests().reason, Reason::AtRest);
    assert_eq!(job.workers, 0);
    // And straight back to the computed number, with no step in between.
    assert_eq!(job.later(60).waits(12_000, 300).replicas, 11);
}

#[test]
fn one_record_wakes_one_worker_that_stays_for_the_window() {
    let mut job = Job::new();
    assert_eq!(job.waits(1, 20).replicas, 1);
    assert_eq!(job.later(1).rests().replicas, 1);
    assert_eq!(job.later(28).rests().replicas, 1);
    assert_eq!(job.later(2).rests().replicas, 0);
}

#[test]
fn an_average_of_what_once_arrived_keeps_nobody() {
    let mut job = Job::new();
    job.policy.wait = Duration::from_secs(3);
    job.arrivals_per_second = 100.0;
    assert_eq!(job.waits(20, 100).replicas, 4);
    job.arrivals_per_second = 0.5;
    assert_eq!(job.later(20).rests().replicas, 4);
    assert_eq!(
        job.later(10).rests().to_string(),
        "0 workers, because nothing waits or runs and no profile holds a floor."
    );
}

#[test]
fn before_anything_is_measured_a_guess_sizes_the_first_workers() {
    let mut job = Job::new();
    job.measured = None;
    let first = job.waits(4_000, 100);
    // 200 ms a record: 40/s a worker, 35 s left: 2.8 workers.
    assert_eq!(
        first.to_string(),
        "3 workers, because 4,000 records wait (oldest 100 ms) and must start within 60 s; a worker does 40/s \
         (8 slots x 200 ms, a first guess), start-up takes 1.9 s."
    );
}

#[test]
fn a_steady_stream_keeps_the_same_workers() {
    let mut job = Job::new();
    job.policy.wait = Duration::from_secs(3);
    job.arrivals_per_second = 100.0;
    job.waits(20, 100);
    job.later(40);
    for second in 0..120 {
        let decision = job.later(1).waits(10 + second % 40, 200);
        assert_eq!(decision.to_string(), "4 workers, because 100/s arrive; a worker does 33/s (8 slots x 243 ms).");
    }
    // Where the promise is longer than a start takes, the queue evens the bursts out: workers come
    // when what waits has used up most of its 35 s, and then as many as keep it there.
    let mut patient = Job::new();
    patient.arrivals_per_second = 100.0;
    patient.workers = 4;
    patient.waits(200, 2_000);
    // One would do for the 200, and would be three again before the next half a minute is over.
    assert_eq!(patient.later(40).waits(200, 2_000).replicas, 2);
    assert_eq!(patient.later(20).waits(3_500, 35_000).replicas, 4);
}

#[test]
fn a_weekend_floor_holds_from_boundary_to_boundary() {
    let weekend = [Weekday::Saturday, Weekday::Sunday];
    let mut job = Job::new()
        .at("2026-11-21T05:59:50+08:00")
        .profile("weekend", &weekend, (6, 8), |p| p.amount = Some(Amount::Floor(4)));
    let before = job.rests();
    let next = before.next.unwrap();
    assert_eq!((before.replicas, next.edge, next.profile.as_str()), (0, Edge::Starts, "weekend"));
    // A start takes 1.9 s, a look 1 s, creating four 0.2 s.
    assert_eq!((before.recheck_after, next.floor), (Duration::from_millis(6_900), Some(4)));
    let early = job.later(7).rests();
    assert_eq!(early.to_string(), "4 workers, because profile weekend needs 4 at 06:00 Asia/Shanghai.");

    let open = job.later(3).rests();
    assert_eq!(open.to_string(), "4 workers, because profile weekend holds at least 4 until 08:00 Asia/Shanghai.");
    assert_eq!(open.next.unwrap().edge, Edge::Ends);
    // More work than the floor's: need wins, and may fall back to the floor only.
    assert_eq!(job.later(60).waits(12_000, 300).replicas, 11);
    assert_eq!(job.later(60).rests().replicas, 4);

    // The floor goes on the second: its end was known all along, so no window is waited for.
    let mut job = job.at("2026-11-21T07:59:59+08:00");
    assert_eq!(job.rests().recheck_after, Duration::from_secs(1));
    let closed = job.later(1).rests();
    assert_eq!((closed.replicas, closed.reason.word()), (0, "AtRest"));
}

#[test]
fn the_highest_floor_the_lowest_ceiling_and_the_shortest_wait_hold() {
    let every = [Weekday::Saturday];
    let mut job = Job::new()
        .profile("small", &every, (0, 0), |p| p.amount = Some(Amount::Floor(2)))
        .profile("sale", &every, (11, 13), |p| {
            (p.amount, p.wait) = (Some(Amount::Floor(6)), Some(Duration::from_secs(5)));
        })
        .profile("night", &every, (0, 0), |p| p.ceiling = Some(20));
    let quiet = job.rests();
    assert_eq!(quiet.to_string(), "6 workers, because profile sale holds at least 6 until 13:00 Asia/Shanghai.");
    let busy = job.waits(5_000, 100);
    assert_eq!(
        busy.to_string(),
        "20 workers, because 5,000 records wait (oldest 100 ms) and must start within 5 s; a worker does 33/s \
         (8 slots x 243 ms), start-up takes 1.9 s; 141 are wanted, the ceiling is 20 (profile night)."
    );

    job = job.profile("deep night", &every, (0, 0), |p| p.ceiling = Some(3));
    let contradiction = job.later(40).rests();
    assert_eq!(contradiction.replicas, 6);
    assert_eq!(
        contradiction.limited_by.unwrap().to_string(),
        "the ceiling 3 of profile deep night lies below the floor 6, which holds"
    );
}

#[test]
fn the_maximum_is_never_passed_and_says_so() {
    let mut job = Job::new();
    let flood = job.waits(2_000_000, 60_000);
    assert_eq!(flood.replicas, 40);
    assert_eq!(flood.limited_by, Some(Limit::Maximum { wanted: 5_063, maximum: 40 }));
    // Lowered while running: at once, with nothing waiting for a window.
    job.policy.max_replicas = 25;
    assert_eq!(job.later(1).waits(2_000_000, 60_000).replicas, 25);
}

#[test]
fn no_more_workers_run_than_the_rate_limit_has_work_for() {
    let mut job = Job::new();
    job.policy.rate_limit = NonZeroU32::new(500);
    let flood = job.waits(200_000, 100);
    assert_eq!(
        flood.to_string(),
        "20 workers, because 200,000 records wait (oldest 100 ms) and must start within 60 s; a worker does 33/s \
         (8 slots x 243 ms), start-up takes 1.9 s; 182 are wanted, 20 do all of the rate limit of 500/s."
    );
    // Lowered while running: the others leave after a window, as if less had arrived.
    job.policy.rate_limit = NonZeroU32::new(50);
    assert_eq!(job.later(1).waits(200_000, 1_000).replicas, 20);
    assert_eq!(job.later(31).waits(200_000, 31_000).replicas, 2);
    // Whoever declares a floor has it, limit or not; then the limit cut nothing.
    job = job.profile("sale", &[Weekday::Saturday], (0, 0), |p| p.amount = Some(Amount::Floor(300)));
    job.policy.max_replicas = 400;
    let floor = job.later(1).waits(20_000, 31_000);
    assert_eq!((floor.replicas, floor.limited_by), (300, None));
}

#[test]
fn before_a_record_was_measured_nobody_knows_how_many_a_rate_limit_needs() {
    let mut job = Job::new();
    job.policy.rate_limit = NonZeroU32::new(1);
    job.measured = None;
    assert_eq!(job.waits(2_000_000, 60_000).replicas, 40);
}

#[test]
fn a_part_of_the_dispatchers_falls_silent_in_a_burst() {
    let mut job = Job::new();
    assert_eq!(job.waits(12_000, 300).replicas, 11);
    let gap = LagGap::Silent { silent: 1, expected: 2, since: Some(Duration::from_secs(4)) };
    // What is still seen asks for less: what runs is kept.
    let partial = job.later(60).sees(Backlog::Partial { seen: waiting(100, 300), gap: gap.clone() });
    assert_eq!(
        partial.to_string(),
        "11 workers, because a part of the lag is unknown and what runs is kept: 1 of 2 dispatchers is silent for 4 s."
    );
    // What is still seen asks for more: it counts, as a lower bound.
    assert_eq!(job.later(1).sees(Backlog::Partial { seen: waiting(24_000, 300), gap }).replicas, 22);
    // All in sight again: nothing leaves before a whole window was seen.
    assert_eq!(job.later(1).rests().reason.word(), "ScaleDownHeld");
    assert_eq!(job.later(28).rests().replicas, 22);
    assert_eq!(job.later(1).rests().replicas, 0);
}

#[test]
fn with_no_report_at_all_what_runs_is_kept_and_floors_still_rise() {
    let mut job = Job::new().at("2026-11-21T05:59:50+08:00");
    job = job.profile("weekend", &[Weekday::Saturday], (6, 8), |p| p.amount = Some(Amount::Floor(4)));
    job.workers = 3;
    let blind = job.sees(Backlog::Unknown(LagGap::NoReport { expected: 2 }));
    assert_eq!(
        blind.to_string(),
        "3 workers, because the lag is unknown and what runs is kept: none of 2 dispatchers reports."
    );
    let floor = job.later(10).sees(Backlog::Unknown(LagGap::NoReport { expected: 2 }));
    assert_eq!((floor.replicas, floor.reason.word()), (4, "ProfileFloor"));
    assert_eq!(floor.candidates.due, None);
}

#[test]
fn after_a_restart_nothing_shrinks_until_a_window_was_seen() {
    let mut job = Job::new();
    job.workers = 12;
    let first = job.waits(100, 100);
    assert_eq!(
        first.to_string(),
        "12 workers, because they run and what was needed before is not known yet; 1 would do, shrinking is possible \
         in 30 s."
    );
    assert_eq!(job.later(29).waits(100, 100).replicas, 12);
    assert_eq!(job.later(1).waits(100, 100).replicas, 1);
    // Growing needs no memory.
    let mut restarted = Job::new();
    restarted.workers = 2;
    assert_eq!(restarted.waits(12_000, 300).replicas, 11);
}

#[test]
fn long_items_keep_their_workers_and_failures_keep_one() {
    let mut job = Job::new();
    job.measured = Some(ServiceTime { mean: Duration::from_mins(10), samples: 1_000 });
    let packing = Lag { in_flight: 20, ..Lag::default() };
    let decision = job.sees(Backlog::Known(packing));
    assert_eq!(decision.to_string(), "3 workers, because 20 records are being worked on, 8 a worker.");
    let mut job = Job::new();
    let photos = Lag { in_flight: 20, ..Lag::default() };
    assert_eq!(job.sees(Backlog::Known(photos)).replicas, 1, "a worker that leaves ends what it has begun");
    let retry = Lag { retrying: 1, ..Lag::default() };
    assert_eq!(
        job.sees(Backlog::Known(retry)).to_string(),
        "1 worker, because 1 record is to be tried again and must start within 60 s; a worker does 33/s \
         (8 slots x 243 ms), start-up takes 1.9 s."
    );
}

#[test]
fn a_handful_of_late_records_asks_for_no_more_workers_than_it_can_fill() {
    let mut job = Job::new();
    job.measured = Some(ServiceTime { mean: Duration::from_secs(30), samples: 1_000_000 });
    // 30 records of 30 s, far too late: 8 / 30 a second each would ask for 9 workers, 4 have all slots filled.
    assert_eq!(job.waits(30, 300_000).replicas, 4);
}

#[test]
fn of_many_workers_a_few_may_be_too_many() {
    let mut job = Job::new();
    job.policy.max_replicas = 400;
    job.workers = 100;
    job.arrivals_per_second = 2_520.0; // 98.1 workers at 78 % of 32.9/s
    job.policy.wait = Duration::from_secs(3);
    job.waits(1, 10);
    let decision = job.later(40).waits(1, 10);
    assert_eq!(decision.to_string(), "100 workers, because they run; 99 would do, which is not worth a change.");
}

#[test]
fn an_override_fixes_the_count_until_it_expires() {
    let mut job = Job::new().profile("weekend", &[Weekday::Saturday], (0, 0), |p| p.amount = Some(Amount::Floor(4)));
    assert_eq!(job.rests().replicas, 4);
    let until = "2026-11-21T12:30:00+08:00[+08:00]".parse().unwrap();
    job.policy.fixed = Some(Fixed { replicas: 2, until });
    // Below the floor, and at once: whoever fixes a count knows why.
    let fixed = job.later(10).waits(12_000, 300);
    assert_eq!(fixed.to_string(), "2 workers, because an override fixes the count until 12:30 +08:00.");
    assert_eq!((fixed.candidates.due, fixed.candidates.floor), (Some(11), Some(4)));
    // Nobody needs to see the backlog for it.
    assert_eq!(job.later(60).sees(Backlog::Unknown(LagGap::NoReport { expected: 2 })).replicas, 2);
    // It ends on its second, though nothing else happens then.
    let last = job.at_mut("2026-11-21T12:29:50+08:00").waits(100, 300);
    assert_eq!((last.replicas, last.recheck_after), (2, Duration::from_secs(10)));
    let expired = job.later(10).waits(100, 300);
    assert_eq!((expired.replicas, expired.reason.word()), (4, "ProfileFloor"));
}

#[test]
fn an_override_stays_within_the_bounds() {
    let mut job = Job::new();
    job.policy.min_replicas = 3;
    for (replicas, run, sentence) in
        [(90, 40, "90 are wanted, the maximum is 40"), (1, 3, "1 are wanted, the minimum is 3")]
    {
        let until = "2026-11-21T12:30:00+08:00[Asia/Shanghai]".parse().unwrap();
        job.policy.fixed = Some(Fixed { replicas, until });
        let decision = job.rests();
        assert_eq!((decision.replicas, decision.limited_by.unwrap().to_string().as_str()), (run, sentence));
    }
}

#[test]
fn a_volume_makes_floors_by_its_peaks_and_what_arrives_trims_them() {
    let peak = |from, to| Peak { from: Time::constant(from, 0, 0, 0), to: Time::constant(to, 0, 0, 0), weight: 6.0 };
    let volume = Volume { records: 20_000_000, peaks: vec![peak(6, 8), peak(9, 10), peak(15, 16)], within: None };
    let mut job = Job::new().profile("weekend", &[Weekday::Saturday, Weekday::Sunday], (0, 0), |p| {
        p.amount = Some(Amount::Volume(volume));
        p.trim = Some(Trim { after: Duration::from_mins(2), factor: 1.5 });
        p.fade_out = Duration::from_mins(10);
    });
    // 88 hours of weight: 63/s outside the peaks and 379/s in them, at 0.95 x 32.9/s a worker.
    for (at, workers) in [("2026-11-21T05:00:00+08:00", 3), ("2026-11-21T06:00:00+08:00", 13)] {
        job.arrivals_per_second = 0.0;
        let before = job.at_mut(at).later(-1).sees(Backlog::Unknown(LagGap::NoReport { expected: 1 }));
        assert!(before.candidates.floor >= Some(3), "{before}");
        assert_eq!(job.later(1).rests().candidates.floor, Some(if workers == 3 { 0 } else { workers }), "{at}");
    }
    // Two minutes into the peak 100/s arrive: 150/s are enough.
    job.arrivals_per_second = 100.0;
    job.later(60).waits(10, 100);
    let trimmed = job.later(60).waits(10, 100);
    assert_eq!(trimmed.to_string(), "5 workers, because profile weekend holds 5, trimmed to what arrives.");
    // Half a minute of silence changes nothing, a longer one is prepared for.
    let silent = || Backlog::Unknown(LagGap::NoReport { expected: 1 });
    assert_eq!(job.later(29).sees(silent()).replicas, 5);
    assert_eq!(job.later(1).sees(silent()).replicas, 13);
    // After Sunday the floor fades.
    let fading = job.at_mut("2026-11-23T00:05:00+08:00").waits(10, 100);
    assert_eq!(fading.candidates.floor, Some(2));
    assert_eq!(job.at_mut("2026-11-23T00:10:00+08:00").waits(10, 100).candidates.floor, None);
}

#[test]
fn spare_workers_are_kept_above_what_arrives() {
    let mut job = Job::new().at("2026-11-21T10:59:00+08:00");
    job = job.profile("sale", &[Weekday::Saturday], (11, 12), |p| p.spare = 5);
    job.arrivals_per_second = 100.0;
    assert_eq!(job.waits(10, 100).candidates.spare, None);
    let open = job.later(60).waits(10, 100);
    assert_eq!(
        open.to_string(),
        "9 workers, because profile sale keeps 5 above what arrives: 100/s arrive; a worker does 33/s (8 slots x 243 ms)."
    );
}

/// Saturday noon, after two Saturdays on which 200 records a second came from eleven to one.
fn habitual(mode: Mode) -> Job {
    let mut job = Job::new();
    job.policy.learning = Learning { mode, zone: TimeZone::get("Asia/Shanghai").unwrap(), ..Learning::default() };
    let busy = imagejob_scaling::simulate::Trace { bin: 1.0, records: vec![200; 7_200] };
    for start in ["2026-11-07T11:00:00+08:00", "2026-11-14T11:00:00+08:00"] {
        let memory = std::mem::take(&mut job.memory);
        job.memory = imagejob_scaling::simulate::taught(memory, &job.policy, &busy, start.parse().unwrap());
    }
    job
}

#[test]
fn the_weeks_before_are_a_floor_that_ceilings_outrank() {
    let mut job = habitual(Mode::Active);
    let decision = job.rests();
    assert_eq!(
        decision.to_string(),
        "7 workers, because 2 weeks let expect that 199/s have to be done at this time; a worker does 33/s \
         (8 slots x 243 ms)."
    );
    // What is expected may change with the next five minutes.
    assert!(decision.recheck_after <= Duration::from_mins(5));
    // More is needed, and more there is.
    assert_eq!(job.later(1).waits(30_000, 300).reason.word(), "Due");

    let mut capped = habitual(Mode::Active).profile("lid", &[Weekday::Saturday], (11, 13), |p| p.ceiling = Some(3));
    let decision = capped.rests();
    assert_eq!((decision.replicas, decision.limited_by), (3, None), "a forecast is no demand");
    let mut floored = habitual(Mode::Active).profile("floor", &[Weekday::Saturday], (11, 13), |p| {
        p.amount = Some(Amount::Floor(9));
    });
    assert_eq!(floored.rests().reason.word(), "ProfileFloor");
}

#[test]
fn a_shadow_says_what_it_would_ask_for_and_what_is_off_says_nothing() {
    let mut shadow = habitual(Mode::Shadow);
    let decision = shadow.rests();
    assert_eq!((decision.replicas, decision.candidates.learned), (0, Some(7)));
    let mut off = habitual(Mode::Active);
    off.policy.learning.mode = Mode::Disabled;
    let decision = off.rests();
    assert_eq!((decision.replicas, decision.candidates.learned), (0, None));
}

#[test]
fn while_nothing_is_in_sight_the_weeks_before_raise_what_runs() {
    let mut job = habitual(Mode::Active);
    job.workers = 2;
    let blind = job.sees(Backlog::Unknown(LagGap::NoReport { expected: 2 }));
    assert_eq!((blind.replicas, blind.reason.word()), (7, "LearnedFloor"));
    // And never take away.
    job.workers = 12;
    assert_eq!(job.sees(Backlog::Unknown(LagGap::NoReport { expected: 2 })).replicas, 12);
}

#[test]
fn a_date_of_a_calendar_is_no_usual_saturday() {
    let mut job = habitual(Mode::Active);
    let today = "2026-11-21".parse().unwrap();
    job.policy.learning.unusual = vec![(today, today)];
    assert_eq!(job.rests().reason, Reason::AtRest);
}
