//! How soon something that failed is tried again: not in each round, four of which may happen in a
//! second, but after a pause that doubles. Something else is tried at once.

use std::time::Duration;

use imagejob_operator::ClusterError;
use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(8);

/// How writing goes.
#[derive(Debug, Default)]
pub(super) struct Pace {
    failed: Option<Failed>,
}

#[derive(Debug)]
struct Failed {
    what: String,
    error: ClusterError,
    times: u32,
    again_at: Instant,
}

impl Pace {
    /// The failure of last time if it is too early to try the same again.
    pub(super) fn go_ahead(&self, what: &str) -> Result<(), ClusterError> {
        match &self.failed {
            Some(failed) if failed.what == what && now() < failed.again_at => Err(failed.error.clone()),
            _ => Ok(()),
        }
    }

    /// Takes in how it went.
    pub(super) fn took(&mut self, what: &str, error: Option<&ClusterError>) {
        self.failed = error.map(|error| {
            let before = self.failed.as_ref().filter(|failed| failed.what == what);
            let times = before.map_or(0, |failed| failed.times + 1);
            let pause = FIRST.saturating_mul(1 << times.min(10)).min(LONGEST);
            Failed { what: what.to_owned(), error: error.clone(), times, again_at: now() + pause }
        });
    }
}

#[allow(clippy::disallowed_methods)] // Monotonic, and tokio's, so that tests drive it.
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_eight_seconds_and_end_with_a_success_or_something_else() {
        let error = ClusterError::Unavailable { action: "apply".to_owned(), cause: "no".to_owned() };
        let mut pace = Pace::default();
        for milliseconds in [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000] {
            assert_eq!(pace.go_ahead("a"), Ok(()));
            pace.took("a", Some(&error));
            assert_eq!(pace.go_ahead("a"), Err(error.clone()));
            assert_eq!(pace.go_ahead("b"), Ok(()), "something else");
            tokio::time::advance(Duration::from_millis(milliseconds - 1)).await;
            assert_eq!(pace.go_ahead("a"), Err(error.clone()));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        pace.took("a", None);
        pace.took("a", Some(&error));
        tokio::time::advance(FIRST).await;
        assert_eq!(pace.go_ahead("a"), Ok(()), "counted anew after a success");
    }
}
