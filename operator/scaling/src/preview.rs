//! What profiles will ask for, before they do: the days to come as spans in which nothing changes.
//!
//! Floors are those of the calendar alone: none is trimmed, fades, or is asked for early.

use std::time::Duration;

use jiff::Timestamp;

use crate::amount::Plan;
use crate::memory::elapsed;
use crate::policy::{Policy, Profile};
use crate::profiles::Footing;

/// A time in which no profile starts, ends or changes its floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its first instant.
    pub from: Timestamp,
    /// First instant after it.
    pub to: Timestamp,
    /// What is asked for in it.
    pub asked: Asked,
}

/// What profiles ask for together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Active profiles, in order of declaration.
    pub profiles: Vec<String>,
    /// Workers that run at least, within the maximum; the minimum where no profile asks for more.
    pub floor: u32,
    /// Workers that run at most.
    pub most: u32,
    /// Workers above what arrivals need.
    pub spare: u32,
    /// The promise.
    pub wait: Duration,
}

impl Span {
    /// What the floor costs, in hours of one worker.
    pub fn worker_hours(&self) -> f64 {
        f64::from(self.asked.floor) * elapsed(self.from, self.to).as_secs_f64() / 3_600.0
    }
}

/// The spans of `[from, to)`, in order; neighbours differ.
pub fn preview(policy: &Policy, from: Timestamp, to: Timestamp, footing: &Footing) -> Vec<Span> {
    let mut edges: Vec<Timestamp> = policy.profiles.iter().flat_map(|profile| profile.steps(from, to)).collect();
    edges.extend([from, to]);
    edges.sort_unstable();
    edges.dedup();
    let mut spans: Vec<Span> = Vec::new();
    for pair in edges.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let asked = asked(policy, from, footing);
        match spans.last_mut() {
            Some(last) if last.asked == asked => last.to = to,
            _ => spans.push(Span { from, to, asked }),
        }
    }
    spans
}

fn asked(policy: &Policy, at: Timestamp, footing: &Footing) -> Asked {
    let active: Vec<&Profile> = policy.profiles.iter().filter(|profile| profile.schedule.is_active(at)).collect();
    let wait = active.iter().filter_map(|profile| profile.wait).fold(policy.wait, Duration::min);
    let plan = Plan::of(&footing.capability, wait.as_secs_f64());
    let floor = active.iter().filter_map(|profile| profile.floor_at(at, plan)).fold(policy.min_replicas, u32::max);
    let floor = floor.min(policy.max_replicas);
    let ceiling = active.iter().filter_map(|profile| profile.ceiling).fold(policy.max_replicas, u32::min);
    Asked {
        profiles: active.iter().map(|profile| profile.name.clone()).collect(),
        floor,
        most: ceiling.max(floor),
        spare: active.iter().map(|profile| profile.spare).max().unwrap_or(0),
        wait,
    }
}
