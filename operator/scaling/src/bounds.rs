//! What may run at least and at most. Precedence: maximum, quota and budget, then floors and minimum, then
//! ceilings.

use crate::budget::Balance;
use crate::decision::Limit;
use crate::observation::Observation;
use crate::policy::Policy;
use crate::profiles::Agenda;
use crate::quota::share;
use crate::season::{Expected, Mode};

/// What may run at least and at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The higher of minimum and declared floor, whether or not the maximum admits it.
    pub declared: u32,
    /// That, or what is expected if it counts and is more; the upper bound outranks what is expected.
    pub held: u32,
    /// What the job may run by itself, before what it shares with others.
    pub alone: u32,
    lower: u32,
    pub upper: u32,
    cap: Option<Cap>,
}

/// A maximum that depends on what other jobs do, or on what the day has cost.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cap {
    Quota { most: u32, quota: u32 },
    Budget { most: u32, balance: Balance },
}

impl Cap {
    fn most(self) -> u32 {
        match self {
            Self::Quota { most, .. } | Self::Budget { most, .. } => most,
        }
    }
}

impl Bounds {
    /// The bounds of a job whose records ask for `asked` workers.
    pub(crate) fn of(
        seen: &Observation,
        policy: &Policy,
        agenda: &Agenda,
        expected: Option<Expected>,
        balance: Option<Balance>,
        asked: u32,
    ) -> Self {
        let declared = agenda.floor.as_ref().map_or(0, |floor| floor.workers).max(policy.min_replicas);
        let ceiling = agenda.ceiling().map_or(u32::MAX, |(ceiling, _)| ceiling);
        let alone = policy.max_replicas.min(ceiling.max(declared));
        let learned = expected.filter(|_| policy.learning.mode == Mode::Active).map_or(0, |expected| expected.workers);
        let held = declared.max(learned.min(alone));
        let fixed = policy.fixed_at(seen.now).map(|fixed| fixed.replicas);
        let wanted = fixed.unwrap_or(asked.max(held)).min(alone);
        let applied = seen.workers.applied;
        let quota = policy.namespace_quota.map(|quota| {
            let most = share(quota, wanted, applied, &seen.others.neighbours);
            Cap::Quota { most, quota }
        });
        let budget = balance.and_then(|balance| Some(Cap::Budget { most: balance.most(applied)?, balance }));
        let cap = [quota, budget].into_iter().flatten().min_by_key(|cap| cap.most());
        let upper = cap.map_or(alone, |cap| alone.min(cap.most()));
        Self { declared, held, alone, lower: held.min(upper), upper, cap }
    }

    pub(crate) fn clamp(self, count: u32) -> u32 {
        count.clamp(self.lower, self.upper)
    }

    /// A count that somebody fixed, between minimum and maximum, floors and ceilings aside.
    pub(crate) fn clamp_fixed(self, count: u32, policy: &Policy) -> u32 {
        let most = self.cap.map_or(policy.max_replicas, |cap| policy.max_replicas.min(cap.most()));
        count.max(policy.min_replicas).min(most)
    }

    /// The bound that cut `wanted`, or a ceiling that could not hold.
    pub(crate) fn limit(self, wanted: u32, agenda: &Agenda) -> Option<Limit> {
        if let Some(limit) = self.shared(wanted.min(self.alone)) {
            return Some(limit);
        }
        let ceiling = agenda.ceiling();
        if let Some((ceiling, profile)) = ceiling.filter(|(ceiling, _)| *ceiling < self.held) {
            return Some(Limit::CeilingBelowFloor { floor: self.held, ceiling, profile: profile.name.clone() });
        }
        if wanted <= self.upper {
            return None;
        }
        Some(match ceiling.filter(|(ceiling, _)| *ceiling == self.upper) {
            Some((ceiling, profile)) => Limit::Ceiling { wanted, ceiling, profile: profile.name.clone() },
            None => Limit::Maximum { wanted, maximum: self.upper },
        })
    }

    /// The bound that cut a fixed count.
    pub(crate) fn limit_of_fixed(self, wanted: u32, policy: &Policy) -> Option<Limit> {
        let (minimum, maximum) = (policy.min_replicas, policy.max_replicas);
        if wanted < minimum {
            return Some(Limit::Minimum { wanted, minimum });
        }
        let above = || (wanted > maximum).then_some(Limit::Maximum { wanted, maximum });
        self.shared(wanted.min(maximum)).or_else(above)
    }

    /// What is shared with others, if it cut `wanted`, which the job's own bounds admit.
    fn shared(self, wanted: u32) -> Option<Limit> {
        match self.cap.filter(|cap| cap.most() < wanted)? {
            Cap::Quota { most, quota } => Some(Limit::NamespaceQuota { wanted, share: most, quota }),
            Cap::Budget { balance, .. } => Some(balance.reached()),
        }
    }
}
