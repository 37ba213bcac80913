//! The profiles that are active at an instant, what they ask for together, and when that changes.
//!
//! Active profiles never outrank each other: the highest floor, the lowest ceiling and the
//! shortest wait hold, whichever profile they come from.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::policy::{Policy, Profile};

/// A profile that is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveProfile {
    /// Its name.
    pub name: String,
    /// When it ends; none if not within a fortnight.
    pub until: Option<Timestamp>,
    /// Its zone, in which people read its times.
    pub zone: TimeZone,
    /// Workers that run at least.
    pub floor: Option<u32>,
    /// Workers that run at most.
    pub ceiling: Option<u32>,
    /// The promise while active.
    pub wait: Option<Duration>,
}

/// What happens to a profile at a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// It becomes active.
    Starts,
    /// It stops being active.
    Ends,
}

/// The next instant at which the set of active profiles changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary {
    /// The instant.
    pub at: Timestamp,
    /// The profile that changes; the first by order of declaration if several do.
    pub profile: String,
    /// What happens to it.
    pub edge: Edge,
    /// Its zone, in which people read its times.
    pub zone: TimeZone,
    /// The floor from then on; none if no profile holds one.
    pub floor: Option<u32>,
}

/// What the profiles ask for at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agenda {
    /// Active profiles, in order of declaration.
    pub active: Vec<ActiveProfile>,
    /// When that changes next; none if not within a fortnight.
    pub next: Option<Boundary>,
}

impl Agenda {
    /// What `policy` asks for at `now`.
    pub fn at(policy: &Policy, now: Timestamp) -> Self {
        let mut next: Option<(Timestamp, &Profile, Edge)> = None;
        let mut active = Vec::new();
        for profile in &policy.profiles {
            let Some(window) = profile.schedule.current_or_next(now) else { continue };
            let open = window.start <= now;
            let change =
                if open { window.end.map(|end| (end, Edge::Ends)) } else { Some((window.start, Edge::Starts)) };
            if let Some((at, edge)) = change
                && next.is_none_or(|(earliest, ..)| at < earliest)
            {
                next = Some((at, profile, edge));
            }
            if open {
                active.push(ActiveProfile::new(profile, window.end));
            }
        }
        let next = next.map(|(at, profile, edge)| Boundary {
            at,
            profile: profile.name.clone(),
            edge,
            zone: profile.schedule.zone.clone(),
            floor: floor_at(policy, at),
        });
        Self { active, next }
    }

    /// The active profile with the highest floor.
    pub fn floor(&self) -> Option<(u32, &ActiveProfile)> {
        // `rev` because `max_by_key` keeps the last of equals, and the first declared is meant.
        self.active.iter().rev().filter_map(|p| Some((p.floor?, p))).max_by_key(|(floor, _)| *floor)
    }

    /// The active profile with the lowest ceiling.
    pub fn ceiling(&self) -> Option<(u32, &ActiveProfile)> {
        self.active.iter().filter_map(|p| Some((p.ceiling?, p))).min_by_key(|(ceiling, _)| *ceiling)
    }

    /// The shortest of the policy's and the active profiles' waits.
    pub fn wait(&self, policy: &Policy) -> Duration {
        self.active.iter().filter_map(|p| p.wait).fold(policy.wait, Duration::min)
    }
}

impl ActiveProfile {
    fn new(profile: &Profile, until: Option<Timestamp>) -> Self {
        Self {
            name: profile.name.clone(),
            until,
            zone: profile.schedule.zone.clone(),
            floor: profile.floor,
            ceiling: profile.ceiling,
            wait: profile.wait,
        }
    }
}

/// The highest floor of the profiles active at `at`.
fn floor_at(policy: &Policy, at: Timestamp) -> Option<u32> {
    let active = policy.profiles.iter().filter(|profile| profile.schedule.is_active(at));
    active.filter_map(|profile| profile.floor).max()
}
