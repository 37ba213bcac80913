//! How a policy is, for people: whether it makes sense, who refers to it, and what it will ask for.
//!
//! Pure. Written when it changes, which it does with the policy, its jobs, and at each transition.

use imagejob_api::{Condition, Problem, ScalePolicy, ScalePolicyStatus, TransitionStatus, validate_policy};
use imagejob_scaling::{Footing, PRIOR_SERVICE, Policy, Span, preview};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// So far ahead it is told what will be asked for.
const AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);

/// No more transitions are told: a status is read by people.
const MOST: usize = 128;

/// What workers do may wander so far, per cent, before floors are computed anew.
const WANDERS: u32 = 20;

/// The status of a policy to which `jobs` jobs refer, whose workers do `measured` records a second each, so far as
/// that was measured.
pub fn policy_status(now: Timestamp, policy: &ScalePolicy, jobs: u32, measured: &[f64]) -> ScalePolicyStatus {
    let previous = policy.status.as_ref();
    let valid = validate_policy(policy);
    let mut status = previous.cloned().unwrap_or_default();
    status.observed_generation = policy.metadata.generation;
    status.conditions = vec![ready(now, policy, valid.as_ref().err().map(Vec::as_slice))];
    status.jobs = jobs;
    // What was told of a policy that made sense says nothing of one that makes none.
    status.transitions.clear();
    if let Ok(rules) = valid {
        let guess = f64::from(rules.slots.get()) / PRIOR_SERVICE.as_secs_f64();
        let known = previous.map(|previous| previous.worker_records_per_second).filter(|known| *known > 0);
        status.worker_records_per_second = settled(known, median(measured), guess);
        let footing = Footing::expecting(f64::from(status.worker_records_per_second), rules.slots);
        let zone = &rules.learning.zone;
        status.transitions = transitions(now, &rules, &footing).map(|span| transition(&span, zone)).collect();
    }
    status
}

/// Spans that begin later than now.
fn transitions(now: Timestamp, rules: &Policy, footing: &Footing) -> impl Iterator<Item = Span> {
    let until = now.checked_add(AHEAD).unwrap_or(Timestamp::MAX);
    preview(rules, now, until, footing).into_iter().skip(1).take(MOST)
}

fn transition(span: &Span, zone: &TimeZone) -> TransitionStatus {
    let local = span.from.to_zoned(zone.clone());
    let name = zone.iana_name().unwrap_or("UTC");
    TransitionStatus {
        at: span.from,
        local: format!("{} {name}", local.strftime("%a %Y-%m-%d %H:%M")),
        profiles: span.asked.profiles.clone(),
        floor: span.asked.floor,
        most: span.asked.most,
        wait_seconds: u32::try_from(span.asked.wait.as_secs()).unwrap_or(u32::MAX),
    }
}

/// What was told before, unless what was measured has wandered away from it: a status that follows every breath of
/// its workers would be written all day.
fn settled(known: Option<u32>, measured: Option<f64>, guess: f64) -> u32 {
    // `as` saturates.
    let now = |rate: f64| rate.round().max(1.0) as u32;
    match (known, measured.map(now)) {
        (Some(known), Some(measured)) if known.abs_diff(measured) <= known * WANDERS / 100 => known,
        (_, Some(measured)) => measured,
        (Some(known), None) => known,
        (None, None) => now(guess),
    }
}

fn median(measured: &[f64]) -> Option<f64> {
    let mut rates: Vec<f64> = measured.iter().copied().filter(|rate| rate.is_finite() && *rate > 0.0).collect();
    rates.sort_unstable_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied()
}

