//! The rate limit of the job, and this dispatcher's share of it: a token bucket, one token a record.
//!
//! Every loan takes a token, also of a record that was lent before: the limit protects what workers call for each
//! attempt, a store or a handler, and these do not care which attempt it is.

use std::num::NonZeroU32;
use std::time::Duration;

/// What may be lent at once after a time in which less was asked for: what comes in so long, but one record at least.
const BURST: Duration = Duration::from_millis(100);
/// Whoever had to wait gets all that came meanwhile, so that the average does not depend on how often the time is told;
/// but after a stall of minutes not the records of minutes at once.
const CATCH_UP: Duration = Duration::from_secs(1);
const NANOS: u128 = 1_000_000_000;

/// Partitions held, and partitions in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    held: u128,
    all: u128,
}

impl Share {
    /// While the partitions in all are not known, those held are all.
    pub(crate) fn new(held: usize, all: u64) -> Self {
        let held = held as u128;
        Self { held, all: u128::from(all).max(held).max(1) }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    /// Records per second of the whole job; none without a limit.
    limit: Option<NonZeroU32>,
    share: Share,
    /// In parts of a record, of which `share.all` x 10^9 are one, so that nothing is ever rounded: with a limit of 7/s
    /// and 2 of 3 partitions, a nanosecond brings 7 x 2 parts, and a record has 3 x 10^9.
    tokens: u128,
    refilled: Duration,
    /// Somebody asked in vain since the last refill.
    starved: bool,
}

impl Default for Rate {
    fn default() -> Self {
        Self { limit: None, share: Share::new(0, 0), tokens: 0, refilled: Duration::ZERO, starved: false }
    }
}

impl Rate {
    /// Sets or lifts the limit. The first record under a new one need not wait.
    pub(crate) fn limit(&mut self, limit: Option<NonZeroU32>) {
        if self.limit.is_none() {
            self.tokens = self.one();
        }
        self.limit = limit;
    }

    /// Adds what has come since the last call.
    pub(crate) fn refill(&mut self, now: Duration, share: Share) {
        let elapsed = now.saturating_sub(std::mem::replace(&mut self.refilled, now)).min(CATCH_UP);
        if share.all != self.share.all {
            self.tokens = self.tokens * share.all / self.share.all;
        }
        self.share = share;
        let tokens = self.tokens + self.in_parts(elapsed);
        let starved = std::mem::take(&mut self.starved);
        self.tokens = if starved { tokens } else { tokens.min(self.in_parts(BURST).max(self.one())) };
    }

    /// Whether a record may be lent now.
    pub(crate) fn admits(&mut self) -> bool {
        let admits = self.limit.is_none() || self.tokens >= self.one();
        self.starved |= !admits;
        admits
    }

    /// A record is lent.
    pub(crate) fn take(&mut self) {
        self.tokens = self.tokens.saturating_sub(self.one());
    }

    const fn one(&self) -> u128 {
        self.share.all * NANOS
    }

    /// What comes in a time.
    fn in_parts(&self, time: Duration) -> u128 {
        let limit = self.limit.map_or(0, NonZeroU32::get);
        u128::from(limit) * self.share.held * time.as_nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limited(per_second: u32) -> Rate {
        let mut rate = Rate::default();
        rate.limit(NonZeroU32::new(per_second));
        rate
    }

    /// Lends what may be lent, at most `wanted`.
    fn lend(rate: &mut Rate, now: Duration, share: Share, wanted: u64) -> u64 {
        rate.refill(now, share);
        let mut lent = 0;
        while lent < wanted && rate.admits() {
            rate.take();
            lent += 1;
        }
        lent
    }

    #[test]
    fn without_a_limit_everything_may_be_lent() {
        assert_eq!(lend(&mut Rate::default(), SECOND, Share::new(1, 4), 100_000), 100_000);
    }

    #[test]
    fn after_a_quiet_hour_a_tenth_of_a_second_may_be_lent_at_once_and_one_record_at_least() {
        for (limit, held, burst) in [(1_000, 4, 100), (1_000, 1, 25), (5, 4, 1), (1, 1, 1)] {
            let (mut rate, share) = (limited(limit), Share::new(held, 4));
            assert_eq!(lend(&mut rate, SECOND * 3_600, share, u64::MAX), burst, "{limit}/s, {held} of 4 partitions");
        }
    }

    #[test]
    fn whoever_waits_gets_what_came_meanwhile_but_never_more_than_a_second_of_it() {
        let (mut rate, share) = (limited(100), Share::new(1, 1));
        lend(&mut rate, SECOND, share, u64::MAX);
        assert_eq!(lend(&mut rate, SECOND * 2, share, u64::MAX), 100);
        assert_eq!(lend(&mut rate, SECOND * 62, share, u64::MAX), 100);
    }

    #[test]
    fn who_holds_nothing_lends_nothing_and_a_limit_that_is_lifted_is_gone() {
        let mut rate = limited(100);
        lend(&mut rate, SECOND, Share::new(0, 3), u64::MAX);
        assert_eq!(lend(&mut rate, SECOND * 2, Share::new(0, 3), u64::MAX), 0);
        rate.limit(None);
        assert_eq!(lend(&mut rate, SECOND * 2, Share::new(1, 3), 1_000), 1_000);
    }

    proptest! {
        /// However irregularly time is told, what was lent never differs from the share of the limit by more than
        /// a record, be it after a millisecond or after minutes.
        #[test]
        fn what_is_lent_is_the_share_of_the_limit(
            limit in 1..5_000_u32,
            held in 1..16_usize,
            others in 0..64_u64,
            ticks in prop::collection::vec(1..1_000_000_000_u64, 1..300),
        ) {
            let all = held as u64 + others;
            let (mut rate, share) = (limited(limit), Share::new(held, all));
            let per_second = f64::from(limit) * held as f64 / all as f64;
            let mut now = Duration::ZERO;
            let mut lent = lend(&mut rate, now, share, u64::MAX);
            for tick in ticks {
                now += Duration::from_nanos(tick);
                lent += lend(&mut rate, now, share, u64::MAX);
                let due = per_second * now.as_secs_f64();
                prop_assert!((lent as f64 - due).abs() <= 1.0 + 1e-3, "{lent} instead of {due}");
            }
        }

        /// Whatever is wanted when: in no span of time more is lent than the limit and a burst.
        #[test]
        fn no_span_of_time_has_more_than_the_limit_and_what_may_be_caught_up(
            limit in 1..2_000_u32,
            steps in prop::collection::vec((1..3_000_u64, 0..400_u64), 1..200),
        ) {
            let (mut rate, share) = (limited(limit), Share::new(1, 1));
            let (mut now, mut lent) = (Duration::ZERO, Vec::new());
            for (pause, wanted) in steps {
                now += Duration::from_millis(pause);
                lent.push((now, lend(&mut rate, now, share, wanted)));
            }
            for from in 0..lent.len() {
                let mut sum = 0;
                for &(at, count) in &lent[from..] {
                    sum += count;
                    let span = (at.saturating_sub(lent[from].0) + CATCH_UP).as_secs_f64();
                    prop_assert!(sum as f64 <= f64::from(limit) * span + (f64::from(limit) / 10.0).max(1.0) + 1e-3);
                }
            }
        }
    }
}
