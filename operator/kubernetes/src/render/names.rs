//! What the objects of a job are called.

use sha2::{Digest, Sha256};

/// The name of a Service is a DNS label, and the others keep to the same so that they look alike.
const LONGEST: usize = 63;

/// Hex digits that stand for the whole of a job's name where it had to be cut.
const DIGITS: usize = 8;

/// The names of a job's objects, each unique per kind in the job's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The dispatchers' Deployment, the Service that leads to them, their disruption budget and
    /// network policy.
    pub dispatcher: String,
    /// The same of the workers, which nothing dials.
    pub worker: String,
    /// The `ConfigMap` with what both read when they start.
    pub settings: String,
    /// The Secret with the token by which they recognise each other.
    pub token: String,
    /// The `ServiceAccount` of all pods. Not the job's bare name, which may be an account of a user.
    pub account: String,
    /// The `ConfigMap` with what was learned of the weeks.
    pub learned: String,
}

impl Names {
    /// The names of this job's objects.
    pub fn of(job: &str) -> Self {
        let name = |part: &str| object_name(job, part);
        Self {
            dispatcher: name("dispatcher"),
            worker: name("worker"),
            settings: name("settings"),
            token: name("token"),
            account: name("imagejob"),
            learned: name("learned"),
        }
    }
}

/// `<job>-<part>`, or as much of the job's name as there is room for and a digest of all of it.
fn object_name(job: &str, part: &str) -> String {
    let whole = format!("{job}-{part}");
    if whole.len() <= LONGEST {
        return whole;
    }
    let digest: String = Sha256::digest(job).iter().map(|byte| format!("{byte:02x}")).collect();
    let room = LONGEST - DIGITS - part.len() - 2;
    let beginning: String = job.chars().take(room).collect();
    format!("{}-{}-{part}", beginning.trim_end_matches('-'), &digest[..DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_with_the_jobs() {
        let names = Names::of("poster-check");
        assert_eq!(names.dispatcher, "poster-check-dispatcher");
        assert_eq!(names.worker, "poster-check-worker");
    }

    #[test]
    fn names_stay_dns_labels_and_apart_however_long_the_jobs_are() {
        // 52 + "-dispatcher" is what just fits; at 53 a cut would leave a dash at the end of the beginning.
        let dashes = format!("{}-{}", "a".repeat(41), "b".repeat(21));
        for job in ["a", &"a".repeat(52), &"a".repeat(53), &"a".repeat(63), &dashes] {
            let Names { dispatcher, worker, settings, token, account, learned } = Names::of(job);
            for name in [dispatcher, worker, settings, token, account, learned] {
                assert!(name.len() <= 63 && !name.contains("--"), "{name}");
            }
        }
        let (one, other) = (format!("{}x", "a".repeat(62)), format!("{}y", "a".repeat(62)));
        assert_ne!(Names::of(&one).dispatcher, Names::of(&other).dispatcher);
        assert_eq!(
            Names::of(&"a".repeat(52)).dispatcher,
            format!("{}-dispatcher", "a".repeat(52)),
            "no cut, no digest"
        );
    }
}
