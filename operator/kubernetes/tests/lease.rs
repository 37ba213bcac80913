//! Who leads: the rule as a table, and two candidates whose clocks differ over random schedules.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use imagejob_kubernetes::lease::{LEASE, RETRY, Verdict, Watch, claim, evaluate, leads, release};
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const SECOND: Duration = Duration::from_secs(1);

fn held(by: &str, seconds: Option<i32>) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(by.to_owned()),
        lease_duration_seconds: seconds,
        renew_time: None,
        ..LeaseSpec::default()
    }
}

#[test]
fn what_to_do_about_a_lease() {
    let free = LeaseSpec::default();
    let table = [
        ("nobody ever held it", free.clone(), 0, Verdict::Acquire),
        ("it was released", release(&held("other", Some(4))), 0, Verdict::Acquire),
        ("an empty name is nobody", held("", Some(4)), 0, Verdict::Acquire),
        ("it is ours", held("me", Some(4)), 0, Verdict::Renew),
        ("it is ours and old: who else has it?", held("me", Some(4)), 60, Verdict::Renew),
        ("just seen to change", held("other", Some(4)), 0, Verdict::Wait),
        ("nearly over", held("other", Some(4)), 3, Verdict::Wait),
        ("over", held("other", Some(4)), 4, Verdict::Acquire),
        ("the holder promised to be slower", held("other", Some(15)), 14, Verdict::Wait),
        ("no promise: ours counts", held("other", None), 3, Verdict::Wait),
        ("no promise, over", held("other", None), 4, Verdict::Acquire),
    ];
    for (case, spec, unchanged_for, verdict) in table {
        let observed_at = 100 * SECOND;
        assert_eq!(evaluate(&spec, "me", observed_at, observed_at + unchanged_for * SECOND), verdict, "{case}");
    }
}

#[test]
fn a_claim_keeps_the_time_of_acquisition_and_counts_changes_of_hands() {
    let wall = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
    let first = claim(&LeaseSpec::default(), "me", wall(0));
    let renewed = claim(&first, "me", wall(1));
    assert_eq!((renewed.lease_transitions, renewed.acquire_time.clone()), (Some(1), first.acquire_time.clone()));
    assert_ne!(renewed.renew_time, first.renew_time);
    let other = claim(&renewed, "other", wall(9));
    assert_eq!((other.lease_transitions, other.acquire_time.unwrap().0), (Some(2), wall(9)));
    assert_eq!(other.lease_duration_seconds, Some(LEASE.as_secs() as i32));
}

/// An API server with one lease: writes go through only on the version that they name.
#[derive(Default)]
struct Server {
    spec: LeaseSpec,
    version: u64,
}

/// A candidate whose clock began at any time and runs up to 1 % too fast or too slow.
struct Candidate {
    name: String,
    offset: Duration,
    rate: f64,
    watch: Watch,
    known: Option<(LeaseSpec, u64, Duration)>,
    renewed_at: Option<Duration>,
    /// True time at which the request in flight reaches the server and at which its answer is back.
    attempt: Option<Attempt>,
    next: Duration,
}

struct Attempt {
    sent_at: Duration,
    arrives: Duration,
    answered: Duration,
    lost: bool,
    write: Option<(LeaseSpec, u64)>,
    answer: Option<(bool, LeaseSpec, u64)>,
}

impl Candidate {
    fn clock(&self, truth: Duration) -> Duration {
        self.offset + truth.mul_f64(self.rate)
    }

    fn leads(&self, truth: Duration) -> bool {
        self.renewed_at.is_some_and(|at| leads(at, self.clock(truth)))
    }

    fn send(&mut self, truth: Duration, random: &mut StdRng) {
        let now = self.clock(truth);
        let write = self.known.as_ref().and_then(|(spec, version, since)| {
            let wanted = evaluate(spec, &self.name, *since, now) != Verdict::Wait;
            wanted.then(|| (claim(spec, &self.name, wall(truth)), *version))
        });
        let arrives = truth + Duration::from_millis(random.random_range(0..2_500));
        let answered = arrives + Duration::from_millis(random.random_range(0..2_500));
        let lost = random.random_ratio(1, 8);
        self.attempt = Some(Attempt { sent_at: now, arrives, answered, lost, write, answer: None });
    }

    fn hear(&mut self, attempt: Attempt, truth: Duration) {
        self.next = truth + RETRY;
        self.known = None;
        let Some((accepted, spec, version)) = attempt.answer.filter(|_| !attempt.lost) else { return };
        let since = self.watch.observe(&spec, self.clock(truth));
        self.known = Some((spec, version, since));
        if accepted {
            self.renewed_at = Some(attempt.sent_at);
        }
    }
}

fn wall(truth: Duration) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + truth.as_millis() as i64).unwrap()
}

/// Both in one process: the order of events is that of true time.
fn run(seed: u64) -> u32 {
    let mut random = StdRng::seed_from_u64(seed);
    let mut server = Server::default();
    let mut candidates: Vec<Candidate> = ["a", "b", "c"]
        .map(|name| Candidate {
            name: name.to_owned(),
            offset: Duration::from_secs(random.random_range(0..1_000_000)),
            rate: random.random_range(0.99..1.01),
            watch: Watch::default(),
            known: None,
            renewed_at: None,
            attempt: None,
            next: Duration::ZERO,
        })
        .into();
    let (mut leader, mut changes) = (None, 0);
    for step in 0..40_000 {
        let truth = Duration::from_millis(10) * step;
        // The way to the server is cut for one of them now and then; requests then wait, and arrive late.
        for candidate in &mut candidates {
            if candidate.attempt.is_none() && truth >= candidate.next {
                candidate.send(truth, &mut random);
            }
            if let Some(attempt) = &mut candidate.attempt
                && attempt.answer.is_none()
                && truth >= attempt.arrives
            {
                let accepted = attempt.write.take().is_some_and(|(spec, version)| {
                    let current = version == server.version;
                    if current {
                        server = Server { spec, version: version + 1 };
                    }
                    current
                });
                attempt.answer = Some((accepted, server.spec.clone(), server.version));
            }
            if candidate.attempt.as_ref().is_some_and(|attempt| truth >= attempt.answered) {
                let attempt = candidate.attempt.take().unwrap();
                candidate.hear(attempt, truth);
                if random.random_ratio(1, 50) {
                    candidate.next = truth + Duration::from_secs(random.random_range(2..12));
                }
            }
        }
        let leading: Vec<&str> = candidates.iter().filter(|c| c.leads(truth)).map(|c| c.name.as_str()).collect();
        assert!(leading.len() <= 1, "seed {seed}: {leading:?} lead at {truth:?}");
        if let [name] = leading[..]
            && leader.as_deref() != Some(name)
        {
            leader = Some(name.to_owned());
            changes += 1;
        }
    }
    changes
}

#[test]
fn candidates_with_different_clocks_never_both_lead() {
    let seeds = std::env::var("LEASE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let changes: u32 = (0..seeds)
        .map(|seed| {
            println!("seed {seed}");
            run(seed)
        })
        .sum();
    assert!(changes > 3 * seeds as u32, "leadership changed hands {changes} times: too rarely to show anything");
}
