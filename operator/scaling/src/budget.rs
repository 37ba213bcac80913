//! What all jobs of a policy may spend in a day, counted in hours of one worker.
//!
//! A worker counts from being asked for until it is not any more, as it is billed. A day begins at midnight on
//! the clocks of the policy's zone.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::decision::Limit;
use crate::memory::elapsed;
use crate::policy::Policy;

/// What all jobs of a policy may spend in a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// Hours of one worker.
    pub pod_hours_per_day: u32,
    /// What happens when it is spent.
    pub on_exceeded: OnExceeded,
    /// Where days begin.
    pub zone: TimeZone,
}

/// What happens when a budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExceeded {
    /// Records may wait longer: twice as long from 80 % of the budget on, five times as long once it is spent.
    /// That makes peaks flatter and never stops anything.
    RelaxWait,
    /// Once it is spent nothing adds a worker until the day ends; a job keeps one at least.
    Hold,
}

/// From this share on the promise is relaxed, and by what; the last that is reached holds.
const STEPS: [(f64, u32); 2] = [(0.8, 2), (1.0, 5)];

/// What one job has spent on a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spent {
    /// The day.
    pub day: Date,
    /// Hours of one worker.
    pub pod_hours: f64,
}

/// What one job spends, look by look.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Spending {
    spent: Option<Spent>,
    at: Option<Timestamp>,
}

impl Spending {
    /// As an earlier run left it.
    pub(crate) fn from(spent: Spent) -> Self {
        Self { spent: Some(spent), at: None }
    }

    /// What was spent on the day of the last look; none before the first.
    pub(crate) fn spent(self) -> Option<Spent> {
        self.spent
    }

    /// With one more look: `applied` workers have run since the last. What ran over midnight counts where it ends.
    pub(crate) fn after(self, now: Timestamp, applied: u32, budget: &Budget) -> Self {
        let day = now.to_zoned(budget.zone.clone()).date();
        let hours = self.at.map_or(0.0, |at| f64::from(applied) * elapsed(at, now).as_secs_f64() / 3_600.0);
        let before = self.spent.filter(|spent| spent.day == day).map_or(0.0, |spent| spent.pod_hours);
        Self { spent: Some(Spent { day, pod_hours: before + hours }), at: Some(now) }
    }
}

/// How a budget stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Balance {
    /// Hours that all jobs of the policy have spent today.
    spent: f64,
    budget: u32,
    on_exceeded: OnExceeded,
}

impl Balance {
    /// With what this job and the others have spent.
    pub(crate) fn of(budget: &Budget, own: Option<Spent>, others: f64) -> Self {
        let spent = own.map_or(0.0, |spent| spent.pod_hours) + others;
        Self { spent, budget: budget.pod_hours_per_day, on_exceeded: budget.on_exceeded }
    }

    fn share(self) -> f64 {
        self.spent / f64::from(self.budget.max(1))
    }

    /// How many times as long records may wait.
    pub(crate) fn relaxed(self) -> u32 {
        let reached =
            STEPS.iter().filter(|(share, _)| self.share() >= *share && self.on_exceeded == OnExceeded::RelaxWait);
        reached.fold(1, |_, (_, times)| *times)
    }

    /// What it did, for people.
    pub(crate) fn reached(self) -> Limit {
        // `as` saturates.
        Limit::BudgetReached { spent: self.spent as u32, budget: self.budget, relaxed: self.relaxed() }
    }

    /// The most that may run, of a job that runs `applied`; none if it does not matter.
    pub(crate) fn most(self, applied: u32) -> Option<u32> {
        (self.on_exceeded == OnExceeded::Hold && self.share() >= 1.0).then_some(applied.max(1))
    }
}

impl Policy {
    /// With promises that are so many times as long.
    pub(crate) fn relaxed(&self, times: u32) -> Self {
        let mut relaxed = self.clone();
        relaxed.wait *= times;
        for profile in &mut relaxed.profiles {
            profile.wait = profile.wait.map(|wait| wait * times);
        }
        relaxed
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn budget(on_exceeded: OnExceeded) -> Budget {
        Budget { pod_hours_per_day: 100, on_exceeded, zone: TimeZone::get("Asia/Shanghai").unwrap() }
    }

    #[test]
    fn workers_are_counted_by_the_day_of_the_policys_zone() {
        let budget = budget(OnExceeded::Hold);
        let mut spending = Spending::default();
        let mut told = Vec::new();
        for (at, applied) in [
            ("2026-11-21T22:00:00+08:00", 50), // the first look: what ran before is not known
            ("2026-11-21T23:00:00+08:00", 50),
            ("2026-11-21T23:30:00+08:00", 10),
            ("2026-11-22T00:00:00+08:00", 10), // a new day
            ("2026-11-22T01:00:00+08:00", 2),
        ] {
            spending = spending.after(at.parse().unwrap(), applied, &budget);
            told.push(spending.spent().unwrap());
        }
        let hours: Vec<(i8, f64)> = told.iter().map(|spent| (spent.day.day(), spent.pod_hours)).collect();
        assert_eq!(hours, [(21, 0.0), (21, 50.0), (21, 55.0), (22, 5.0), (22, 7.0)]);
        // A clock that is set back earns nothing.
        let back = spending.after("2026-11-22T00:30:00+08:00".parse().unwrap(), 1_000, &budget);
        assert_eq!(back.spent(), spending.spent());
    }

    #[test]
    fn a_spent_budget_relaxes_or_holds() {
        let balance = |on_exceeded, others| Balance::of(&budget(on_exceeded), None, others);
        for (spent, times, most) in [(79.0, 1, None), (80.0, 2, None), (99.0, 2, None), (100.0, 5, Some(7))] {
            assert_eq!(balance(OnExceeded::RelaxWait, spent).relaxed(), times);
            assert_eq!(balance(OnExceeded::RelaxWait, spent).most(7), None);
            assert_eq!(balance(OnExceeded::Hold, spent).relaxed(), 1);
            assert_eq!(balance(OnExceeded::Hold, spent).most(7), most);
        }
        assert_eq!(balance(OnExceeded::Hold, 200.0).most(0), Some(1), "nobody waits for midnight");
    }
}
