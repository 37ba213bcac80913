//! What a simulation starts from: traffic, a world, a policy, from files and flags.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use imagejob_scaling::simulate::traffic::{Scenario, flash, homework, weekend};
use imagejob_scaling::simulate::{Trace, World, taught};
use imagejob_scaling::{Memory, PRIOR_SERVICE, Policy};
use jiff::{SignedDuration, Timestamp};

use super::SimulateArgs;
use super::trace::{self, Recorded};
use crate::rules;

/// Seeds of weeks that were learned from are no seeds of weeks that are simulated: those are 1 to 1,000.
const OTHERS: u64 = 10_000;

/// Traffic by seed.
enum Traffic {
    Generated(fn(u64) -> Scenario),
    Recorded(Recorded),
}

/// What a simulation starts from.
pub(super) struct Setting {
    /// What was asked for as traffic, for headings.
    pub(super) name: String,
    traffic: Traffic,
    /// The user's policy; none where nothing was said.
    policy: Option<Policy>,
    start: Option<Timestamp>,
    pub(super) partitions: u32,
    service_rate: Option<f64>,
    slots: Option<NonZeroU32>,
    start_seconds: (f64, f64),
    creates_per_second: f64,
    downstream: Option<f64>,
    report_delay: f64,
    blackout: Option<(f64, f64)>,
    learn_weeks: u32,
    wait: Option<u32>,
    max_replicas: Option<u32>,
}

/// One seed's traffic, world and policy.
pub(super) struct Case {
    pub(super) trace: Trace,
    pub(super) world: World,
    pub(super) policy: Policy,
    /// What was learned before.
    pub(super) memory: Memory,
}

impl Setting {
    pub(super) fn of(args: &SimulateArgs) -> anyhow::Result<Self> {
        let traffic = match args.trace.strip_prefix("gen:") {
            Some("weekend") => Traffic::Generated(weekend),
            Some("homework") => Traffic::Generated(homework),
            Some("flash") => Traffic::Generated(flash),
            Some(other) => bail!("--trace gen:{other} is not known; use gen:weekend gen:homework gen:flash"),
            None => Traffic::Recorded(recorded(Path::new(&args.trace))?),
        };
        for (flag, value) in [
            ("service-rate", args.service_rate),
            ("creates-per-second", Some(args.creates_per_second)),
            ("downstream", args.downstream),
        ] {
            let Some(value) = value else { continue };
            ensure!(value > 0.0 && value.is_finite(), "--{flag} {value} is not above 0");
        }
        let delay = args.report_delay;
        ensure!(
            args.learn_weeks == 0 || matches!(traffic, Traffic::Generated(_)),
            "--learn-weeks needs generated traffic; a recorded trace of several weeks teaches by itself"
        );
        ensure!(delay >= 0.0 && delay.is_finite(), "--report-delay {delay} is not a time in seconds");
        let (policy, slots) = rules::read(args.policy.as_deref(), args.job.as_deref())?.unzip();
        Ok(Self {
            name: args.trace.clone(),
            traffic,
            policy,
            start: args.start.as_deref().map(instant).transpose()?,
            partitions: args.partitions.unwrap_or(u32::MAX),
            service_rate: args.service_rate,
            slots: args.slots.and_then(NonZeroU32::new).or(slots.flatten()),
            start_seconds: range("start-seconds", &args.start_seconds)?,
            creates_per_second: args.creates_per_second,
            downstream: args.downstream,
            report_delay: args.report_delay,
            blackout: args.blackout.as_deref().map(|text| range("blackout", text)).transpose()?,
            learn_weeks: args.learn_weeks,
            wait: args.wait_seconds,
            max_replicas: args.max_replicas,
        })
    }

    /// What a person should know of it besides the report.
    pub(super) fn warning(&self) -> Option<String> {
        let guessed = matches!(self.traffic, Traffic::Recorded(_)) && self.service_rate.is_none();
        guessed.then(|| {
            let rate = guess(self.slots.unwrap_or(Policy::default().slots));
            format!("--service-rate is missing: a guess is that a worker does {rate} records a second")
        })
    }

