//! What all workloads share: the world, policies, and how runs and gates are printed.

use std::time::Duration;

use imagejob_scaling::simulate::rivals::{Cron, Keda};
use imagejob_scaling::simulate::traffic::{Scenario, Trace};
use imagejob_scaling::simulate::{Course, Ours, Scaler, View, World, simulate};
use imagejob_scaling::{Days, Memory, Policy, Profile, Schedule, Trim};
use jiff::civil::Time;
use jiff::tz::TimeZone;

/// A cluster whose images are present, with the promise in seconds.
pub(crate) fn world(scenario: &Scenario, wait: f64) -> World {
    World {
        start: scenario.start.parse().expect("a time"),
        slots: scenario.slots,
        per_worker: scenario.per_worker,
        start_up: (3.0, 10.0),
        creates_per_second: 50.0,
        downstream: None,
        report_delay: 0.3,
        blackout: None,
        wait,
        max_replicas: scenario.max_replicas,
    }
}

/// A policy of a scenario with a promise, and with profiles.
pub(crate) fn policy(scenario: &Scenario, wait: f64, profiles: Vec<Profile>) -> Policy {
    Policy {
        wait: Duration::from_secs_f64(wait),
        max_replicas: scenario.max_replicas,
        slots: scenario.slots,
        profiles,
        ..Policy::default()
    }
}

pub(crate) fn profile(
    name: &str,
    days: Days,
    from: (i8, i8),
    to: (i8, i8),
    edit: impl FnOnce(&mut Profile),
) -> Profile {
    let time = |(hour, minute)| Time::constant(hour, minute, 0, 0);
    let mut profile = Profile::new(name, Schedule { days, from: time(from), to: time(to), zone: zone() });
    edit(&mut profile);
    profile
}

/// Where all workloads are known from.
pub(crate) fn zone() -> TimeZone {
    TimeZone::get("Asia/Shanghai").expect("a zone")
}

/// The documented defaults of `trim`.
pub(crate) const TRIM: Option<Trim> = Some(Trim { after: Duration::from_mins(2), factor: 1.5 });

/// What is compared.
pub(crate) struct Figures {
    pub p95: f64,
    pub p99: f64,
    pub late_percent: f64,
    pub hours: f64,
}

fn figures(name: &str, world: &World, course: &Course, best: f64) -> Figures {
    let [p50, p95, p99] = course.waits.quantiles([0.5, 0.95, 0.99]);
    let late_percent = course.waits.share_above(world.wait) * 100.0;
    let hours = course.pod_hours;
    println!(
        "  {name:<26} p50 {p50:6.2}  p95 {p95:6.2}  p99 {p99:6.2}  max {:7.2}  late {late_percent:7.3} %  \
         pod-hours {hours:8.1} {:6.3}x  peak {:4}  starts {:6}",
        course.waits.longest(),
        hours / best,
        course.peak,
        course.starts
    );
    Figures { p95, p99, late_percent, hours }
}

/// Where a run happens, and what the least is that it can cost.
#[derive(Clone, Copy)]
pub(crate) struct Stage<'a> {
    pub world: &'a World,
    pub trace: &'a Trace,
    pub seed: u64,
    /// Pod-hours of who knows everything.
    pub best: f64,
}

impl Stage<'_> {
    pub(crate) fn ours(&self, name: &str, policy: &Policy) -> Figures {
        self.taught(name, policy, Memory::default())
    }

    /// With what an earlier run has taught, right or wrong.
    pub(crate) fn taught(&self, name: &str, policy: &Policy, memory: Memory) -> Figures {
        self.run(name, &mut Ours::new(self.world, policy, memory))
    }

    pub(crate) fn keda(&self) -> Figures {
        self.run("keda", &mut Keda::new(u32::MAX, 7.0))
    }

    /// KEDA tuned by somebody who knows the same as `policy`.
    pub(crate) fn keda_cron(&self, policy: &Policy) -> Figures {
        let cron = Cron::after(policy, self.world, self.trace.seconds());
        self.run("keda-cron", &mut Keda::tuned(u32::MAX, cron, self.world, 7.0))
    }

    pub(crate) fn run(&self, name: &str, scaler: &mut dyn Scaler) -> Figures {
        figures(name, self.world, &simulate(self.world, self.trace, scaler, self.seed), self.best)
    }
}

/// The operator's own decision, with every count that it came to.
pub(crate) struct Watched<'a> {
    ours: Ours<'a>,
    /// Second, workers.
    pub counts: Vec<(f64, u32)>,
}

impl<'a> Watched<'a> {
    pub(crate) fn new(world: &World, policy: &'a Policy) -> Self {
        Self { ours: Ours::new(world, policy, Memory::default()), counts: Vec::new() }
    }

    /// How often the count turned from rising to falling or back, from a second on.
    pub(crate) fn turns(&self, from: f64) -> usize {
        let counts: Vec<u32> = self.counts.iter().filter(|(at, _)| *at >= from).map(|(_, count)| *count).collect();
        let steps: Vec<_> = counts.windows(2).map(|pair| pair[1].cmp(&pair[0])).filter(|step| step.is_ne()).collect();
        steps.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }
}

impl Scaler for Watched<'_> {
    fn look(&mut self, view: &View) -> u32 {
        let count = self.ours.look(view);
        self.counts.push((view.second, count));
        count
    }
}

/// Prints a gate.
pub(crate) fn gate(what: &str, value: f64, most: f64) {
    let verdict = if value <= most { "met".to_owned() } else { format!("MISSED by {:.3}", value - most) };
    println!("  gate {what}: {value:.3}, at most {most}: {verdict}");
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The greatest of values of which some may lie below zero.
pub(crate) fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}
