//! What is expected of the time that comes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Learning, Mode, Place, Recorder, SLOT, Season};

/// One strange Monday is no habit.
const LEAST_WEEKS: usize = 2;

/// Slots of today that say how today goes: half an hour.
const LEAST_SLOTS: usize = 6;
/// Today is not taken for less or more than this many times a usual day.
const DAY_FACTOR: (f64, f64) = (0.5, 2.0);

/// So much earlier than it is needed it is asked for, beyond the time that a worker takes to start: a
/// cluster that creates 20 workers a second has created 1,200 by then.
const AHEAD: Duration = Duration::from_mins(1);

/// What is expected of the next minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Workers for that.
    pub workers: u32,
    /// Records a second that they have to do.
    pub per_second: f64,
    /// Weeks that this is read from.
    pub weeks: usize,
    /// How today goes, compared with a usual day.
    pub day_factor: f64,
}

/// How a day goes so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Today {
    /// Its first slot.
    midnight: Place,
    /// What it required so far, over what is usual.
    factor: f64,
}

impl Recorder {
    /// What `learning` expects until a worker that is ordered now is of help, `reaction` from now; none where
    /// fewer than two weeks are known. `workers`: how many so many records a second take.
    pub(crate) fn expected(
        &self,
        learning: &Learning,
        now: Timestamp,
        reaction: Duration,
        workers: impl Fn(f64) -> u32,
    ) -> Option<Expected> {
        let season = self.season.as_ref().filter(|_| learning.mode != Mode::Disabled)?;
        let last = now.checked_add(reaction + AHEAD).ok()?;
        let places = std::iter::successors(Some(now), |at| {
            let next = at.checked_add(SLOT).ok()?.min(last);
            (*at < last).then_some(next)
        });
        let usual = places.filter_map(|at| season.usual(learning.place(at)?, learning.quantile_percent));
        let (per_second, weeks) = usual.max_by(|a, b| a.0.total_cmp(&b.0))?;
        let midnight = learning.place(now).map(Place::midnight);
        let today = self.today.filter(|today| Some(today.midnight) == midnight);
        let day_factor = today.map_or(1.0, |today| today.factor);
        let per_second = per_second * day_factor;
        Some(Expected { workers: workers(per_second), per_second, weeks, day_factor })
    }
}

impl Season {
    /// The quantile of a slot over the other weeks, by nearest rank, and how many there are: of 8 weeks
    /// and 80 % the seventh.
    fn usual(&self, place: Place, percent: u32) -> Option<(f64, usize)> {
        let mut others = self.others(place);
        let weeks = others.len();
        let rank = (weeks * percent.clamp(1, 100) as usize).div_ceil(100).max(1);
        Some((others.nth(rank - 1)?, weeks)).filter(|_| weeks >= LEAST_WEEKS)
    }

    /// What the day of `newest` required up to it, over the median of the other weeks for the same slots; none
    /// before that says anything. The median, not the quantile that is asked for: a usual day is one times a usual day.
    pub(super) fn today(&self, newest: Place) -> Option<Today> {
        let midnight = newest.midnight();
        let (mut required, mut usual, mut slots) = (0.0, 0.0, 0);
        for slot in midnight.slot..=newest.slot {
            let place = Place { slot, ..newest };
            if let (Some(today), Some((other, _))) = (self.at(place), self.usual(place, 50)) {
                (required, usual, slots) = (required + today, usual + other, slots + 1);
            }
        }
        let factor = f64::clamp(required / usual, DAY_FACTOR.0, DAY_FACTOR.1);
        (slots >= LEAST_SLOTS && usual > 0.0).then_some(Today { midnight, factor })
    }
}

/// The end of the slot that `at` lies in: what is expected may change then.
pub(crate) fn next_slot(at: Timestamp) -> Timestamp {
    let slot = SLOT.as_secs() as i64;
    let next = (at.as_second().div_euclid(slot) + 1) * slot;
    Timestamp::from_second(next).unwrap_or(at + SignedDuration::from_secs(slot))
}
