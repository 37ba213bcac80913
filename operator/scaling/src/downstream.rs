//! Whether more workers do more. Where all of them wait for the same thing (a store, a model server, a
//! database), more of them make it slower for each, and the count would grow without end.
//!
//! Compared are minutes in which every slot was busy and records waited. If a quarter more workers, or more than
//! that, brought less than a quarter of what they should have, then as many are enough as did the same work
//! before. Whether that still holds is tried with some more every five minutes.
//!
//! 80 workers did 80/s, then 200 did 100/s: 150 % more did 25 % more. 80 x 100 / 80 = 100 did what
//! 200 did; 110 are enough.
//!
//! The same is seen where records come to take longer, and more workers run because of that. So a bound is
//! put to the test at once: if fewer do much less, it is wrong, and it is gone after a minute.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::memory::elapsed;
use crate::observation::{Backlog, Observation};

/// Of the slots that are ready, so many are busy where all are: leases take a moment to come.
const BUSY: f64 = 0.9;

/// The dispatchers measure over this long.
const MINUTE: Duration = Duration::from_mins(1);

/// Minutes that are compared with the last one. Over a longer time it is more likely that records have come to
/// take longer, and that more workers run because of that.
const COMPARED: usize = 5;

/// So many times as many workers are more.
const MORE: f64 = 1.25;

/// What did the same work before is enough with so much to spare: what a worker does wanders by some per cent.
const SPARE: f64 = 1.1;

/// More workers that bring less than this part of what they should are of no use.
const OF_USE: f64 = 0.25;

/// Of the fewest workers of a minute the most are at most so many times as many in a steady one.
const STEADY: f64 = 1.1;

/// Records that take longer end in another minute than the one in which their worker came.
const SHORT: Duration = Duration::from_secs(20);

/// What workers did that have left is missed if it was more than this part of what they should have done,
const MISSED: f64 = 0.5;

/// and more than this part of the whole: so much comes and goes from one minute to the next.
const NOISE: f64 = 0.05;

/// After this long it is tried whether more workers do more by now.
const TRY_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// A minute in which all were busy.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Minute {
    /// Workers, on average.
    workers: f64,
    /// Records a second.
    per_second: f64,
    /// Hardly any came or left.
    steady: bool,
}

/// What more workers have brought so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Downstream {
    /// All are busy since then; none if not all are.
    busy: Option<Busy>,
    /// Minutes before, the last one at the end.
    minutes: VecDeque<Minute>,
    bound: Option<Enough>,
}

/// A minute that is not over.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Busy {
    since: Timestamp,
    /// The last look.
    at: Timestamp,
    /// Seconds of one worker since then.
    worker_seconds: f64,
    /// The fewest and the most that were ready.
    ready: (u32, u32),
}

/// So many workers are enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Enough {
    pub workers: u32,
    /// Records a second that they do, and that more did.
    pub per_second: f64,
    /// So many did no more than that.
    of: f64,
    /// With more it is tried again at this time.
    again: Timestamp,
    /// So many may run while it is tried.
    trying: Option<u32>,
}

impl Enough {
    /// The most that are of use now.
    pub(crate) fn most(self) -> u32 {
        self.trying.unwrap_or(self.workers)
    }
}

impl Downstream {
    /// What is of use; none while nothing speaks against more.
    pub(crate) fn enough(&self) -> Option<Enough> {
        self.bound
    }

    /// With one more look at workers of so many slots.
    pub(crate) fn after(&self, seen: &Observation, slots: u32) -> Self {
        let Some(busy) = self.busy_at(seen, slots) else {
            // One look without work ends a minute; once nothing waits, nothing is known any more.
            let nothing_waits = matches!(&seen.backlog, Backlog::Known(lag) if lag.waiting == 0);
            let kept = if nothing_waits { Self::default() } else { self.clone() };
            return Self { busy: None, ..kept };
        };
        if elapsed(busy.since, busy.at) < MINUTE {
            return Self { busy: Some(busy), ..self.clone() };
        }
        let seconds = elapsed(busy.since, busy.at).as_secs_f64();
        let (done, mean) = seen.service.map_or((0, MINUTE), |service| (service.samples, service.mean));
        let (least, most) = busy.ready;
        let minute = Minute {
            workers: busy.worker_seconds / seconds,
            per_second: done as f64 / MINUTE.as_secs_f64(),
            steady: f64::from(most) <= f64::from(least) * STEADY && mean <= SHORT,
        };
        self.with(minute, seen.now)
    }

