//! KEDA's Kafka trigger over an HPA, with defaults, and with a cron trigger and hand-tuned
//! behaviour. Its lag is end offsets less committed offsets, so what runs counts as waiting.

use jiff::SignedDuration;

use super::hpa::{Behavior, Hpa};
use crate::simulate::{Scaler, View, World};
use crate::{Agenda, Footing, Policy};

/// Seconds between two looks while there is nothing to scale (0 <-> 1).
const POLL: f64 = 30.0;
/// Seconds without lag before the last worker leaves.
const COOLDOWN: f64 = 300.0;
/// Default `lagThreshold`, records.
const LAG_THRESHOLD: f64 = 10.0;

/// KEDA with a Kafka trigger, and perhaps a cron trigger.
pub struct Keda {
    hpa: Hpa,
    partitions: u32,
    /// Records of lag for each replica.
    lag_threshold: f64,
    cron: Option<Cron>,
    next_poll: f64,
    last_active: f64,
}

/// When a cron trigger asks for how many.
pub struct Cron {
    /// First second, last second, replicas; each row asks on its own.
    pub windows: Vec<(f64, f64, u32)>,
}

impl Keda {
    /// With nothing but defaults. Never more replicas than partitions.
    pub fn new(partitions: u32, phase: f64) -> Self {
        Self::with(Behavior::DEFAULT, partitions, LAG_THRESHOLD, None, phase)
    }

    /// As people tune it who know their peaks, their workers and their promise: cron windows that
    /// begin early (the caller's matter), what a worker does within half the promise as threshold,
    /// growth of 900 % a look, 120 s before it shrinks.
    pub fn tuned(partitions: u32, cron: Cron, world: &World, phase: f64) -> Self {
        let eager = Behavior { growth: (10.0, 4), stabilization: 120.0 };
        let lag_threshold = (world.per_worker * world.wait / 2.0).max(1.0);
        Self::with(eager, partitions, lag_threshold, Some(cron), phase)
    }

    fn with(behavior: Behavior, partitions: u32, lag_threshold: f64, cron: Option<Cron>, phase: f64) -> Self {
        let hpa = Hpa::new(behavior, phase);
        Self { hpa, partitions, lag_threshold, cron, next_poll: phase, last_active: f64::MIN }
    }

    fn poll(&mut self, view: &View, active: bool) -> u32 {
        if view.second < self.next_poll {
            return view.applied;
        }
        self.next_poll = view.second + POLL;
        if active {
            self.last_active = view.second;
        }
        match view.applied {
            0 => u32::from(active),
            _ if view.second - self.last_active >= COOLDOWN => 0,
            running => running,
        }
    }
}

impl Scaler for Keda {
    fn look(&mut self, view: &View) -> u32 {
        if !view.reported {
            return view.applied;
        }
        // Commits happen every five seconds: on average half of what ended since is not committed.
        let lag = view.waiting + view.in_flight + view.ended_lately / 2.0;
        let timed = self.cron.as_ref().map_or(0, |cron| cron.at(view.second));
        let polled = self.poll(view, lag > 0.5 || timed > 0);
        if view.applied == 0 || polled == 0 {
            return polled;
        }
        let lag = (lag.floor(), self.lag_threshold);
        let cron = (f64::from(timed), 1.0);
        let wanted = self.hpa.look(view.second, view.applied, &[lag, cron]);
        // Replicas beyond the partitions would have nothing to consume.
        wanted.min(self.partitions.max(timed)).max(1)
    }
}

/// Hand-tuned cron windows begin this long before the peak, seconds.
const EARLY: f64 = 300.0;
/// Nobody writes cron windows finer than this, seconds.
const MINUTE: f64 = 60.0;

impl Cron {
    /// The windows that somebody writes who knows the same as `policy` about workers that do
    /// `per_worker` records a second: its floors, early.
    pub fn after(policy: &Policy, world: &World, seconds: f64) -> Self {
        let start = world.start;
        let footing = Footing::expecting(world.per_worker, policy.slots);
        let mut windows = Vec::new();
        let mut at = 0.0;
        while at < seconds {
            let now = start + SignedDuration::from_secs_f64(at);
            let agenda = Agenda::at(policy, now, &footing);
            if let Some(floor) = agenda.active.iter().filter_map(|profile| profile.floor).max() {
                windows.push((at - EARLY, at + MINUTE, floor));
            }
            at += MINUTE;
        }
        Self { windows }
    }

    fn at(&self, second: f64) -> u32 {
        let open = self.windows.iter().filter(|(from, to, _)| (*from..*to).contains(&second));
        open.map(|(.., replicas)| *replicas).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, counts};
    use super::*;

    #[test]
    fn a_burst_of_five_thousand_climbs_as_it_was_measured() {
        // Measured with 100 partitions and workers that consume nothing: 1, 4, 8, 16, 32, 64, 100,
        // one step every 15 s after the first look.
        let mut keda = Keda::new(100, 0.0);
        let steps = counts(&mut keda, 0, 100.0, |_| 5_000.0);
        let changes: Vec<(u32, f64)> =
            steps.windows(2).filter(|p| p[0].1 != p[1].1).map(|p| (p[1].1, p[1].0)).collect();
        let replicas: Vec<u32> = changes.iter().map(|(replicas, _)| *replicas).collect();
        assert_eq!(replicas, [4, 8, 16, 32, 64, 100]);
        for pair in changes.windows(2) {
            assert!((pair[1].1 - pair[0].1 - 15.0).abs() < 1e-9, "{changes:?}");
        }
        assert_eq!(steps[0].1, 1, "the first poll activates");
    }

    #[test]
    fn from_zero_it_takes_a_poll_and_to_zero_five_minutes() {
        let mut keda = Keda::new(100, 0.0);
        assert_eq!(keda.look(&at(0.0, 0, 0.0)), 0);
        assert_eq!(keda.look(&at(29.0, 0, 50.0)), 0);
        assert_eq!(keda.look(&at(30.0, 0, 50.0)), 1);
        let rest = counts(&mut keda, 1, 700.0, |_| 0.0);
        let (end, _) = rest.iter().find(|(_, replicas)| *replicas == 0).copied().unwrap_or((0.0, 1));
        assert!((300.0..=360.0).contains(&end), "{end}");
    }

    #[test]
    fn partitions_are_the_most_but_for_the_cron_trigger() {
        let mut keda = Keda::new(12, 0.0);
        assert_eq!(counts(&mut keda, 1, 200.0, |_| 5_000.0).last().map(|step| step.1), Some(12));
        let cron = Cron { windows: vec![(0.0, 100.0, 40)] };
        let mut tuned = Keda::with(Behavior::DEFAULT, 12, LAG_THRESHOLD, Some(cron), 0.0);
        assert_eq!(counts(&mut tuned, 1, 90.0, |_| 0.0).last().map(|step| step.1), Some(40));
    }
}
