//! Looks become slots: once five minutes are over and all of them were in sight, what they required is
//! written down.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::expected::Today;
use super::required::required;
use super::{Learning, Mode, SLOT, Season};
use crate::arrivals::Arrivals;
use crate::observation::{Backlog, Observation};

/// News takes this long: a slot is complete so long after its end.
const LATE: SignedDuration = SignedDuration::from_secs(5);

/// A clock that was set back by less repeats slots that were written down.
const SET_BACK: SignedDuration = SignedDuration::from_hours(1);

/// What was learned so far, and up to when.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Recorder {
    /// None before the first record came: thousands of jobs rest and need no memory.
    pub season: Option<Arc<Season>>,
    /// End of the slot that was written down last.
    recorded: Option<Timestamp>,
    /// How the day of that slot goes.
    pub(super) today: Option<Today>,
}

impl Recorder {
    /// With what an earlier run has learned.
    pub(crate) fn knowing(season: Arc<Season>) -> Self {
        Self { season: Some(season), ..Self::default() }
    }

    /// With one more look. `wait`: how long records may wait as planned.
    pub(crate) fn after(&self, seen: &Observation, learning: &Learning, wait: Duration) -> Self {
        self.newest_slot(seen, learning, wait).unwrap_or_else(|| self.clone())
    }

    /// None if the newest slot that is over was written down already, or was not all in sight.
    fn newest_slot(&self, seen: &Observation, learning: &Learning, wait: Duration) -> Option<Self> {
        if learning.mode == Mode::Disabled || !matches!(seen.backlog, Backlog::Known(_)) {
            return None;
        }
        let slot = SLOT.as_secs() as i64;
        let end = seen.now.checked_sub(LATE).ok()?.as_second().div_euclid(slot) * slot;
        let (from, to) = (Timestamp::from_second(end - slot).ok()?, Timestamp::from_second(end).ok()?);
        if self.recorded.is_some_and(|recorded| recorded >= to && recorded.duration_since(to) < SET_BACK) {
            return None;
        }
        let records = seen.arrivals.between(from, to)?;
        let recorded = Self { recorded: Some(to), ..self.clone() };
        let Some(place) = learning.place(from) else { return Some(recorded) };
        let per_second = required(&records, seen.arrivals.bin.as_secs_f64(), wait.as_secs_f64());
        if per_second <= 0.0 && recorded.season.is_none() {
            return Some(recorded);
        }
        let mut season = recorded.season.unwrap_or_else(|| Arc::new(Season::beginning(place.week)));
        Arc::make_mut(&mut season).put(place, per_second);
        let today = season.today(place);
        Some(Self { season: Some(season), today, ..recorded })
    }
}

impl Arrivals {
    /// The bins that begin in `[from, to)`; none unless all of that was counted.
    fn between(&self, from: Timestamp, to: Timestamp) -> Option<Vec<u32>> {
        if self.bin.is_zero() || self.start > from || self.until < to {
            return None;
        }
        let bin = self.bin.as_secs_f64();
        let index = |at: Timestamp| (at.duration_since(self.start).as_secs_f64() / bin).ceil() as usize;
        let (first, last) = (index(from), index(to).min(self.records.len()));
        (first < last).then(|| self.records.range(first..last).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{Lag, LagGap, Workers};

    const WAIT: Duration = Duration::from_secs(40);

    fn look(at: Timestamp, per_second: u32, known: bool) -> Observation {
        let until = at - SignedDuration::from_millis(300);
        Observation {
            now: at,
            backlog: if known {
                Backlog::Known(Lag::default())
            } else {
                Backlog::Unknown(LagGap::NoReport { expected: 1 })
            },
            workers: Workers::default(),
            service: None,
            start_up: None,
            others: crate::Others::default(),
            arrivals: Arrivals {
                start: until - SignedDuration::from_secs(600),
                bin: Duration::from_secs(1),
                records: std::iter::repeat_n(per_second, 600).collect(),
                until,
            },
        }
    }

    /// A look every 100 s for a while.
    fn watch(recorder: Recorder, from: &str, hours: i64, per_second: u32) -> Recorder {
        let from: Timestamp = from.parse().unwrap();
        (0..hours * 36).fold(recorder, |recorder, step| {
            let at = from + SignedDuration::from_secs(step * 100 + 50);
            recorder.after(&look(at, per_second, true), &Learning::default(), WAIT)
        })
    }

    fn expected(recorder: &Recorder, at: &str) -> Option<f64> {
        let at = at.parse().unwrap();
        recorder
            .expected(&Learning::default(), at, Duration::from_secs(6), |rate| rate.ceil() as u32)
            .map(|expected| expected.per_second)
    }

    #[test]
    fn two_saturdays_make_a_habit_and_a_busy_morning_raises_the_day() {
        let first = watch(Recorder::default(), "2026-11-07T06:00:00Z", 4, 30);
        assert_eq!(expected(&first, "2026-11-14T07:00:00Z"), None, "one week is none");
        let second = watch(first, "2026-11-14T06:00:00Z", 4, 60);
        // Of two weeks 80 % is the greater.
        let usual = expected(&second, "2026-11-21T07:00:00Z").unwrap();
        assert!((usual / 60.0 - 1.0).abs() < 0.03, "{usual}");
        // A minute before it begins, but not five.
        assert!(expected(&second, "2026-11-21T05:59:30Z").is_some());
        assert_eq!(expected(&second, "2026-11-21T05:50:00Z"), None, "nothing was seen of that");
        // Two hours with half as much again as the median of the two: so goes the day, until midnight.
        let busy = watch(second, "2026-11-21T06:00:00Z", 2, 45);
        let scaled = expected(&busy, "2026-11-21T09:00:00Z").unwrap();
        // Three levels, each within 3 %.
        assert!((scaled / 90.0 - 1.0).abs() < 0.09, "{scaled}");
        assert!((expected(&busy, "2026-11-28T09:00:00Z").unwrap() / 60.0 - 1.0).abs() < 0.06);
    }

    #[test]
    fn what_nobody_saw_whole_is_not_written_down() {
        let at: Timestamp = "2026-11-21T06:05:06Z".parse().unwrap();
        let blind = Recorder::default().after(&look(at, 30, false), &Learning::default(), WAIT);
        assert_eq!(blind, Recorder::default());
        let mut short = look(at, 30, true);
        short.arrivals.start = at - SignedDuration::from_secs(299);
        assert_eq!(Recorder::default().after(&short, &Learning::default(), WAIT), Recorder::default());
        // Nor is a slot whose last news may still be on its way.
        let written = look(at - SignedDuration::from_secs(60), 30, true);
        let early = look(at - SignedDuration::from_secs(2), 30, true);
        let recorded = [written, early]
            .iter()
            .fold(Recorder::default(), |recorder, seen| recorder.after(seen, &Learning::default(), WAIT));
        assert_eq!(recorded.recorded, Some("2026-11-21T06:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_job_without_records_needs_no_memory() {
        assert_eq!(watch(Recorder::default(), "2026-11-07T06:00:00Z", 24, 0).season, None);
        let some = watch(Recorder::default(), "2026-11-07T06:00:00Z", 1, 5);
        let quiet = watch(some, "2026-11-07T07:00:00Z", 1, 0);
        assert_eq!(quiet.season.unwrap().weeks_known(), 1);
    }
}
