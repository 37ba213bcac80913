//! What is wrong right now, for the report: one sentence per reason.

use std::collections::BTreeMap;
use std::time::Duration;

use imagejob_protocol::reasons::ProblemReason;
use imagejob_protocol::wire;

/// How long an event (as opposed to a state) is shown.
const SHOWN: Duration = Duration::from_mins(5);

#[derive(Debug)]
struct Problem {
    message: String,
    /// `None` for a state, which somebody clears.
    until: Option<Duration>,
}

/// At most one problem per reason; the newest wins.
#[derive(Debug, Default)]
pub struct Problems(BTreeMap<ProblemReason, Problem>);

impl Problems {
    /// Something is wrong until it is [`clear`](Self::clear)ed. Returns whether that is news.
    pub fn set(&mut self, reason: ProblemReason, message: String) -> bool {
        self.0.insert(reason, Problem { message, until: None }).is_none()
    }

    /// Whether something of this kind is wrong.
    pub fn has(&self, reason: ProblemReason) -> bool {
        self.0.contains_key(&reason)
    }

    /// Something happened that cannot be undone; it is shown for five minutes.
    pub fn happened(&mut self, now: Duration, reason: ProblemReason, message: String) {
        self.0.insert(reason, Problem { message, until: Some(now + SHOWN) });
    }

    /// It is well again. Returns whether that is news.
    pub fn clear(&mut self, reason: ProblemReason) -> bool {
        self.0.remove(&reason).is_some()
    }

    /// Those that hold at `now`.
    pub(crate) fn list(&mut self, now: Duration) -> Vec<wire::Problem> {
        self.0.retain(|_, problem| problem.until.is_none_or(|until| until > now));
        let entry = |(reason, problem): (&ProblemReason, &Problem)| wire::Problem {
            reason: reason.as_str().to_owned(),
            message: problem.message.clone(),
        };
        self.0.iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_last_until_cleared_and_events_for_five_minutes() {
        let mut problems = Problems::default();
        assert!(problems.set(ProblemReason::BrokerUnreachable, "no answer".to_owned()));
        assert!(!problems.set(ProblemReason::BrokerUnreachable, "still none".to_owned()));
        problems.happened(Duration::ZERO, ProblemReason::DataExpired, "7 records".to_owned());

        let listed = problems.list(Duration::from_secs(299));
        assert_eq!(listed.len(), 2);
        assert_eq!(listed[0].message, "still none");
        assert_eq!(problems.list(SHOWN).len(), 1);
        assert!(problems.clear(ProblemReason::BrokerUnreachable));
        assert!(problems.list(SHOWN).is_empty());
    }
}
