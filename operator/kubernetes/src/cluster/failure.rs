//! What an API server's answer means: whether asking again may help.

use std::time::Duration;

use imagejob_operator::ClusterError;

/// The error of an action that was not answered in time.
pub(super) fn unanswered(action: String, limit: Duration) -> ClusterError {
    ClusterError::Unavailable { action, cause: format!("the API server did not answer within {} s", limit.as_secs()) }
}

/// The error of an action that failed.
pub(super) fn of(action: String, error: &kube::Error) -> ClusterError {
    match error {
        kube::Error::Api(status) if !may_pass(status.code) => ClusterError::Refused { action, cause: cause(error) },
        _ => ClusterError::Unavailable { action, cause: cause(error) },
    }
}

/// What the API server said, as one sentence: the error's own words hold the whole answer twice.
pub(crate) fn cause(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        other => other.to_string(),
    }
}

/// Conflicts, overload and a server that is not well. All else is about what was asked.
const fn may_pass(code: u16) -> bool {
    matches!(code, 408 | 409 | 429) || code >= 500
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, message: &str) -> ClusterError {
        let status = kube::core::Status { code, message: message.to_owned(), ..kube::core::Status::default() };
        of("apply Deployment w".to_owned(), &kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn what_may_pass_is_told_from_what_somebody_must_change() {
        for code in [408, 409, 429, 500, 503, 504] {
            assert!(matches!(answer(code, ""), ClusterError::Unavailable { .. }), "{code}");
        }
        for code in [400, 401, 403, 404, 422] {
            assert!(matches!(answer(code, ""), ClusterError::Refused { .. }), "{code}");
        }
        assert_eq!(
            answer(403, "namespace media is being terminated").to_string(),
            "cannot apply Deployment w: namespace media is being terminated (403)"
        );
    }
}
