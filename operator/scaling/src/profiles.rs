//! The profiles that are active at an instant, what they ask for together, and when that changes.
//!
//! Active profiles never outrank each other: the highest floor, the lowest ceiling and the
//! shortest wait hold, whichever profile they come from. A floor is there when its window opens, so
//! it is asked for earlier; after the end it may fade; once the records come it may give way to
//! what they need.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::amount::Plan;
use crate::learned::Capability;
use crate::memory::elapsed;
use crate::policy::{Policy, Profile};
use crate::reason::ServiceEvidence;

/// Floors of profiles that start later than this are not looked at.
const FARTHEST: SignedDuration = SignedDuration::from_mins(15);

/// Workers that a cluster creates a second, while nobody has measured it: the default limit of
/// Kubernetes' own controllers.
const CREATES_PER_SECOND: f64 = 20.0;

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

/// The floor that holds, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    /// Workers that run at least.
    pub workers: u32,
    /// The profile.
    pub profile: String,
    /// Its zone, in which people read its times.
    pub zone: TimeZone,
    /// Why now.
    pub phase: Phase,
}

/// Why a floor holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The profile is active, until this instant if that is within a fortnight.
    Active(Option<Timestamp>),
    /// The profile needs it from this instant on, and workers take time to start.
    Early(Timestamp),
    /// The profile has ended and the floor fades until this instant.
    Fading(Timestamp),
    /// The profile is active, and this is enough for what arrives.
    Trimmed,
}

/// Workers that are kept above what arrivals need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spare {
    /// So many.
    pub workers: u32,
    /// The profile.
    pub profile: String,
}

/// What floors and spares are computed from besides the time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Footing {
    pub(crate) capability: Capability,
    /// Records a second that arrive; none while that is not known.
    pub(crate) arrivals_per_second: Option<f64>,
}

impl Footing {
    /// That a worker does so many records a second and takes as long to start as one that nobody
    /// has seen.
    pub fn expecting(per_worker: f64, slots: NonZeroU32) -> Self {
        let mean = Duration::from_secs_f64(f64::from(slots.get()) / per_worker.clamp(1e-6, 1e9));
        let service = ServiceEvidence { mean, measured: true, slots: slots.get() };
        Self { capability: Capability { service, ..Capability::default() }, arrivals_per_second: None }
    }
}

/// What the profiles ask for at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agenda {
    /// Active profiles, in order of declaration.
    pub active: Vec<ActiveProfile>,
    /// When that changes next; none if not within a fortnight.
    pub next: Option<Boundary>,
    /// The highest floor; the first declared of equals.
    pub floor: Option<Floor>,
    /// The highest spare.
    pub spare: Option<Spare>,
    /// All that waits has to have started by then; none if only the promise counts.
    pub finish_by: Option<Timestamp>,
    /// A floor may change by itself at this instant.
    pub(crate) step: Option<Timestamp>,
}

impl Agenda {
    /// What `policy` asks for at `now`.
    pub fn at(policy: &Policy, now: Timestamp, footing: &Footing) -> Self {
        let mut next: Option<(Timestamp, &Profile, Edge)> = None;
        let mut open = Vec::new();
        for profile in &policy.profiles {
            let Some(window) = profile.schedule.current_or_next(now) else { continue };
            let active = window.start <= now;
            let change =
                if active { window.end.map(|end| (end, Edge::Ends)) } else { Some((window.start, Edge::Starts)) };
            if let Some((at, edge)) = change
                && next.is_none_or(|(earliest, ..)| at < earliest)
            {
                next = Some((at, profile, edge));
            }
            if active {
                open.push((profile, window.end));
            }
        }
        let wait = open.iter().filter_map(|(profile, _)| profile.wait).fold(policy.wait, Duration::min);
        let look = Look { now, footing, plan: Plan::of(&footing.capability, wait.as_secs_f64()) };
        let floor_then = |at| policy.profiles.iter().filter_map(|profile| profile.floor_at(at, look.plan)).max();
        let (floor, step) = look.floors(policy);
        Self {
            active: open.into_iter().map(|(profile, until)| look.active(profile, until)).collect(),
            floor,
            spare: look.spare(policy),
            finish_by: policy.profiles.iter().filter_map(|profile| profile.finish_by(now)).min(),
            step,
            next: next.map(|(at, profile, edge)| Boundary {
                at,
                profile: profile.name.clone(),
                edge,
                zone: profile.schedule.zone.clone(),
                floor: floor_then(at),
            }),
        }
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

/// One look at the calendar.
struct Look<'a> {
    now: Timestamp,
    footing: &'a Footing,
    plan: Plan,
}

impl Look<'_> {
    fn active(&self, profile: &Profile, until: Option<Timestamp>) -> ActiveProfile {
        ActiveProfile {
            name: profile.name.clone(),
            until,
            zone: profile.schedule.zone.clone(),
            floor: profile.floor_at(self.now, self.plan),
            ceiling: profile.ceiling,
            wait: profile.wait,
        }
    }