fn ready(now: Timestamp, policy: &ScalePolicy, problems: Option<&[Problem]>) -> Condition {
    let (status, reason, message) = match problems {
        None => ("True", "Valid", "the policy makes sense".to_owned()),
        Some(problems) => {
            let reason = problems.first().map_or("InvalidPolicy", |problem| problem.reason.as_str());
            let told = |problem: &Problem| format!("{}: {}", problem.path, problem.message);
            ("False", reason, problems.iter().map(told).collect::<Vec<_>>().join("\n"))
        }
    };
    let before = policy.status.as_ref().and_then(|status| status.conditions.iter().find(|c| c.type_ == "Ready"));
    let unchanged = before.filter(|before| before.status == status);
    Condition {
        type_: "Ready".to_owned(),
        status: status.to_owned(),
        observed_generation: policy.metadata.generation,
        last_transition_time: unchanged.map_or(now.into(), |before| before.last_transition_time.clone()),
        reason: reason.to_owned(),
        message,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use imagejob_api::document::Documents;

    use super::*;

    const POLICY: &str = "
apiVersion: imagejob.dev/v1alpha1
kind: ScalePolicy
metadata: {name: weekend, generation: 3}
spec:
  timeZone: Europe/Berlin
  maxReplicas: 400
  profiles:
  - {name: peak, days: [Sat], from: '06:00', to: '08:00', floor: 4, waitSeconds: 5}
  - {name: sale, dates: ['2026-03-29'], from: '01:00', to: '04:00', rate: {recordsPerSecond: 1000}}
";

    fn read(text: &str) -> ScalePolicy {
        Documents::read([("policy.yaml", text)]).unwrap().policies[0].object.clone()
    }

    #[test]
    fn a_fortnight_is_told_in_both_clocks_over_a_change_of_them() {
        let policy = read(POLICY);
        let status = policy_status("2026-03-20T12:00:00Z".parse().unwrap(), &policy, 2, &[40.0, 50.0, 1_000.0]);
        let told: Vec<String> = status
            .transitions
            .iter()
            .map(|t| format!("{} {} {} {} {}", t.at, t.local, t.profiles.join("+"), t.floor, t.wait_seconds))
            .collect();
        assert_eq!(
            told,
            [
                "2026-03-21T05:00:00Z Sat 2026-03-21 06:00 Europe/Berlin peak 4 5",
                "2026-03-21T07:00:00Z Sat 2026-03-21 08:00 Europe/Berlin  0 60",
                "2026-03-28T05:00:00Z Sat 2026-03-28 06:00 Europe/Berlin peak 4 5",
                "2026-03-28T07:00:00Z Sat 2026-03-28 08:00 Europe/Berlin  0 60",
                // Clocks go forward at 02:00: the window is two hours long. 1,000 / (50 x 0.95) = 21.1.
                "2026-03-29T00:00:00Z Sun 2026-03-29 01:00 Europe/Berlin sale 22 60",
                "2026-03-29T02:00:00Z Sun 2026-03-29 04:00 Europe/Berlin  0 60",
            ]
        );
        assert_eq!((status.jobs, status.worker_records_per_second, status.observed_generation), (2, 50, Some(3)));
        assert_eq!((&*status.conditions[0].status, &*status.conditions[0].reason), ("True", "Valid"));
    }

    #[test]
    fn what_workers_do_moves_a_status_only_when_it_has_moved_far() {
        let now = "2026-03-20T12:00:00Z".parse().unwrap();
        let mut policy = read(POLICY);
        for (measured, told) in [(vec![], 40), (vec![45.0], 40), (vec![49.0], 49), (vec![], 49), (vec![30.0], 30)] {
            let status = policy_status(now, &policy, 1, &measured);
            assert_eq!(status.worker_records_per_second, told, "{measured:?}");
            policy.status = Some(status);
        }
        // Nothing has changed: nothing is written.
        assert_eq!(Some(policy_status(now, &policy, 1, &[30.0])), policy.status);
    }

    #[test]
    fn a_policy_that_makes_no_sense_says_so_and_foretells_nothing() {
        let now = "2026-03-20T12:00:00Z".parse().unwrap();
        let mut policy = read(POLICY);
        policy.status = Some(policy_status(now, &policy, 1, &[]));
        policy.spec.time_zone = "Mars/Olympus".to_owned();
        let status = policy_status(now, &policy, 1, &[]);
        assert_eq!((&*status.conditions[0].status, &*status.conditions[0].reason), ("False", "UnknownTimeZone"));
        assert!(status.conditions[0].message.starts_with("spec.timeZone: \"Mars/Olympus\" is not a time zone"));
        assert_eq!(status.transitions, []);
    }
}