    /// The traffic of a seed, and what is tried on it. Flags win over files, files over what
    /// generated traffic is known from.
    pub(super) fn case(&self, seed: u64) -> anyhow::Result<Case> {
        let (trace, known) = match &self.traffic {
            Traffic::Generated(generate) => {
                let scenario = generate(seed);
                (scenario.trace.clone(), Some(scenario))
            }
            Traffic::Recorded(recorded) => (recorded.trace.clone(), None),
        };
        let known = known.as_ref();
        let slots = self.slots.or(known.map(|known| known.slots)).unwrap_or(Policy::default().slots);
        let mut policy = self.policy.clone().unwrap_or_else(|| Policy {
            wait: known.map_or(Policy::default().wait, |known| seconds(known.wait)),
            max_replicas: known.map_or(Policy::default().max_replicas, |known| known.max_replicas),
            ..Policy::default()
        });
        policy.slots = slots;
        policy.wait = self.wait.map_or(policy.wait, seconds);
        policy.max_replicas = self.max_replicas.unwrap_or(policy.max_replicas);
        policy.min_replicas = policy.min_replicas.min(policy.max_replicas);
        let per_worker = self.service_rate.or(known.map(|known| known.per_worker)).unwrap_or_else(|| guess(slots));
        let world = World {
            start: self.start_of(known, &policy)?,
            slots,
            per_worker,
            start_up: self.start_seconds,
            creates_per_second: self.creates_per_second,
            downstream: self.downstream,
            report_delay: self.report_delay,
            blackout: self.blackout,
            wait: policy.wait.as_secs_f64(),
            max_replicas: policy.max_replicas,
        };
        let memory = self.learned(seed, world.start, &policy);
        Ok(Case { trace, world, policy, memory })
    }

    /// What other weeks of the same kind teach, the last of which ends where the simulated one begins.
    fn learned(&self, seed: u64, start: Timestamp, policy: &Policy) -> Memory {
        let Traffic::Generated(generate) = self.traffic else { return Memory::default() };
        (1..=self.learn_weeks).rev().fold(Memory::default(), |memory, weeks_before| {
            let before = start - SignedDuration::from_hours(7 * 24 * i64::from(weeks_before));
            let other = generate(OTHERS * (seed + 1) + u64::from(weeks_before));
            taught(memory, policy, &other.trace, before)
        })
    }

    fn start_of(&self, known: Option<&Scenario>, policy: &Policy) -> anyhow::Result<Timestamp> {
        if let Some(start) = self.start {
            return Ok(start);
        }
        match (&self.traffic, known) {
            (_, Some(known)) => Ok(known.start.parse()?),
            (Traffic::Recorded(Recorded { unix_start: Some(unix), .. }), _) => {
                Ok(Timestamp::from_second(*unix as i64)?)
            }
            _ if policy.profiles.is_empty() => Ok(Timestamp::UNIX_EPOCH),
            _ => bail!("--start is missing: the policy has profiles, so the wall-clock of second 0 matters"),
        }
    }
}

/// What a worker does as long as nobody says: 8 slots of 200 ms are 40 records a second.
fn guess(slots: NonZeroU32) -> f64 {
    f64::from(slots.get()) / PRIOR_SERVICE.as_secs_f64()
}

fn seconds(n: u32) -> Duration {
    Duration::from_secs(u64::from(n))
}

fn recorded(path: &Path) -> anyhow::Result<Recorded> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    trace::read(&text).with_context(|| path.display().to_string())
}

fn instant(text: &str) -> anyhow::Result<Timestamp> {
    text.parse()
        .map_err(|_| anyhow!("--start {text:?} is not a time with a zone; write it like 2026-11-20T18:00:00+08:00"))
}

/// `3,10`: two numbers of seconds that rise.
fn range(flag: &str, text: &str) -> anyhow::Result<(f64, f64)> {
    let numbers =
        text.split_once(',').and_then(|(from, to)| Some((from.trim().parse().ok()?, to.trim().parse().ok()?)));
    let (from, to): (f64, f64) = numbers.with_context(|| format!("--{flag} {text:?} is not like 3,10"))?;
    ensure!(from >= 0.0 && to >= from && to.is_finite(), "--{flag} {text:?}: the second must not be below the first");
    Ok((from, to))
}
