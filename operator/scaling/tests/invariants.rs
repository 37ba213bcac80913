//! What holds for every observation, policy and history. Ids as in the production counter of the
//! same names: S1 bounds, S2 hold, S3 monotone, S4 floors, S5 stabilization, S7 replay.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;
use std::time::Duration;

use imagejob_scaling::{
    Agenda, Amount, Arrivals, Backlog, Budget, Fixed, Footing, Lag, LagGap, Memory, Neighbour, Observation, OnExceeded,
    Others, Peak, Policy, Profile, Schedule, ServiceTime, Trim, Volume, Workers, decide,
};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

fn start() -> Timestamp {
    "2026-11-20T21:59:00+08:00".parse().unwrap()
}

prop_compose! {
    fn lags()(
        waiting in prop_oneof![Just(0u64), 0..50u64, 0..5_000_000u64],
        in_flight in prop_oneof![Just(0u64), 0..4_000u64],
        retrying in prop_oneof![Just(0u64), 0..4_000u64],
        oldest_ms in 0..200_000u64,
    ) -> Lag {
        let oldest_wait = Duration::from_millis(if waiting == 0 { 0 } else { oldest_ms });
        Lag { waiting, stuck: 0, in_flight, retrying, oldest_wait }
    }
}

fn gaps() -> impl Strategy<Value = LagGap> {
    prop_oneof![
        Just(LagGap::NoReport { expected: 2 }),
        Just(LagGap::Silent { silent: 1, expected: 2, since: Some(Duration::from_secs(4)) }),
        Just(LagGap::Uncovered { uncovered: 2, partitions: 3 }),
    ]
}

fn backlogs() -> impl Strategy<Value = Backlog> {
    prop_oneof![
        4 => lags().prop_map(Backlog::Known),
        1 => (lags(), gaps()).prop_map(|(seen, gap)| Backlog::Partial { seen, gap }),
        1 => gaps().prop_map(Backlog::Unknown),
    ]
}

prop_compose! {
    /// Up to ten minutes of bins, counted up to a moment ago.
    fn arrivals()(
        records in proptest::collection::vec(prop_oneof![3 => Just(0u32), 2 => 0..5_000u32], 0..60),
        stale_ms in 0..3_000i64,
    ) -> Arrivals {
        let until = start() - SignedDuration::from_millis(stale_ms);
        let length = SignedDuration::from_secs(10 * records.len() as i64);
        Arrivals { start: until - length, bin: Duration::from_secs(10), records: records.into(), until }
    }
}

prop_compose! {
    /// An observation `after_ms` after the one before it.
    fn observations()(
        after_ms in prop_oneof![250..5_000i64, 1_000..120_000i64],
        backlog in backlogs(),
        applied in 0..500u32,
        service in proptest::option::of((1..5_000u64, 1..10_000u64)),
        start_up_ms in proptest::option::of(1..60_000u64),
        arrivals in arrivals(),
    ) -> (i64, Observation) {
        let seen = Observation {
            now: start(),
            backlog,
            workers: Workers { applied, ready: applied },
            service: service.map(|(ms, samples)| ServiceTime { mean: Duration::from_millis(ms), samples }),
            start_up: start_up_ms.map(Duration::from_millis),
            others: Others::default(),
            arrivals,
        };
        (after_ms, seen)
    }
}

fn amounts() -> impl Strategy<Value = Amount> {
    let peak = (0..24i8, 0..24i8, 1.0..9.0f64).prop_map(|(from, to, weight)| Peak {
        from: Time::constant(from, 30, 0, 0),
        to: Time::constant(to, 0, 0, 0),
        weight,
    });
    let within = proptest::option::of((1..200_000u64).prop_map(Duration::from_secs));
    let volume = (0..3_000_000u64, proptest::collection::vec(peak, 0..3), within);
    prop_oneof![
        (0..300u32).prop_map(Amount::Floor),
        (0.0..5_000.0f64).prop_map(Amount::Rate),
        volume.prop_map(|(records, peaks, within)| Amount::Volume(Volume { records, peaks, within })),
    ]
}

