//! How long a worker may take to end: the same numbers for who kills it and for itself.

use std::time::Duration;

use crate::settings::WorkerSettings;

/// Longest time between being asked to end and being killed. Autoscalers of nodes grant no more by
/// default, so a longer one would be a promise that nobody keeps.
const LONGEST: Duration = Duration::from_mins(10);
/// Beyond an item's own limit: to publish, to say so, to leave.
const BEYOND_LIMIT: Duration = Duration::from_secs(10);
/// Of that, what comes after the last item: 5 s for results on their way to Kafka, 2 s for the last
/// frames to dispatchers, 1 s to spare.
const FAREWELL: Duration = Duration::from_secs(8);

impl WorkerSettings {
    /// Time between being asked to end and being killed. Without a limit for items it is as long as
    /// can be had; who has nothing in progress ends at once all the same.
    pub fn grace(&self) -> Duration {
        grace(self.timeout_ms.map(Duration::from_millis))
    }

    /// The part of it in which items may end by themselves. Those that have not are handed back.
    pub fn drain(&self) -> Duration {
        self.grace().saturating_sub(FAREWELL)
    }
}

fn grace(limit: Option<Duration>) -> Duration {
    limit.map_or(LONGEST, |limit| limit.saturating_add(BEYOND_LIMIT).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_have_as_long_as_they_may_take_and_the_worker_a_little_longer() {
        // limit of an item, time until killed: seconds
        for (limit, expected) in [(Some(30), 40), (Some(1), 11), (Some(3_600), 600), (None, 600)] {
            let limit = limit.map(Duration::from_secs);
            assert_eq!(grace(limit).as_secs(), expected, "{limit:?}");
            let ends_by_itself = limit.is_some_and(|limit| limit < LONGEST);
            assert!(!ends_by_itself || limit <= grace(limit).checked_sub(FAREWELL), "{limit:?} is cut off");
        }
    }
}
