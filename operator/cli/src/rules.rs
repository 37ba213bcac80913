//! How many workers a job wants, read from the files of a policy and a job.

use std::num::NonZeroU32;
use std::path::Path;

use anyhow::{anyhow, bail};
use imagejob_api::document::Documents;
use imagejob_api::{ImageJob, Problem, ScalePolicy, validate};
use imagejob_scaling::Policy;
use jiff::Timestamp;

use crate::dev::job::documents;

/// A job that says nothing but which policy holds.
const BARE_JOB: &str = "
apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {name: any}
spec:
  source: {kafka: {bootstrapServers: 'kafka:9092', topics: [photos]}}
  storage: {type: FileSystem, path: /data, buckets: [photos]}
  steps: [{name: quality, quality: {}}]
  results: {topic: results}
";

/// What a policy says, or a job and the policy that it refers to; with a job its slots too. None
/// where neither is given.
pub(crate) fn read(policy: Option<&Path>, job: Option<&Path>) -> anyhow::Result<Option<(Policy, Option<NonZeroU32>)>> {
    let files: Vec<_> = [job, policy].into_iter().flatten().map(Path::to_owned).collect();
    if files.is_empty() {
        return Ok(None);
    }
    let documents = documents(&files)?;
    let wanted =
        if job.is_some() { documents.job(None).map_err(|error| anyhow!(error))?.object.clone() } else { bare_job()? };
    let named = wanted.spec.scaling.policy_ref.as_ref().map(|reference| reference.name.as_str());
    let chosen = match named {
        Some(name) => documents.policy(name).map(|policy| &policy.object),
        None if policy.is_some() => Some(only_policy(&documents)?),
        None => None,
    };
    if let (Some(name), None, Some(_)) = (named, chosen, policy) {
        bail!("no document of --policy is a ScalePolicy named {name:?}, to which the job refers");
    }
    let valid = validate(&wanted, chosen, Timestamp::UNIX_EPOCH).map_err(|problems| told(&problems, &documents))?;
    Ok(Some((valid.scaling, job.is_some().then_some(valid.slots))))
}

/// The one policy of some documents.
pub(crate) fn only_policy(documents: &Documents) -> anyhow::Result<&ScalePolicy> {
    match documents.policies.as_slice() {
        [only] => Ok(&only.object),
        [] => bail!("no document is a ScalePolicy; add one"),
        _ => bail!("several ScalePolicies; keep the one that is meant"),
    }
}

/// What is wrong with a policy by itself.
pub(crate) fn check(policy: &ScalePolicy) -> anyhow::Result<()> {
    validate(&bare_job()?, Some(policy), Timestamp::UNIX_EPOCH)
        .map(|_| ())
        .map_err(|problems| told(&problems, &Documents::default()))
}

/// What is wrong with the override of a job whose policy is not at hand: whatever else may depend on
/// the policy.
pub(crate) fn check_override(job: &ImageJob) -> anyhow::Result<()> {
    let problems = validate(job, None, Timestamp::UNIX_EPOCH).err().unwrap_or_default();
    let (of_override, _): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|problem| problem.path.starts_with("spec.scaling.override"));
    if of_override.is_empty() { Ok(()) } else { Err(told(&of_override, &Documents::default())) }
}

fn bare_job() -> anyhow::Result<ImageJob> {
    let documents = Documents::read([("any job", BARE_JOB)]).map_err(|errors| anyhow!("{errors:?}"))?;
    Ok(documents.job(None).map_err(|error| anyhow!(error))?.object.clone())
}

/// A line per problem.
fn told(problems: &[Problem], documents: &Documents) -> anyhow::Error {
    anyhow!(problems.iter().map(|problem| documents.locate(problem).to_string()).collect::<Vec<_>>().join("\n"))
}