prop_compose! {
    fn profiles()(
        from in 0..24i8,
        to in 0..24i8,
        amount in proptest::option::of(amounts()),
        spare in prop_oneof![3 => Just(0u32), 1 => 0..50u32],
        trim in proptest::option::of((1..300u64, 1.0..3.0f64)
            .prop_map(|(after, factor)| Trim { after: Duration::from_secs(after), factor })),
        fade in prop_oneof![Just(0u64), 1..3_600u64],
        ceiling in proptest::option::of(0..300u32),
        wait in proptest::option::of(1..60u64),
    ) -> Profile {
        let schedule = Schedule {
            days: [Weekday::Friday, Weekday::Saturday].into_iter().collect(),
            from: Time::constant(from, 0, 0, 0),
            to: Time::constant(to, 0, 0, 0),
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
        };
        let mut profile = Profile::new(format!("p{from}-{to}"), schedule);
        (profile.amount, profile.ceiling, profile.wait) = (amount, ceiling, wait.map(Duration::from_secs));
        (profile.spare, profile.trim, profile.fade_out) = (spare, trim, Duration::from_secs(fade));
        profile
    }
}

prop_compose! {
    fn policies()(
        wait in 1..600u64,
        min in 0..20u32,
        range in 0..400u32,
        slots in 1..64u32,
        window in 1..120u64,
        profiles in proptest::collection::vec(profiles(), 0..4),
    ) -> Policy {
        Policy {
            wait: Duration::from_secs(wait),
            min_replicas: min,
            max_replicas: min + range,
            slots: NonZeroU32::new(slots).unwrap(),
            scale_down_stabilization: Duration::from_secs(window),
            profiles,
            ..Policy::default()
        }
    }
}

prop_compose! {
    /// A policy whose jobs share a quota, a budget, or both.
    fn shared_policies()(
        policy in policies(),
        quota in proptest::option::of(0..600u32),
        budget in proptest::option::of((0..50u32, any::<bool>())),
        fixed in proptest::option::of(0..600u32),
    ) -> Policy {
        let until = (start() + SignedDuration::from_mins(1)).to_zoned(TimeZone::UTC);
        let budget = budget.map(|(pod_hours_per_day, hold)| Budget {
            pod_hours_per_day,
            on_exceeded: if hold { OnExceeded::Hold } else { OnExceeded::RelaxWait },
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
        });
        let fixed = fixed.map(|replicas| Fixed { replicas, until });
        Policy { namespace_quota: quota, budget, fixed, ..policy }
    }
}

prop_compose! {
    fn others()(
        neighbours in proptest::collection::vec(
            (0..300u32, proptest::option::of(0..300u32)).prop_map(|(applied, wanted)| Neighbour { applied, wanted }),
            0..5,
        ),
        pod_hours in 0.0..80.0f64,
    ) -> Others {
        Others { neighbours, pod_hours }
    }
}

fn histories() -> impl Strategy<Value = Vec<(i64, Observation)>> {
    proptest::collection::vec(observations(), 1..40)
}

/// Lays the observations out in time; each next one finds applied what was decided before it.
fn run(policy: &Policy, history: &[(i64, Observation)]) -> Vec<(Observation, imagejob_scaling::Decision)> {
    let mut now = start();
    let mut memory = Memory::default();
    let mut applied = history[0].1.workers.applied;
    let mut steps = Vec::new();
    for (after_ms, seen) in history {
        now += SignedDuration::from_millis(*after_ms);
        let mut seen = Observation { now, workers: Workers { applied, ready: applied }, ..seen.clone() };
        let later = now.duration_since(start());
        seen.arrivals.start += later;
        seen.arrivals.until += later;
        let (decision, next) = decide(&seen, policy, &memory);
        memory = next;
        applied = decision.replicas;
        steps.push((seen, decision));
    }
    steps
}

