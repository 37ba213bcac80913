//! How many workers the records ask for, before profiles, bounds and stabilization.
//!
//! Five answers, of which the largest counts: **due** (everything that waits, and what comes before
//! a new worker could help, must start in time), **keep-up** (what arrives must not pile up; asked
//! only where the promise is shorter than a worker takes to start, for else the queue itself evens
//! out the bursts), **threshold** (so many waiting records a worker, if somebody wants that),
//! **spare** (what a profile keeps above what arrives) and **in flight** (what runs for long needs
//! its worker).

use std::num::NonZeroU32;
use std::time::Duration;

use crate::arrivals::Pace;
use crate::decision::Limit;
use crate::downstream::Enough;
use crate::learned::Capability;
use crate::memory::elapsed;
use crate::observation::{Lag, Observation};
use crate::policy::Policy;
use crate::profiles::Agenda;
use crate::reason::{DueEvidence, Imminent, KeepUpEvidence, ThresholdEvidence};

/// The share of the promised wait that is planned for; the rest absorbs errors of the estimates.
pub(crate) const PLANNED_SHARE: f64 = 0.59;

/// The share of the time that is left until all must have started which is planned for.
const FINISHING_SHARE: f64 = 0.9;

/// The share of its slots that a worker is planned to use, so that short bursts find free ones.
const UTILISATION: f64 = 0.78;

/// Keep-up is asked for if the planned wait is shorter than this many reaction times.
const TIGHT: f64 = 1.14;

/// A worker leaves only when the others could do this part of a worker's work more: of 4 workers
/// one leaves at 2.75, and is ordered again at 3.
const STAY: f64 = 0.25;

/// What the records ask for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Demand {
    /// Workers for what waits and is about to come, if they have to be started first.
    pub due: u32,
    /// Workers for what waits, if they run already, with a margin so that they stay.
    pub due_running: u32,
    /// Workers for what arrives; none where the queue may even it out.
    pub keep_up: Option<u32>,
    /// Workers by the policy's number of waiting records for each; none without one.
    pub threshold: Option<u32>,
    /// Workers for what arrives, and those that a profile keeps above that; none without one.
    pub spare: Option<u32>,
    /// Workers for what runs or will be tried again.
    pub in_flight: u32,
    /// Records on loan, the numbers behind `in_flight`.
    pub records_in_flight: u64,
    /// The numbers behind `due`.
    pub due_evidence: DueEvidence,
    /// The numbers behind `keep_up`.
    pub keep_up_evidence: KeepUpEvidence,
    /// The numbers behind `threshold`.
    pub threshold_evidence: ThresholdEvidence,
    /// What cut the largest of these, if anything did: a rate limit, or that more workers do no more.
    pub throttled: Option<Limit>,
}

impl Demand {
    /// What `lag` asks for under the agenda's promise and spare.
    pub(crate) fn of(
        lag: &Lag,
        seen: &Observation,
        policy: &Policy,
        agenda: &Agenda,
        pace: Pace,
        capability: &Capability,
    ) -> Self {
        let wait = agenda.wait(policy);
        let service = capability.service;
        let reaction = capability.reaction().as_secs_f64();
        // An average of what arrived says nothing once everything is done.
        let busy = lag.total() > 0;
        let planned = wait.as_secs_f64() * PLANNED_SHARE;
        let tight = planned < TIGHT * reaction;
        let needed = workers(pace.per_second, service.per_worker() * UTILISATION);
        let finish = agenda.finish_by.map(|finish| elapsed(seen.now, finish));
        let ahead = policy.scale_down_stabilization.as_secs_f64();
        let lasting = lasting(lag, pace, planned, ahead);
        let asked = Due { finish, lasting, ..Due::of(lag, seen, wait, planned, pace, capability) }.workers();
        let unthrottled = Self {
            due: asked.starting,
            due_running: asked.running,
            keep_up: tight.then_some(if busy { needed } else { 0 }),
            threshold: policy.lag_threshold.map(|each| filled(lag.waiting, each)),
            spare: agenda.spare.as_ref().map(|spare| needed.saturating_add(spare.workers)),
            throttled: None,
            in_flight: in_flight(lag, policy, capability),
            records_in_flight: lag.in_flight,
            due_evidence: DueEvidence {
                waiting: lag.waiting,
                retrying: lag.retrying,
                oldest: lag.oldest_wait,
                imminent: asked.imminent,
                wait,
                finish: asked.finish,
                start_up: capability.start_up,
                service,
            },
            keep_up_evidence: KeepUpEvidence { arrivals_per_second: pace.per_second, service },
            threshold_evidence: ThresholdEvidence {
                waiting: lag.waiting,
                each: policy.lag_threshold.map_or(0, NonZeroU32::get),
            },
        };
        // How many the limit needs is not known before a record was measured.
        match policy.rate_limit.filter(|_| service.measured) {
            Some(limit) => unthrottled.throttle(limit.get(), service.per_worker()),
            None => unthrottled,
        }
    }

