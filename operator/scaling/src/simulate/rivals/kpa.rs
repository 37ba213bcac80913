//! Knative's autoscaler, as if waiting records were requests at its activator: concurrency averaged
//! over 60 s, and over 6 s in panic; a look every 2 s.

use std::collections::VecDeque;

use crate::simulate::{Scaler, View};

/// Seconds between two looks.
const TICK: f64 = 2.0;
const STABLE: f64 = 60.0;
const PANIC: f64 = 6.0;
/// Panic begins when the short window asks for this many times what is ready.
const PANIC_THRESHOLD: f64 = 2.0;
/// The share of its slots that a worker should use.
const TARGET: f64 = 0.7;
/// A look may ask for so many times as many, or for one part in so many.
const MOST_UP: f64 = 1_000.0;
const MOST_DOWN: f64 = 2.0;
/// Seconds from the decision for zero until the last one leaves.
const ZERO_GRACE: f64 = 30.0;

/// Knative's autoscaler for one revision.
pub struct Kpa {
    slots: f64,
    /// Second, concurrency.
    seen: VecDeque<(f64, f64)>,
    next: f64,
    /// In panic since, and the most it has asked for since.
    panic: Option<(f64, u32)>,
    idle_since: Option<f64>,
}

impl Kpa {
    /// For workers of so many slots.
    pub fn new(slots: u32) -> Self {
        Self { slots: f64::from(slots), seen: VecDeque::new(), next: 0.0, panic: None, idle_since: None }
    }

    fn mean_over(&self, now: f64, window: f64) -> f64 {
        let seen = self.seen.iter().filter(|(at, _)| *at > now - window).map(|(_, concurrency)| *concurrency);
        let (sum, count) = seen.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
        if count > 0.0 { sum / count } else { 0.0 }
    }

    fn wanted(&mut self, now: f64, ready: f64) -> u32 {
        let target = self.slots * TARGET;
        let limit = |wish: f64| wish.ceil().min((ready * MOST_UP).ceil()).max((ready / MOST_DOWN).floor());
        let stable = limit(self.mean_over(now, STABLE) / target) as u32;
        let short = limit(self.mean_over(now, PANIC) / target) as u32;
        if f64::from(short) / ready >= PANIC_THRESHOLD {
            self.panic = Some((now, self.panic.map_or(0, |(_, most)| most)));
        } else if self.panic.is_some_and(|(since, _)| now - since > STABLE) {
            self.panic = None;
        }
        match &mut self.panic {
            // Never fewer while in panic.
            Some((_, most)) => {
                *most = (*most).max(short).max(ready as u32);
                *most
            }
            None => stable,
        }
    }
}

impl Scaler for Kpa {
    fn look(&mut self, view: &View) -> u32 {
        if !view.reported {
            return view.applied;
        }
        self.seen.push_back((view.second, view.waiting + view.in_flight));
        while self.seen.front().is_some_and(|(at, _)| *at <= view.second - STABLE) {
            self.seen.pop_front();
        }
        // Something waits and nobody runs: the activator does not wait for the tick.
        if view.applied == 0 && view.waiting > 0.0 {
            return 1;
        }
        if view.second < self.next {
            return view.applied;
        }
        self.next = view.second + TICK;
        let wanted = self.wanted(view.second, f64::from(view.ready.max(1)));
        if wanted > 0 {
            self.idle_since = None;
            return wanted;
        }
        let since = *self.idle_since.get_or_insert(view.second);
        if view.second - since >= ZERO_GRACE { 0 } else { view.applied.min(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, counts};
    use super::*;

    #[test]
    fn a_rise_to_twice_as_much_in_six_seconds_is_panic_and_panic_never_shrinks() {
        let mut kpa = Kpa::new(10);
        // 7 of 10 slots each: 700 records are 100 workers.
        let mut most = 0;
        for (second, replicas) in counts(&mut kpa, 10, 120.0, |second| if second < 60.0 { 70.0 } else { 700.0 }) {
            assert!(replicas >= most || second < 60.0, "{replicas} after {most} at {second}");
            most = replicas;
            if second < 59.0 {
                assert_eq!(replicas, 10, "{second}");
            }
        }
        assert_eq!(most, 100);
        assert_eq!(kpa.panic.map(|(_, most)| most), Some(100));
    }

    #[test]
    fn a_look_halves_at_most_and_zero_takes_a_minute_and_a_grace() {
        let mut kpa = Kpa::new(10);
        let steps = counts(&mut kpa, 64, 300.0, |_| 0.0);
        for pair in steps.windows(2) {
            assert!(pair[1].1 >= pair[0].1 / 2, "{pair:?}");
        }
        assert_eq!(steps.last().map(|step| step.1), Some(0));
        // From zero at once, between ticks too.
        assert_eq!(kpa.look(&at(300.5, 0, 3.0)), 1);
    }
}