proptest! {
    #[test]
    fn s1_bounds_hold(policy in policies(), history in histories()) {
        for (_, decision) in run(&policy, &history) {
            prop_assert!(decision.replicas >= policy.min_replicas, "{decision}");
            prop_assert!(decision.replicas <= policy.max_replicas, "{decision}");
        }
    }

    #[test]
    fn s2_what_is_not_in_sight_is_no_reason_to_shrink(policy in policies(), history in histories()) {
        for (seen, decision) in run(&policy, &history) {
            // Floors follow from what workers do; that they hold is S4.
            let floor = decision.candidates.floor.unwrap_or(0).max(policy.min_replicas);
            let ceiling = decision.candidates.ceiling.unwrap_or(u32::MAX).max(floor);
            let most = policy.max_replicas.min(ceiling);
            let applied = seen.workers.applied;
            match seen.backlog {
                Backlog::Known(_) => {}
                Backlog::Partial { .. } => prop_assert!(decision.replicas >= applied.min(most), "{decision}"),
                Backlog::Unknown(_) => prop_assert_eq!(decision.replicas, applied.max(floor).min(most), "{}", decision),
            }
        }
    }

    #[test]
    fn s3_more_work_never_asks_for_fewer(
        policy in policies(),
        history in histories(),
        lag in lags(),
        more in lags(),
        (_, seen) in observations(),
    ) {
        let steps = run(&policy, &history);
        let memory = history.iter().zip(&steps).fold(Memory::default(), |memory, (_, (seen, _))| {
            decide(seen, &policy, &memory).1
        });
        let now = steps.last().unwrap().0.now + SignedDuration::from_secs(1);
        let heavier = Lag {
            waiting: lag.waiting + more.waiting,
            stuck: 0,
            in_flight: lag.in_flight + more.in_flight,
            retrying: lag.retrying + more.retrying,
            oldest_wait: lag.oldest_wait + more.oldest_wait,
        };
        let light = Observation { now, backlog: Backlog::Known(lag), ..seen };
        let heavy = Observation { backlog: Backlog::Known(heavier), ..light.clone() };
        let (light, heavy) = (decide(&light, &policy, &memory).0, decide(&heavy, &policy, &memory).0);
        prop_assert!(heavy.replicas >= light.replicas, "light: {light}\nheavy: {heavy}");
    }

    #[test]
    fn s4_an_active_floor_holds_within_the_maximum(policy in policies(), history in histories()) {
        for (seen, decision) in run(&policy, &history) {
            for profile in Agenda::at(&policy, seen.now, &Footing::default()).active {
                let declared = policy.profiles.iter().find(|declared| declared.name == profile.name).unwrap();
                let Some(Amount::Floor(floor)) = declared.amount else { continue };
                let floor = if declared.trim.is_some() { 0 } else { floor };
                prop_assert!(decision.replicas >= floor.min(policy.max_replicas), "{decision}");
            }
            let floor = decision.candidates.floor.unwrap_or(0);
            prop_assert!(decision.replicas >= floor.min(policy.max_replicas), "{decision}");
        }
    }

    #[test]
    fn s5_nothing_leaves_within_a_window_of_its_need(mut policy in policies(), history in histories()) {
        // Profiles and their ends are allowed to cut at once; without them only need decides.
        policy.profiles.clear();
        let steps = run(&policy, &history);
        for (i, (seen, decision)) in steps.iter().enumerate() {
            let window = SignedDuration::try_from(policy.scale_down_stabilization).unwrap();
            for (earlier, needed) in steps[..i].iter().filter(|(e, _)| seen.now.duration_since(e.now) < window) {
                let asked = [needed.candidates.in_flight, needed.candidates.keep_up];
                let asked = asked.into_iter().flatten().max().unwrap_or(0).min(policy.max_replicas);
                prop_assert!(decision.replicas >= asked, "{} at {}, then {decision} at {}", needed, earlier.now, seen.now);
            }
        }
    }

    #[test]
    fn s6_nothing_grows_beyond_what_is_shared(
        policy in shared_policies(),
        history in histories(),
        others in others(),
    ) {
        let history: Vec<_> = history
            .into_iter()
            .map(|(after, seen)| (after, Observation { others: others.clone(), ..seen }))
            .collect();
        let held: u32 = others.neighbours.iter().map(|neighbour| neighbour.applied).sum();
        for (seen, decision) in run(&policy, &history) {
            let (before, after) = (seen.workers.applied, decision.replicas);
            if let Some(quota) = policy.namespace_quota {
                prop_assert!(after <= before || after + held <= quota, "{decision} beside {held} of {quota}");
                prop_assert!(after <= quota || after <= before, "{decision}");
            }
            let budget = policy.budget.as_ref().filter(|budget| budget.on_exceeded == OnExceeded::Hold);
            if budget.is_some_and(|budget| others.pod_hours >= f64::from(budget.pod_hours_per_day.max(1))) {
                prop_assert!(after <= before.max(1), "{decision}");
            }
            prop_assert!(after <= policy.max_replicas && decision.wanted >= policy.min_replicas, "{decision}");
        }
    }

    #[test]
    fn s7_the_same_inputs_give_the_same_answer(policy in policies(), history in histories()) {
        prop_assert_eq!(run(&policy, &history), run(&policy, &history));
    }

    #[test]
    fn every_decision_is_one_sentence_with_its_number(policy in policies(), history in histories()) {
        for (_, decision) in run(&policy, &history) {
            let sentence = decision.to_string();
            let start = format!("{} worker", imagejob_scaling::wording::count(u64::from(decision.replicas)));
            prop_assert!(sentence.starts_with(&start) && sentence.ends_with('.'), "{sentence}");
            prop_assert!(!sentence.contains("NaN") && !sentence.contains('\n'), "{sentence}");
        }
    }
}