    /// No more than do what a rate limit lets through, with the free slots that keep-up plans too: of 500/s at 33/s a
    /// worker 500 / (0.78 x 33) = 20. Items on loan are there already, so what they ask for stands.
    fn throttle(self, per_second: u32, per_worker: f64) -> Self {
        let enough = workers(f64::from(per_second), per_worker * UTILISATION);
        self.cut(enough, |wanted| Limit::RateLimit { wanted, enough, per_second })
    }

    /// No more than do what all of them have done lately, if more did not help.
    pub(crate) fn within(self, enough: Option<Enough>) -> Self {
        let Some(found) = enough else { return self };
        let (enough, per_second) = (found.most(), found.per_second.round() as u32);
        self.cut(enough, |wanted| Limit::Downstream { wanted, enough, per_second })
    }

    /// No more than `enough`, which `limit` says, if it is less. Items on loan have their worker.
    fn cut(self, enough: u32, limit: impl FnOnce(u32) -> Limit) -> Self {
        let (wanted, before) = (self.largest(), self.throttled.clone());
        let cap = |count: Option<u32>| count.map(|count| count.min(enough));
        let throttled = Self {
            due: self.due.min(enough),
            due_running: self.due_running.min(enough),
            keep_up: cap(self.keep_up),
            threshold: cap(self.threshold),
            spare: cap(self.spare),
            ..self
        };
        let cut = throttled.largest() < wanted;
        Self { throttled: cut.then(|| limit(wanted)).or(before), ..throttled }
    }

    /// The most that the records ask for.
    pub(crate) fn largest(&self) -> u32 {
        self.due.max(self.largest_besides_due())
    }

    /// The least that does, given that the workers run already.
    pub(crate) fn largest_running(&self) -> u32 {
        self.due_running.max(self.largest_besides_due())
    }

    /// The most that anything but the deadlines asks for.
    pub(crate) fn largest_besides_due(&self) -> u32 {
        let asked = [self.keep_up, self.threshold, self.spare, Some(self.in_flight)];
        asked.into_iter().flatten().fold(0, u32::max)
    }
}

/// Records that must have started within so many seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Deadline {
    records: f64,
    seconds: f64,
}

/// What the due curve comes to.
struct Asked {
    /// Workers, if they have to be started first.
    starting: u32,
    /// Workers, if they run already.
    running: u32,
    /// What is to come, if that decides.
    imminent: Option<Imminent>,
    /// The time that is left to finish all, if that decides.
    finish: Option<Duration>,
}

/// The due curve: how many records must have started by when, and what workers can do about it.
struct Due {
    /// What waits, by age.
    waiting: Vec<Deadline>,
    /// All that, and what arrives before a worker that is ordered now can help.
    imminent: Option<Deadline>,
    /// All that waits must have started by then, however long the promise is.
    finish: Option<Duration>,
    /// Records that wait.
    in_all: f64,
    /// Records to be tried again, a second: within the planned wait.
    retrying_per_second: f64,
    /// Records a second that workers must do so that they need not be more again a moment after one has left.
    lasting: f64,
    /// Least time that counts, seconds.
    least: f64,
    /// From ordering a worker until it takes leases, seconds.
    start_up: f64,
    per_worker: f64,
    /// Records a second that the ready workers do.
    ready_per_second: f64,
    /// No more workers than the records can fill.
    most: f64,
    /// Records that will have come, and by when: the numbers behind `imminent`.
    coming: Imminent,
}

