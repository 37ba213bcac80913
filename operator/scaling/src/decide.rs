//! The decision. Order: what the records ask for; hold if they are out of sight, or if more was
//! needed a moment ago; floors and bounds last, so that nothing gets past them.
//!
//! Up at once and straight to the computed number. Down only to what a whole window has needed,
//! and by a second, lower threshold (workers that run spend no time on starting), so that a count
//! that was just raised is not taken back by the next look.

use std::time::Duration;

use crate::bounds::Bounds;
use crate::budget::Balance;
use crate::decision::{Candidates, Decision, Limit};
use crate::demand::{Demand, PLANNED_SHARE, workers};
use crate::memory::{Memory, elapsed};
use crate::observation::{Backlog, Observation};
use crate::policy::{Fixed, Policy};
use crate::profiles::{Agenda, Footing};
use crate::reason::{ExpectedEvidence, FloorEvidence, Reason, ServiceEvidence, SpareEvidence};
use crate::season::{Expected, next_slot};

/// A decision is worth repeating after this long even if nothing seems to change.
const RECHECK_AT_MOST: Duration = Duration::from_hours(1);

/// While the highest need of the window goes on falling within this part of the window, only a
/// decrease by a third is worth a change: the end of a burst is a few writes then, not one for each
/// look. With 30 s: what is forgotten within 3 s anyway is waited for.
const FALLING: u32 = 10;

/// Decides how many workers should run, and what to remember of it.
///
/// The same inputs give the same answer. Keep the memory whether or not the decision could be
/// carried out: what was needed is a fact, and what was done shows in the next observation.
pub fn decide(seen: &Observation, policy: &Policy, memory: &Memory) -> (Decision, Memory) {
    let memory = memory.learn(seen, policy);
    let balance = policy.budget.as_ref().map(|budget| Balance::of(budget, memory.spent(), seen.others.pod_hours));
    let relaxed = balance.map(Balance::relaxed).filter(|times| *times > 1).map(|times| policy.relaxed(times));
    let policy = relaxed.as_ref().unwrap_or(policy);
    let capability = memory.learned.capability(seen, policy.slots);
    let pace = seen.arrivals.pace();
    let footing = Footing { capability, arrivals_per_second: memory.learned.arrivals(seen.now) };
    let agenda = Agenda::at(policy, seen.now, &footing);
    let memory = &memory.record(seen, &policy.learning, agenda.wait(policy).mul_f64(PLANNED_SHARE));
    let per_second = |rate| workers(rate, capability.service.per_worker());
    let expected = memory.recorder.expected(&policy.learning, seen.now, capability.reaction(), per_second);
    let enough = memory.downstream.enough();
    let demand = |lag| Demand::of(lag, seen, policy, &agenda, pace, &capability).within(enough);
    let look = |demand: Option<&Demand>| {
        let asked = demand.map_or(seen.workers.applied, Demand::largest);
        let bounds = Bounds::of(seen, policy, &agenda, expected, balance, asked);
        Look { seen, policy, agenda: &agenda, bounds, expected, service: capability.service }
    };
    let (look, demand, (choice, memory)) = match &seen.backlog {
        Backlog::Known(lag) => {
            let demand = demand(lag);
            let look = look(Some(&demand));
            let choice = look.all_in_sight(&demand, memory);
            (look, Some(demand), choice)
        }
        Backlog::Partial { seen: lag, gap } => {
            let demand = demand(lag);
            let look = look(Some(&demand));
            let choice = look.out_of_sight(Reason::LagPartial { gap: gap.clone() }, Some(&demand), memory);
            (look, Some(demand), choice)
        }
        Backlog::Unknown(gap) => {
            let look = look(None);
            let choice = look.out_of_sight(Reason::LagUnknown { gap: gap.clone() }, None, memory);
            (look, None, choice)
        }
    };
    let bounds = look.bounds;
    let fixed = policy.fixed_at(seen.now);
    let limited_by = match fixed {
        Some(fixed) => bounds.limit_of_fixed(fixed.replicas, policy),
        None => bounds.limit(choice.wanted, &agenda).or_else(|| look.throttled(demand.as_ref())),
    };
    let spent = || balance.filter(|balance| balance.relaxed() > 1).map(Balance::reached);
    let choice = fixed.map_or(choice, |fixed| look.fixed(fixed));
    let decision = Decision {
        replicas: choice.replicas,
        wanted: choice.wanted.clamp(policy.min_replicas, bounds.alone.max(policy.min_replicas)),
        reason: choice.reason,
        candidates: look.candidates(demand.as_ref(), &memory),
        limited_by: limited_by.or_else(spent),
        recheck_after: look.recheck_after(&memory),
        active: agenda.active,
        next: agenda.next,
    };
    (decision, memory)
}

