//! What becomes of a record whose work went wrong: pure.

use std::time::Duration;

use imagejob_ledger::Attempts;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::Retry;
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
    Again { after: Duration },
    GiveUp(Cause),
}

/// After a `Fail` that brought the record to `attempts`.
pub(crate) fn after_failure(attempts: Attempts, cause: Cause, retry: &Retry) -> Next {
    let permanent = cause.class == FailureClass::Permanent;
    if permanent || attempts.failures >= retry.max_attempts {
        Next::GiveUp(cause)
    } else {
        Next::Again { after: backoff(attempts.failures, retry) }
    }
}

/// After a worker vanished with the record, which brought it to `attempts`.
pub(crate) fn after_loss(attempts: Attempts) -> Next {
    if attempts.losses < LOSSES_UNTIL_GIVEN_UP {
        return Next::Again { after: Duration::ZERO };
    }
    let reason = FailureReason::WorkerKilled;
    Next::GiveUp(Cause {
        class: reason.class(),
        reason: reason.as_str().to_owned(),
        message: format!(
            "{} workers vanished with this record on loan, the last ones with nothing else",
            attempts.losses
        ),
    })
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
    use super::*;

    const RETRY: Retry = Retry { max_attempts: 3, initial_backoff_ms: 1_000, max_backoff_ms: 5_000 };

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
    fn vanished_workers_count_apart_from_failures() {
        let again = Next::Again { after: Duration::ZERO };
        let (any, alone) = (Company::Any, Company::Alone);
        for (losses, who) in [(1, any), (2, alone), (3, alone), (4, alone)] {
            let attempts = Attempts { failures: 2, losses };
            assert_eq!(after_loss(attempts), again, "{losses}");
            assert_eq!(company(attempts), who, "{losses}");
        }
        let Next::GiveUp(cause) = after_loss(Attempts { failures: 0, losses: 5 }) else {
            panic!("five workers are enough");
        };
        assert_eq!(cause.reason, "WorkerKilled");
        assert_eq!(cause.class, FailureClass::Permanent);
    }
}