    /// The highest floor, and when a floor changes next.
    fn floors(&self, policy: &Policy) -> (Option<Floor>, Option<Timestamp>) {
        let mut highest: Option<Floor> = None;
        let mut step: Option<Timestamp> = None;
        for profile in policy.profiles.iter().filter(|profile| profile.amount.is_some()) {
            let (held, early) = (self.held(profile), self.early(profile));
            step = [step, early.as_ref().map(|(_, step)| *step)].into_iter().flatten().min();
            let early = early.and_then(|(floor, _)| floor);
            for (workers, phase) in [held, early].into_iter().flatten() {
                if highest.as_ref().is_none_or(|highest| workers > highest.workers) {
                    let zone = profile.schedule.zone.clone();
                    highest = Some(Floor { workers, profile: profile.name.clone(), zone, phase });
                }
            }
        }
        (highest, step)
    }

    /// What a profile asks for now: its floor, trimmed or not, or what has not faded of it.
    fn held(&self, profile: &Profile) -> Option<(u32, Phase)> {
        let Some(floor) = profile.floor_at(self.now, self.plan) else { return self.fading(profile) };
        let until = profile.schedule.current_or_next(self.now).and_then(|window| window.end);
        let trimmed = self.trimmed(profile, floor).filter(|trimmed| *trimmed < floor);
        Some(trimmed.map_or((floor, Phase::Active(until)), |trimmed| (trimmed, Phase::Trimmed)))
    }

    /// 150 % of what arrivals keep busy, if the floor has held for the time that it must.
    fn trimmed(&self, profile: &Profile, floor: u32) -> Option<u32> {
        let trim = profile.trim?;
        let before = self.now.checked_sub(trim.after).ok()?;
        let after = before.checked_add(SignedDuration::from_nanos(1)).ok()?;
        let as_long = profile.floor_at(before, self.plan) == Some(floor) && profile.steps(after, self.now).is_empty();
        let arrivals = self.footing.arrivals_per_second?;
        as_long.then(|| self.plan.busy(arrivals, trim.factor))
    }

    /// After the end: the last floor less the share of the fade that has passed.
    fn fading(&self, profile: &Profile) -> Option<(u32, Phase)> {
        let fade = profile.fade_out.as_secs_f64();
        let end = profile.schedule.last_end(self.now).filter(|_| fade > 0.0)?;
        let left = 1.0 - elapsed(end, self.now).as_secs_f64() / fade;
        let last = profile.floor_at(end - SignedDuration::from_nanos(1), self.plan)?;
        let floor = (f64::from(last) * left.max(0.0)).ceil() as u32;
        let over = end.checked_add(profile.fade_out).unwrap_or(end);
        (floor > 0).then_some((floor, Phase::Fading(over)))
    }

    /// A higher floor that is to come and must be asked for already; and when the next one must, or
    /// when a floor changes.
    ///
    /// 667 workers above what is held, at 20 created a second and 6 s to react: 33 + 6 = 39 s early.
    fn early(&self, profile: &Profile) -> Option<(Option<(u32, Phase)>, Timestamp)> {
        let now_held = profile.floor_at(self.now, self.plan).unwrap_or(0);
        let after = self.now.checked_add(SignedDuration::from_nanos(1)).ok()?;
        let mut due: Option<(u32, Phase)> = None;
        let mut next: Option<Timestamp> = None;
        for step in profile.steps(after, self.now.checked_add(FARTHEST).ok()?) {
            let floor = profile.floor_at(step, self.plan).unwrap_or(0);
            let begins = step.checked_sub(self.lead(floor.saturating_sub(now_held))).unwrap_or(step);
            if floor > now_held && begins <= self.now {
                if due.is_none_or(|(highest, _)| floor > highest) {
                    due = Some((floor, Phase::Early(step)));
                }
            } else {
                let changes = if floor > now_held { begins } else { step };
                next = Some(next.map_or(changes, |next| next.min(changes)));
            }
        }
        next.or(due.map(|(_, phase)| if let Phase::Early(at) = phase { at } else { self.now })).map(|next| (due, next))
    }

    fn lead(&self, more: u32) -> Duration {
        self.footing.capability.reaction() + Duration::from_secs_f64(f64::from(more) / CREATES_PER_SECOND)
    }

    /// The highest spare of the profiles that are active, or will be once it has started.
    fn spare(&self, policy: &Policy) -> Option<Spare> {
        let with_spare = policy.profiles.iter().filter(|profile| profile.spare > 0);
        let active = with_spare.filter(|profile| {
            let soon = self.now.checked_add(self.lead(profile.spare));
            profile.schedule.is_active(self.now) || soon.is_ok_and(|soon| profile.schedule.is_active(soon))
        });
        // `rev` because `max_by_key` keeps the last of equals, and the first declared is meant.
        let most = active.collect::<Vec<_>>().into_iter().rev().max_by_key(|profile| profile.spare)?;
        Some(Spare { workers: most.spare, profile: most.name.clone() })
    }
}
