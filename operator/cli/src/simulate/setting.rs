//! What a simulation starts from: traffic, a world, a policy, from files and flags.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use imagejob_api::document::Documents;
use imagejob_api::validate;
use imagejob_scaling::simulate::traffic::{Scenario, flash, homework, weekend};
use imagejob_scaling::simulate::{Trace, World};
use imagejob_scaling::{PRIOR_SERVICE, Policy};
use jiff::Timestamp;

use super::SimulateArgs;
use super::trace::{self, Recorded};

/// A job that says nothing but which policy holds.
const BARE_JOB: &str = "
apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {name: simulated}
spec:
  source: {kafka: {bootstrapServers: 'kafka:9092', topics: [photos]}}
  storage: {type: FileSystem, path: /data, buckets: [photos]}
  steps: [{name: quality, quality: {}}]
  results: {topic: results}
";

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
    wait: Option<u32>,
    max_replicas: Option<u32>,
}

/// One seed's traffic, world and policy.
pub(super) struct Case {
    pub(super) trace: Trace,
    pub(super) world: World,
    pub(super) policy: Policy,
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
        if matches!(traffic, Traffic::Recorded(_)) && args.service_rate.is_none() {
            let guess = f64::from(args.slots.unwrap_or(8)) / PRIOR_SERVICE.as_secs_f64();
            bail!(
                "--service-rate is missing: how many records a second one worker does; for a first try, slots over \
                 seconds a record, as in --service-rate {guess}"
            );
        }
        for (flag, value) in
            [("service-rate", args.service_rate), ("creates-per-second", Some(args.creates_per_second))]
        {
            let Some(value) = value else { continue };
            ensure!(value > 0.0 && value.is_finite(), "--{flag} {value} is not above 0");
        }
        let (policy, slots) = policy(args.policy.as_deref(), args.job.as_deref())?;
        Ok(Self {
            name: args.trace.clone(),
            traffic,
            policy,
            start: args.start.as_deref().map(instant).transpose()?,
            partitions: args.partitions.unwrap_or(u32::MAX),
            service_rate: args.service_rate,
            slots: args.slots.and_then(NonZeroU32::new).or(slots),
            start_seconds: range(&args.start_seconds)?,
            creates_per_second: args.creates_per_second,
            wait: args.wait_seconds,
            max_replicas: args.max_replicas,
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
        let per_worker =
            self.service_rate.or(known.map(|known| known.per_worker)).context("--service-rate is missing")?;
        let world = World {
            start: self.start_of(known, &policy)?,
            slots,
            per_worker,
            start_up: self.start_seconds,
            creates_per_second: self.creates_per_second,
            report_delay: 0.3,
            blackout: None,
            wait: policy.wait.as_secs_f64(),
            max_replicas: policy.max_replicas,
        };
        Ok(Case { trace, world, policy })
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

fn seconds(n: u32) -> Duration {
    Duration::from_secs(u64::from(n))
}

fn recorded(path: &Path) -> anyhow::Result<Recorded> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    trace::read(&text).with_context(|| path.display().to_string())
}

/// The policy of a file, or of a job and the policy that it refers to; with a job its slots too.
fn policy(policy: Option<&Path>, job: Option<&Path>) -> anyhow::Result<(Option<Policy>, Option<NonZeroU32>)> {
    if policy.is_none() && job.is_none() {
        return Ok((None, None));
    }
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        anyhow::Ok((path.display().to_string(), text))
    };
    let bare = || ("the simulated job".to_owned(), BARE_JOB.to_owned());
    let mut texts = vec![job.map_or_else(|| Ok(bare()), read)?];
    texts.extend(policy.map(read).transpose()?);
    let documents = Documents::read(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())))
        .map_err(|errors| anyhow!(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
    let wanted = documents.job(None).map_err(|error| anyhow!(error))?.object.clone();
    let named = wanted.spec.scaling.policy_ref.as_ref().map(|reference| reference.name.clone());
    let chosen = match (&named, documents.policies.as_slice()) {
        (Some(name), _) => documents.policy(name),
        (None, []) => None,
        (None, [only]) => Some(only),
        (None, _) => bail!("several ScalePolicies; keep the one to be simulated"),
    };
    ensure!(
        policy.is_none() || chosen.is_some(),
        "no document of --policy is a ScalePolicy{}",
        of_name(named.as_ref())
    );
    let valid = validate(&wanted, chosen.map(|policy| &policy.object), Timestamp::UNIX_EPOCH).map_err(|problems| {
        anyhow!(problems.iter().map(|problem| documents.locate(problem).to_string()).collect::<Vec<_>>().join("\n"))
    })?;
    Ok((Some(valid.scaling), job.is_some().then_some(valid.slots)))
}

fn of_name(name: Option<&String>) -> String {
    name.map_or_else(String::new, |name| format!(" named {name:?}, to which the job refers"))
}

fn instant(text: &str) -> anyhow::Result<Timestamp> {
    text.parse()
        .map_err(|_| anyhow!("--start {text:?} is not a time with a zone; write it like 2026-11-20T18:00:00+08:00"))
}

fn range(text: &str) -> anyhow::Result<(f64, f64)> {
    let numbers =
        text.split_once(',').and_then(|(from, to)| Some((from.trim().parse().ok()?, to.trim().parse().ok()?)));
    let (from, to): (f64, f64) = numbers.with_context(|| format!("--start-seconds {text:?} is not like 3,10"))?;
    ensure!(
        from >= 0.0 && to >= from && to.is_finite(),
        "--start-seconds {text:?}: the second must not be below the first"
    );
    Ok((from, to))
}
