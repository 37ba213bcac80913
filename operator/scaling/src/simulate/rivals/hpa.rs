//! The HorizontalPodAutoscaler of Kubernetes, as far as it counts here: a look every 15 s, a
//! tolerance of 10 %, a limit on growth, and the highest wish of a window before anything shrinks.

use std::collections::VecDeque;

/// Seconds between two looks; a flag of the controller manager, not of the object.
const SYNC: f64 = 15.0;
/// Wishes within 10 % of what runs change nothing.
const TOLERANCE: f64 = 0.1;

/// How fast it may change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Behavior {
    /// How many times as many workers a look may ask for, and at least how many.
    pub growth: (f64, u32),
    /// It shrinks to the highest wish of so many seconds.
    pub stabilization: f64,
}

impl Behavior {
    /// What holds where `behavior` is not set: twice as many or 4, 300 s.
    pub(super) const DEFAULT: Self = Self { growth: (2.0, 4), stabilization: 300.0 };
}

/// The autoscaler of one workload.
#[derive(Debug, Clone)]
pub(super) struct Hpa {
    behavior: Behavior,
    next: f64,
    wishes: VecDeque<(f64, u32)>,
}

impl Hpa {
    /// The first look happens `phase` seconds after the start.
    pub(super) fn new(behavior: Behavior, phase: f64) -> Self {
        Self { behavior, next: phase, wishes: VecDeque::new() }
    }

    /// The count at `now`: `metrics` are pairs of a value in all and what one worker should have of
    /// it (`AverageValue`); the highest wish of them counts.
    pub(super) fn look(&mut self, now: f64, current: u32, metrics: &[(f64, f64)]) -> u32 {
        if now < self.next {
            return current;
        }
        self.next = now + SYNC;
        let wish = metrics.iter().map(|(value, target)| wish(current, *value, *target)).max().unwrap_or(current);
        self.wishes.push_back((now, wish));
        while self.wishes.front().is_some_and(|(at, _)| now - at > self.behavior.stabilization) {
            self.wishes.pop_front();
        }
        if wish > current {
            let (times, least) = self.behavior.growth;
            return wish.min(((f64::from(current) * times) as u32).max(least));
        }
        let highest = self.wishes.iter().map(|(_, wish)| *wish).max().unwrap_or(wish);
        highest.min(current)
    }
}

fn wish(current: u32, value: f64, target: f64) -> u32 {
    let ratio = value / (target * f64::from(current.max(1)));
    if (ratio - 1.0).abs() <= TOLERANCE { current } else { (value / target).ceil() as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts at each look with a value that lasts.
    fn ladder(behavior: Behavior, mut current: u32, value: f64, looks: u32) -> Vec<u32> {
        let mut hpa = Hpa::new(behavior, 0.0);
        let look = |look: u32| {
            current = hpa.look(f64::from(look) * SYNC, current, &[(value, 10.0)]);
            current
        };
        (0..looks).map(look).collect()
    }

    #[test]
    fn it_doubles_every_fifteen_seconds_and_begins_with_four() {
        assert_eq!(ladder(Behavior::DEFAULT, 1, 1_000.0, 7), [4, 8, 16, 32, 64, 100, 100]);
        let eager = Behavior { growth: (10.0, 4), stabilization: 120.0 };
        assert_eq!(ladder(eager, 1, 1_000.0, 3), [10, 100, 100]);
    }

    #[test]
    fn between_looks_nothing_happens() {
        let mut hpa = Hpa::new(Behavior::DEFAULT, 5.0);
        assert_eq!(hpa.look(4.9, 1, &[(1_000.0, 10.0)]), 1);
        assert_eq!(hpa.look(5.0, 1, &[(1_000.0, 10.0)]), 4);
        assert_eq!(hpa.look(19.9, 4, &[(1_000.0, 10.0)]), 4);
    }

    #[test]
    fn ten_per_cent_more_or_less_change_nothing() {
        for (value, count) in [(910.0, 100), (1_090.0, 100), (1_110.0, 111), (890.0, 89)] {
            assert_eq!(wish(100, value, 10.0), count, "{value}");
        }
    }

    #[test]
    fn it_shrinks_to_the_highest_wish_of_five_minutes() {
        let mut hpa = Hpa::new(Behavior::DEFAULT, 0.0);
        assert_eq!(hpa.look(0.0, 20, &[(200.0, 10.0)]), 20);
        let counts: Vec<u32> = (1..=21).map(|look| hpa.look(f64::from(look) * SYNC, 20, &[(10.0, 10.0)])).collect();
        assert_eq!((counts[19], counts[20]), (20, 1), "{counts:?}");
    }
}
