//! What becomes of a record whose work went wrong: pure.

use std::time::Duration;

use imagejob_ledger::Attempts;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{OnExhausted, Retry};
use imagejob_protocol::wire::FailureClass;

use crate::dispatcher::pen::Company;

/// Losses after which a record is lent alone: it may be what kills workers.
const LOSSES_UNTIL_ALONE: u32 = 2;
/// Losses after which it is given up as [`FailureReason::WorkerKilled`].
const LOSSES_UNTIL_GIVEN_UP: u32 = 5;

/// Why a record is given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Whether another attempt could have helped.
    pub class: FailureClass,
    /// Word of [`FailureReason`], as the worker said it.
    pub reason: String,
    /// One sentence for people.
    pub message: String,
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Again {
        after: Duration,
    },
    /// Its attempts are used up, and it is to be tried on and on.
    Block {
        after: Duration,
        cause: Cause,
    },
    GiveUp(Cause),
}

/// After a `Fail` that brought the record to `attempts`.
pub(crate) fn after_failure(attempts: Attempts, cause: Cause, retry: &Retry) -> Next {
    let permanent = cause.class == FailureClass::Permanent;
    if permanent || attempts.failures >= retry.max_attempts {
        exhausted(cause, retry)
    } else {
        Next::Again { after: backoff(attempts.failures, retry) }
    }
}

fn exhausted(cause: Cause, retry: &Retry) -> Next {
    match retry.on_exhausted {
        OnExhausted::DeadLetter | OnExhausted::Skip => Next::GiveUp(cause),
        OnExhausted::Block => Next::Block { after: Duration::from_millis(retry.max_backoff_ms), cause },
    }
}

/// Why a record is not worth the work any more at `now_ms`: it is older than the job wants.
pub(crate) fn expired(timestamp_ms: i64, now_ms: i64, retry: &Retry) -> Option<Cause> {
    let age_ms = u64::try_from(now_ms.saturating_sub(timestamp_ms)).ok()?;
    let most_ms = retry.max_age_ms.filter(|most_ms| age_ms > *most_ms)?;
    let reason = FailureReason::Expired;
    Some(Cause {
        class: reason.class(),
        reason: reason.as_str().to_owned(),
        message: format!("{} s old, more than retry.maxAgeSeconds of {}", age_ms / 1_000, most_ms / 1_000),
    })
}

/// After a worker vanished with the record, which brought it to `attempts`.
pub(crate) fn after_loss(attempts: Attempts, retry: &Retry) -> Next {
    if attempts.losses < LOSSES_UNTIL_GIVEN_UP {
        return Next::Again { after: Duration::ZERO };
    }
    let reason = FailureReason::WorkerKilled;
    let cause = Cause {
        class: reason.class(),
        reason: reason.as_str().to_owned(),
        message: format!(
            "{} workers vanished with this record on loan, the last ones with nothing else",
            attempts.losses
        ),
    };
    exhausted(cause, retry)
}

/// Who may have it next.
pub(crate) fn company(attempts: Attempts) -> Company {
    if attempts.losses >= LOSSES_UNTIL_ALONE { Company::Alone } else { Company::Any }
}

/// Pause after the `failures`th failure: initial x 2^(failures - 1), at most the maximum. With 1 s
/// and 60 s: 1, 2, 4, 8, 16, 32, 60, 60 ... s.
fn backoff(failures: u32, retry: &Retry) -> Duration {
    let doublings = failures.saturating_sub(1).min(63);
    let pause = retry.initial_backoff_ms.saturating_mul(1 << doublings);
    Duration::from_millis(pause.min(retry.max_backoff_ms))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const RETRY: Retry = Retry {
        max_attempts: 3,
        initial_backoff_ms: 1_000,
        max_backoff_ms: 5_000,
        max_age_ms: None,
        on_exhausted: OnExhausted::DeadLetter,
    };

    fn cause(class: FailureClass) -> Cause {
        Cause { class, reason: "Any".to_owned(), message: "it did not work".to_owned() }
    }

    #[test]
    fn failures_are_retried_with_growing_pauses_until_the_attempts_are_used_up() {
        let seconds = |after| Next::Again { after: Duration::from_secs(after) };
        let transient = cause(FailureClass::Transient);
        let patient = Retry { max_attempts: 100, ..RETRY };
        let cases = [
            (1, RETRY, seconds(1)),
            (2, RETRY, seconds(2)),
            (3, RETRY, Next::GiveUp(transient.clone())),
            (3, patient, seconds(4)),
            (4, patient, seconds(5)),
            (99, patient, seconds(5)),
        ];
        for (failures, retry, next) in cases {
            let attempts = Attempts { failures, losses: 0 };
            assert_eq!(after_failure(attempts, transient.clone(), &retry), next, "{failures}");
        }
    }

    #[test]
    fn what_cannot_succeed_is_given_up_at_once() {
        let permanent = cause(FailureClass::Permanent);
        let first = Attempts { failures: 1, losses: 0 };
        assert_eq!(after_failure(first, permanent.clone(), &RETRY), Next::GiveUp(permanent));
    }

    #[test]
    fn a_record_that_blocks_is_tried_after_each_longest_pause_whatever_its_failure() {
        let blocking = Retry { on_exhausted: OnExhausted::Block, ..RETRY };
        let after = Duration::from_secs(5);
        for (failures, class) in
            [(1, FailureClass::Permanent), (3, FailureClass::Transient), (99, FailureClass::Transient)]
        {
            let attempts = Attempts { failures, losses: 0 };
            assert_eq!(after_failure(attempts, cause(class), &blocking), Next::Block { after, cause: cause(class) });
        }
        let killer = after_loss(Attempts { failures: 0, losses: 7 }, &blocking);
        assert!(matches!(killer, Next::Block { .. }), "{killer:?}");
    }

    #[test]
    fn age_counts_from_the_records_own_timestamp() {
        let daily = Retry { max_age_ms: Some(86_400_000), ..RETRY };
        assert_eq!(expired(0, 86_400_000, &daily), None, "not older yet");
        let cause = expired(0, 90_061_000, &daily).unwrap();
        assert_eq!((cause.reason.as_str(), cause.class), ("Expired", FailureClass::Permanent));
        assert_eq!(cause.message, "90061 s old, more than retry.maxAgeSeconds of 86400");
        assert_eq!(expired(0, i64::MAX, &RETRY), None, "age does not matter");
        assert_eq!(expired(5_000, 0, &daily), None, "a producer's clock is ahead");
    }

    #[test]
    fn vanished_workers_count_apart_from_failures() {
        let again = Next::Again { after: Duration::ZERO };
        let (any, alone) = (Company::Any, Company::Alone);
        for (losses, who) in [(1, any), (2, alone), (3, alone), (4, alone)] {
            let attempts = Attempts { failures: 2, losses };
            assert_eq!(after_loss(attempts, &RETRY), again, "{losses}");
            assert_eq!(company(attempts), who, "{losses}");
        }
        let Next::GiveUp(cause) = after_loss(Attempts { failures: 0, losses: 5 }, &RETRY) else {
            panic!("five workers are enough");
        };
        assert_eq!(cause.reason, "WorkerKilled");
        assert_eq!(cause.class, FailureClass::Permanent);
    }
}