impl Due {
    /// `planned`: seconds that records may wait.
    fn of(lag: &Lag, seen: &Observation, wait: Duration, planned: f64, pace: Pace, capability: &Capability) -> Self {
        let start_up = capability.start_up.as_secs_f64();
        let reaction = capability.reaction().as_secs_f64();
        let waiting = lag.waiting as f64;
        // Records have aged since they were counted.
        let stale = elapsed(seen.arrivals.until, seen.now).as_secs_f64().min(planned);
        let aged = if seen.arrivals.records.is_empty() { 0.0 } else { stale };
        let curve = seen.arrivals.at_least_as_old(waiting, lag.oldest_wait.as_secs_f64(), planned - aged);
        let deadline = |(age, records): (f64, f64)| Deadline { records, seconds: (planned - aged - age).max(0.0) };
        let coming = if lag.total() > 0 { pace.within(reaction) } else { 0.0 };
        let per_worker = capability.service.per_worker();
        Self {
            waiting: curve.map(deadline).collect(),
            imminent: (coming > 0.0).then_some(Deadline { records: waiting + coming, seconds: planned + reaction }),
            finish: None,
            lasting: 0.0,
            in_all: waiting,
            retrying_per_second: lag.retrying as f64 / planned.max(1.0),
            least: least_time(wait.as_secs_f64(), start_up),
            start_up,
            per_worker,
            ready_per_second: f64::from(seen.workers.ready) * per_worker,
            most: ((lag.total() as f64 + coming) / f64::from(capability.service.slots)).ceil(),
            coming: Imminent { records: coming, within: capability.reaction() },
        }
    }

    fn workers(&self) -> Asked {
        let most = |rates: &mut dyn Iterator<Item = f64>| rates.fold(0.0, f64::max);
        let running = most(&mut self.waiting.iter().map(|deadline| self.if_running(*deadline)));
        let waiting = most(&mut self.waiting.iter().map(|deadline| self.if_started(*deadline))).max(running);
        let coming = self.imminent.map_or(0.0, |deadline| self.if_started(deadline));
        let finishing = self.finish.map_or(0.0, |finish| self.to_finish(finish));
        let count = |per_second: f64, margin: f64| {
            let needed = (per_second + self.retrying_per_second) / self.per_worker;
            let margin = if needed > 0.0 { margin } else { 0.0 };
            // `as` saturates, and turns what is no number into 0.
            (needed + margin).ceil().min(self.most) as u32
        };
        let starting = count(coming.max(waiting), 0.0);
        Asked {
            starting: starting.max(count(finishing, 0.0)),
            running: count(running.max(finishing), STAY).max(count(self.lasting, 0.0)),
            imminent: (starting > count(waiting, 0.0)).then_some(self.coming),
            finish: self.finish.filter(|_| count(finishing, 0.0) > starting),
        }
    }

    /// Records a second that workers must do which finish what waits, planned for a little earlier.
    ///
    /// 120,000 within an hour, a start takes 5 s: 120,000 / (0.9 x 3,600 - 5) = 37/s.
    fn to_finish(&self, finish: Duration) -> f64 {
        let left = finish.as_secs_f64() * FINISHING_SHARE - self.start_up;
        self.in_all / left.max(least_time(0.0, self.start_up))
    }

    /// Records a second that workers must do which run already.
    fn if_running(&self, Deadline { records, seconds }: Deadline) -> f64 {
        records / seconds.max(self.least)
    }

    /// Records a second that workers must do in the end, if those that are missing have to be
    /// started first: until then the ready ones work alone.
    ///
    /// 1,204 within 30 s, ready workers do 33/s, a start takes 5 s: (1,204 - 33 x 5) / 25 = 42/s.
    fn if_started(&self, Deadline { records, seconds }: Deadline) -> f64 {
        let meanwhile = self.ready_per_second * self.start_up.min(seconds);
        (records - meanwhile) / (seconds - self.start_up).max(self.least)
    }
}

/// Records a second that workers must do so that nobody waits longer than planned within `ahead` seconds, if
/// records come as they do: what waits and what comes until then, over the planned wait and that time. Else the count
/// would swing: a worker leaves while the queue is nearly as long as it may be, and is ordered again.
///
/// 1,060 wait, 100/s come, 17.7 s are planned, 30 s ahead: (1,060 + 3,000) / 47.7 = 85/s.
fn lasting(lag: &Lag, pace: Pace, planned: f64, ahead: f64) -> f64 {
    if lag.total() == 0 {
        return 0.0;
    }
    (lag.waiting as f64 + pace.falling * ahead) / (planned + ahead)
}

