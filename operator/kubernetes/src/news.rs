//! What is worth telling people about a job: only what changed since the round before.
//!
//! Pure. How it reaches them is in [`events`](crate::events).

use std::collections::BTreeSet;

use imagejob_api::{ConditionType, ImageJobStatus};
use imagejob_operator::Outcome;
use imagejob_operator::apply::Applied;
use imagejob_operator::reconcile::{Decided, Step};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// True for what somebody may have to look after.
    pub warning: bool,
    /// A stable CamelCase word.
    pub reason: String,
    /// What was done about it: a stable CamelCase word.
    pub action: &'static str,
    /// One sentence.
    pub note: String,
}

/// Compares each round with the one before.
#[derive(Debug, Default)]
pub struct Chronicle {
    /// Profiles that were active; none before the first decision.
    profiles: Option<BTreeSet<String>>,
    /// Status and reason of the summary condition.
    ready: Option<(String, String)>,
}

impl Chronicle {
    /// Goes on where the last written status ended, so that a new operator does not tell everything
    /// again.
    pub fn since(status: Option<&ImageJobStatus>) -> Self {
        let Some(status) = status else { return Self::default() };
        let names = status.schedule.active.iter().map(|profile| profile.name.clone());
        Self {
            profiles: status.decision.is_some().then(|| names.collect()),
            ready: status.condition(ConditionType::Ready).map(summary),
        }
    }

    /// What this round brought.
    pub fn enter(&mut self, outcome: &Outcome) -> Vec<News> {
        let mut news = Vec::new();
        if let Step::Decided(decided) = &outcome.step {
            news.extend(self.profiles(decided));
            news.extend(scaled(decided));
        }
        news.extend(outcome.status.condition(ConditionType::Ready).and_then(|ready| self.health(ready)));
        news
    }

    fn profiles(&mut self, decided: &Decided) -> Vec<News> {
        let active: BTreeSet<String> = decided.decision.active.iter().map(|profile| profile.name.clone()).collect();
        let before = self.profiles.replace(active.clone());
        let Some(before) = before.filter(|before| *before != active) else { return Vec::new() };
        let tell = |name: &String, reason: &str, action, verb| News {
            warning: false,
            reason: reason.to_owned(),
            action,
            note: format!("profile {name} {verb}; {}", decided.decision),
        };
        let started = active.difference(&before).map(|name| tell(name, "ProfileStarted", "Start", "starts"));
        let ended = before.difference(&active).map(|name| tell(name, "ProfileEnded", "End", "ends"));
        started.chain(ended).collect()
    }

    fn health(&mut self, ready: &Condition) -> Option<News> {
        let now = summary(ready);
        if self.ready.as_ref() == Some(&now) {
            return None;
        }
        let first = self.ready.replace(now).is_none();
        // Starting is what a new job does; it is no news.
        let starting = ready.reason.ends_with("Starting");
        if starting && (first || ready.status == "True") {
            return None;
        }
        let warning = ready.status != "True";
        let reason = ready.reason.clone();
        let note = if ready.message.is_empty() { reason.clone() } else { ready.message.clone() };
        Some(News { warning, reason, action: if warning { "Wait" } else { "Work" }, note })
    }
}

fn summary(condition: &Condition) -> (String, String) {
    (condition.status.clone(), condition.reason.clone())
}

/// A worker count that was changed, and why.
fn scaled(decided: &Decided) -> Option<News> {
    let (before, after) = (decided.sight.observation.workers.applied, decided.decision.replicas);
    if !matches!(decided.applied, Ok(Applied::Changed)) || before == after {
        return None;
    }
    let (reason, action) = if after > before { ("ScaledUp", "ScaleUp") } else { ("ScaledDown", "ScaleDown") };
    let note = format!("from {before} to {}", decided.decision);
    Some(News { warning: false, reason: reason.to_owned(), action, note })
}
