//! When to join the group: not while a dead member is in it and others commit.
//!
//! A member that was killed stays in the group until its session expires. A rebalance that begins before that waits for
//! it, and meanwhile the coordinator answers the members nothing else: those that live cannot commit. If they die as
//! well, what finished in these seconds is known to workers alone. So whoever replaces a dead member lets its session
//! expire first. That costs nothing: the partitions of the dead one could not have moved earlier.
//!
//! From outside the dead look like the living. But a group with room for one more has no dead member that is replaced,
//! and where nobody commits, nobody's commits would wait. Then it is better to be in the group when the last session
//! expires: a group that is empty makes its first member wait for others (3 s, as brokers are delivered).

use std::time::Duration;

use crate::dispatcher::position::Committed;

/// Pause between looks at the group.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// Whoever works commits twice a second; after two pauses and the way of a commit nobody does.
const QUIET: Duration = Duration::from_millis(1_300);

/// What an outsider sees of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It has fewer members, dead ones too, than there should be dispatchers.
    Room,
    /// As many or more.
    Full {
        /// What is committed for each partition.
        committed: Vec<Option<Committed>>,
    },
}

/// What to do about joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approach {
    /// Look at the group; [`Joining::saw`] takes the answer.
    Look,
    /// Join now.
    Join,
}

/// A dispatcher before it is in its group.
#[derive(Debug)]
pub struct Joining {
    /// A member that stays longer is alive: more of us are wanted than expected, as while the old pods of a
    /// rollout end.
    longest: Duration,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Begin,
    /// Waits for an answer to its first or a later look.
    Looking(Option<Waiting>),
    Waiting(Waiting),
    Join,
}

#[derive(Clone, Debug)]
struct Waiting {
    since: Duration,
    /// Uptime of the next look.
    next: Duration,
    committed: Vec<Option<Committed>>,
    /// Uptime at which that was seen first.
    unchanged_since: Duration,
}

impl Joining {
    /// A member is dead to the group after `session` without a sign of life.
    pub const fn new(session: Duration) -> Self {
        // The broker looks for the dead now and then.
        Self { longest: session.saturating_add(Duration::from_secs(1)), stage: Stage::Begin }
    }

    /// What is due; nothing while an answer or time is waited for. `dispatchers` is how many there should be.
    pub fn due(&mut self, now: Duration, dispatchers: usize) -> Option<Approach> {
        match std::mem::replace(&mut self.stage, Stage::Join) {
            // Alone there is nobody whose commits would wait.
            Stage::Begin if dispatchers > 1 => self.stage = Stage::Looking(None),
            Stage::Waiting(waiting) if now >= waiting.next => self.stage = Stage::Looking(Some(waiting)),
            Stage::Begin | Stage::Join => return Some(Approach::Join),
            stage @ (Stage::Looking(_) | Stage::Waiting(_)) => {
                self.stage = stage;
                return None;
            }
        }
        Some(Approach::Look)
    }

    /// Whether something is due after a while.
    pub const fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting(_))
    }

    /// What was seen of the group; nothing if that is not for us to see: who may not look joins at once. Whether the
    /// wait has just begun.
    pub fn saw(&mut self, now: Duration, look: Option<Look>) -> bool {
        let Stage::Looking(before) = std::mem::replace(&mut self.stage, Stage::Join) else { return false };
        let Some(Look::Full { committed }) = look else { return false };
        let began = before.is_none();
        let first = Waiting { since: now, next: now, committed: Vec::new(), unchanged_since: now };
        let before = before.unwrap_or(first);
        let unchanged_since = if before.committed == committed { before.unchanged_since } else { now };
        let is_over = now >= before.since + self.longest || now >= unchanged_since + QUIET;
        if !is_over {
            let next = now + LOOK_AGAIN;
            self.stage = Stage::Waiting(Waiting { next, committed, unchanged_since, ..before });
        }
        began && !is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Duration = Duration::from_secs(6);
    const TICK: Duration = Duration::from_millis(50);

    fn full(offset: i64) -> Look {
        Look::Full { committed: vec![Some(Committed { offset, metadata: String::new() })] }
    }

    /// When one of two dispatchers joins a group that looks like this over time.
    fn joins_after(group: impl Fn(Duration) -> Option<Look>) -> Duration {
        let (mut joining, mut now) = (Joining::new(SESSION), Duration::ZERO);
        loop {
            match joining.due(now, 2) {
                Some(Approach::Join) => return now,
                Some(Approach::Look) => {
                    joining.saw(now, group(now));
                }
                None => now += TICK,
            }
            assert!(now < Duration::from_mins(1), "it never joins");
        }
    }

    /// Half a second of work each.
    fn commits(now: Duration) -> i64 {
        (now.as_millis() / 500) as i64
    }

    #[test]
    fn one_of_one_joins_without_a_look() {
        assert_eq!(Joining::new(SESSION).due(Duration::ZERO, 1), Some(Approach::Join));
    }

    #[test]
    fn a_group_with_room_is_joined_at_once_and_so_is_one_that_may_not_be_looked_at() {
        assert_eq!(joins_after(|_| Some(Look::Room)), Duration::ZERO);
        assert_eq!(joins_after(|_| None), Duration::ZERO);
    }

    #[test]
    fn while_the_other_commits_the_session_of_the_dead_one_is_waited_for() {
        let dead_until = Duration::from_millis(5_600);
        let joined = joins_after(|now| Some(if now < dead_until { full(commits(now)) } else { Look::Room }));
        assert!(joined >= dead_until && joined <= dead_until + LOOK_AGAIN + TICK, "{joined:?}");
    }

    #[test]
    fn where_all_are_dead_nobody_is_waited_for() {
        let joined = joins_after(|_| Some(full(7)));
        assert!(joined >= QUIET && joined <= QUIET + LOOK_AGAIN + TICK, "{joined:?}");
        // The other dies as well, two seconds later.
        let joined = joins_after(|now| Some(full(commits(now.min(Duration::from_secs(2))))));
        assert!(joined >= Duration::from_secs(3) && joined < Duration::from_secs(4), "{joined:?}");
    }

    #[test]
    fn one_more_than_expected_joins_after_a_session() {
        let joined = joins_after(|now| Some(full(commits(now))));
        assert!(joined >= SESSION + Duration::from_secs(1) && joined < SESSION + Duration::from_secs(2), "{joined:?}");
    }
}