/// One look at the world: everything that the steps of a decision read.
struct Look<'a> {
    seen: &'a Observation,
    policy: &'a Policy,
    agenda: &'a Agenda,
    bounds: Bounds,
    /// What the weeks before let expect, whether or not that counts.
    expected: Option<Expected>,
    service: ServiceEvidence,
}

/// A count, why, and what it would have been without an upper bound.
struct Choice {
    replicas: u32,
    wanted: u32,
    reason: Reason,
}

impl Look<'_> {
    /// The whole backlog is known: up at once, down after a window.
    fn all_in_sight(&self, demand: &Demand, memory: &Memory) -> (Choice, Memory) {
        let (now, window) = (self.seen.now, self.policy.scale_down_stabilization);
        let applied = self.seen.workers.applied;
        let wanted = demand.largest().max(self.bounds.held);
        let up = self.bounds.clamp(wanted);
        if up > applied {
            let choice = Choice { replicas: up, wanted, reason: self.asked_by(demand, demand.due) };
            return (choice, memory.remember(now, window, demand.largest().min(self.bounds.upper)));
        }
        // Floors are not remembered: that a profile ends was known all along, and what arrivals leave
        // of one follows minutes of them.
        let memory = memory.remember(now, window, demand.largest_running().min(self.bounds.upper));
        let needed = self.bounds.clamp(demand.largest_running());
        let (last, held) = memory.highest().unwrap_or((now, needed));
        let warming_up = memory.warming_up(now, window);
        let least = if warming_up.is_some() { applied } else { held.min(applied) };
        let falls_on = elapsed(last, now) + window / FALLING > window;
        let band = if falls_on { applied / 3 } else { 0 }.max(dead_band(applied));
        let target = if applied - least < band { applied } else { least };
        let replicas = self.bounds.clamp(target);
        let reason = if replicas == needed {
            self.asked_by(demand, demand.due_running)
        } else if replicas == up {
            self.asked_by(demand, demand.due)
        } else if let Some(left) = warming_up {
            Reason::WarmingUp { needed, left }
        } else if target <= held {
            Reason::ScaleDownHeld { needed, ago: elapsed(last, now), window }
        } else {
            Reason::Steady { needed }
        };
        (Choice { replicas, wanted: wanted.max(target), reason }, memory)
    }

    /// Some or all of the backlog is unknown: keep what runs, raise it for floors and for what is
    /// seen, and take no worker away for a window after all is in sight again.
    fn out_of_sight(&self, hold: Reason, demand: Option<&Demand>, memory: &Memory) -> (Choice, Memory) {
        let applied = self.seen.workers.applied;
        let wanted = demand.map_or(0, Demand::largest).max(self.bounds.held).max(applied);
        let replicas = self.bounds.clamp(wanted);
        let reason = match demand {
            _ if replicas <= applied => hold,
            Some(demand) => self.asked_by(demand, demand.due),
            None => self.held_by(),
        };
        let memory = memory.remember(self.seen.now, self.policy.scale_down_stabilization, replicas);
        (Choice { replicas, wanted, reason }, memory)
    }

    /// Somebody fixed the count: nothing else matters but the bounds. What the records need is
    /// remembered all the same, so that after the end nobody has to wait for a window.
    fn fixed(&self, fixed: &Fixed) -> Choice {
        let replicas = self.bounds.clamp_fixed(fixed.replicas, self.policy);
        let reason = Reason::Override { until: fixed.until.clone(), now: self.seen.now };
        Choice { replicas, wanted: fixed.replicas, reason }
    }

    /// The candidate that asks for most.
    fn asked_by(&self, demand: &Demand, due: u32) -> Reason {
        let most = due.max(demand.largest_besides_due());
        if self.bounds.held > most || most == 0 {
            self.held_by()
        } else if due == most {
            Reason::Due(demand.due_evidence.clone())
        } else if demand.keep_up == Some(most) {
            Reason::KeepUp(demand.keep_up_evidence.clone())
        } else if let Some(spare) = self.agenda.spare.as_ref().filter(|_| demand.spare == Some(most)) {
            let keep_up = demand.keep_up_evidence.clone();
            Reason::Spare(SpareEvidence { spare: spare.clone(), keep_up })
        } else if demand.threshold == Some(most) {
            Reason::Threshold(demand.threshold_evidence)
        } else {
            let slots = self.policy.slots.get();
            let lag = demand.due_evidence.retrying;
            Reason::InFlight { in_flight: demand.records_in_flight, retrying: lag, slots }
        }
    }

    /// What keeps workers without any record: a floor, the minimum, or nothing.
    fn held_by(&self) -> Reason {
        match &self.agenda.floor {
            _ if self.bounds.held == 0 => Reason::AtRest,
            _ if self.bounds.held > self.bounds.declared => match self.expected {
                Some(expected) => Reason::Expected(ExpectedEvidence { expected, service: self.service }),
                None => Reason::Minimum,
            },
            Some(floor) if floor.workers >= self.policy.min_replicas => {
                Reason::Floor(FloorEvidence { floor: floor.clone(), now: self.seen.now })
            }
            _ => Reason::Minimum,
        }
    }

    /// What cut the demand, if more would run without it; a floor may hold as many anyway.
    fn throttled(&self, demand: Option<&Demand>) -> Option<Limit> {
        let throttled = demand?.throttled.clone()?;
        matches!(throttled, Limit::RateLimit { wanted, .. } | Limit::Downstream { wanted, .. } if wanted > self.bounds.held)
            .then_some(throttled)
    }

    fn candidates(&self, demand: Option<&Demand>, memory: &Memory) -> Candidates {
        Candidates {
            due: demand.map(|d| d.due),
            keep_up: demand.and_then(|d| d.keep_up),
            threshold: demand.and_then(|d| d.threshold),
            in_flight: demand.map(|d| d.in_flight),
            spare: demand.and_then(|d| d.spare),
            floor: self.agenda.floor.as_ref().map(|floor| floor.workers),
            learned: self.expected.map(|expected| expected.workers),
            ceiling: self.agenda.ceiling().map(|(ceiling, _)| ceiling),
            held: memory.highest().map(|(_, held)| held),
            minimum: self.policy.min_replicas,
            maximum: self.policy.max_replicas,
        }
    }

    /// Time until the decision may change without a new observation: a profile starts or ends, its
    /// floor changes, an override ends, or the highest count of the window is forgotten.
    fn recheck_after(&self, memory: &Memory) -> Duration {
        let (now, window) = (self.seen.now, self.policy.scale_down_stabilization);
        let boundary = self.agenda.next.as_ref().map(|next| elapsed(now, next.at));
        let step = self.agenda.step.map(|step| elapsed(now, step));
        let released = self.policy.fixed_at(now).map(|fixed| elapsed(now, fixed.until.timestamp()));
        let forgotten = memory.highest().map(|(at, _)| window.saturating_sub(elapsed(at, now)));
        let warm = memory.warming_up(now, window);
        let slot = self.expected.map(|_| elapsed(now, next_slot(now)));
        [slot, boundary, step, released, forgotten, warm].into_iter().flatten().fold(RECHECK_AT_MOST, Duration::min)
    }
}

/// The smallest decrease that is worth a change: 3 % of what runs, at least 1. Of 40 workers 1
/// may leave alone, of 100 it takes 3.
fn dead_band(applied: u32) -> u32 {
    (applied.saturating_mul(3) / 100).max(1)
}