/// A handful of late records must not ask for hundreds of workers: the time left counts as a
/// fifth of the promise, a quarter of a start, and 1 s at least.
///
/// Promise 5 s, start-up 1.9 s: max(1, 0.475, 1) = 1 s, however late the oldest is.
fn least_time(wait: f64, start_up: f64) -> f64 {
    (wait / 5.0).max(start_up / 4.0).max(1.0)
}

/// Workers for what runs. A worker that leaves ends what it has begun, but not for ever: what will
/// still run when a worker may leave counts, and one stays while there is anything.
///
/// Items of 10 minutes, 30 s of stabilization: of 20 on loan 20 x (1 - 30 / 600) = 19 will still
/// run, at 8 slots 3 workers. Of photos that take 243 ms none will.
fn in_flight(lag: &Lag, policy: &Policy, capability: &Capability) -> u32 {
    let service = capability.service;
    let lasting = 1.0 - policy.scale_down_stabilization.as_secs_f64() / service.mean.as_secs_f64();
    let share = if service.measured { lasting.max(0.0) } else { 1.0 };
    let lasting = (lag.in_flight as f64 * share).ceil() as u64;
    filled(lasting, policy.slots).max(u32::from(lag.in_flight > 0 || lag.retrying > 0))
}

/// Workers that do `per_second` at `per_worker` each, rounded up.
pub(crate) fn workers(per_second: f64, per_worker: f64) -> u32 {
    // `as` saturates, and turns a rate that is no number into 0.
    (per_second / per_worker).ceil() as u32
}

/// Workers that `records` fill with `each`, the last one perhaps in part.
fn filled(records: u64, each: NonZeroU32) -> u32 {
    u32::try_from(records.div_ceil(u64::from(each.get()))).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::reason::ServiceEvidence;

    fn curve(ready: f64) -> Due {
        Due {
            waiting: vec![],
            imminent: None,
            finish: None,
            lasting: 0.0,
            in_all: 0.0,
            retrying_per_second: 0.0,
            least: 1.0,
            start_up: 5.0,
            per_worker: 33.0,
            ready_per_second: ready * 33.0,
            most: f64::MAX,
            coming: Imminent { records: 0.0, within: Duration::ZERO },
        }
    }

    fn due(records: f64, seconds: f64, ready: f64) -> f64 {
        curve(ready).if_started(Deadline { records, seconds })
    }

    #[test]
    fn the_worked_examples_of_the_comments_hold() {
        assert!((due(1_204.0, 30.0, 1.0) - 41.56).abs() < 1e-9);
        assert!((least_time(5.0, 1.9) - 1.0).abs() < 1e-9);
        // Too late for any start: all there is within the least time.
        assert!((due(1_204.0, 2.0, 0.0) - 1_204.0).abs() < 1e-9);
        let packing = Lag { in_flight: 20, ..Lag::default() };
        let capability = |ms| Capability {
            service: ServiceEvidence { mean: Duration::from_millis(ms), measured: true, slots: 8 },
            start_up: Duration::from_secs(5),
        };
        assert_eq!(in_flight(&packing, &Policy::default(), &capability(600_000)), 3);
        assert_eq!(in_flight(&packing, &Policy::default(), &capability(243)), 1);
        let queue = Lag { waiting: 1_060, ..Lag::default() };
        let pace = Pace { per_second: 100.0, falling: 100.0, dispersion: 1.0 };
        assert!((lasting(&queue, pace, 17.7, 30.0) - 85.12).abs() < 0.01);
        assert!(lasting(&Lag::default(), pace, 17.7, 30.0).abs() < 1e-9, "nothing waits or runs");
        let weekend = Due { in_all: 120_000.0, ..curve(0.0) };
        assert!((weekend.to_finish(Duration::from_hours(1)) - 37.09).abs() < 0.01);
        assert_eq!(filled(101, NonZeroU32::new(100).unwrap()), 2);
    }
}