    /// The minute that goes on at this look, if all slots are busy and more records wait.
    fn busy_at(&self, seen: &Observation, slots: u32) -> Option<Busy> {
        let Backlog::Known(lag) = &seen.backlog else { return None };
        let there = f64::from(seen.workers.ready) * f64::from(slots);
        let busy = there > 0.0 && lag.waiting > 0 && lag.in_flight as f64 >= there * BUSY;
        let now = seen.now;
        busy.then(|| {
            let count = seen.workers.ready;
            let before = self.busy.unwrap_or(Busy { since: now, at: now, worker_seconds: 0.0, ready: (count, count) });
            let passed = elapsed(before.at, now).as_secs_f64();
            let worker_seconds = before.worker_seconds + f64::from(count) * passed;
            let (least, most) = before.ready;
            Busy { at: now, worker_seconds, ready: (least.min(count), most.max(count)), ..before }
        })
    }

    /// With a minute that is over. Workers that came within it have not done yet what they can: only a steady
    /// one says what so many do.
    fn with(&self, minute: Minute, now: Timestamp) -> Self {
        let again = now.checked_add(TRY_EVERY).unwrap_or(now);
        let mut minutes = self.minutes.clone();
        let bound = match self.bound {
            bound if !minute.steady => bound,
            None => of_no_use(&minutes, minute, again),
            Some(enough) => checked(enough, minute, now, again),
        };
        if self.bound.is_some() {
            minutes.clear();
        }
        minutes.push_back(minute);
        if minutes.len() > COMPARED {
            minutes.pop_front();
        }
        Self { busy: None, minutes, bound }
    }
}

/// Whether the last minute did no more than one with fewer workers, and how many are enough then.
fn of_no_use(before: &VecDeque<Minute>, last: Minute, again: Timestamp) -> Option<Enough> {
    let fewer = before.iter().rev().find(|minute| minute.workers > 0.0 && minute.workers * MORE <= last.workers)?;
    let more = last.workers / fewer.workers - 1.0;
    let gain = last.per_second / fewer.per_second.max(f64::MIN_POSITIVE) - 1.0;
    let workers = (fewer.workers * (1.0 + gain.max(0.0)) * SPARE).ceil().max(1.0) as u32;
    let of_no_use = last.per_second > 0.0 && gain < more * OF_USE;
    of_no_use.then_some(Enough { workers, per_second: last.per_second, of: last.workers, again, trying: None })
}

/// Whether those that have left are missed. 7 did 10.3/s and 6 do 9.4/s: 14 % of the workers did 9 % of the work.
fn missed(enough: Enough, minute: Minute) -> bool {
    let gone = 1.0 - minute.workers / enough.of;
    let lost = 1.0 - minute.per_second / enough.per_second.max(f64::MIN_POSITIVE);
    lost > (gone * MISSED).max(NOISE)
}

/// What a steady minute says of a bound: it goes on, some more are tried, or it is wrong.
fn checked(enough: Enough, minute: Minute, now: Timestamp, again: Timestamp) -> Option<Enough> {
    let gain = minute.per_second / enough.per_second.max(f64::MIN_POSITIVE) - 1.0;
    let more = minute.workers / f64::from(enough.workers) - 1.0;
    match enough.trying {
        Some(_) if more < (MORE - 1.0) / 2.0 => Some(enough),
        Some(_) => (gain < more * OF_USE).then_some(Enough { again, trying: None, ..enough }),
        None if more <= 0.05 && missed(enough, minute) => None,
        None if now < enough.again => Some(enough),
        None => Some(Enough { trying: Some((f64::from(enough.workers) * MORE).ceil() as u32), ..enough }),
    }
}
