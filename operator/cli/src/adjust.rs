//! `imagejob adjust` and `imagejob override`: changes that people make for a day, ready for a cluster or
//! for a repository. No cluster is reached.

use std::path::PathBuf;
use std::slice::from_ref;

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use imagejob_api::{Adjustment, Override};
use serde::Serialize;
use serde_json::{Value, json};

use crate::dev::job::documents;
use crate::rules;

/// Let a profile prepare for more or less on some dates
///
/// Prints what to run or to commit; nothing is changed.
#[derive(Args)]
pub(crate) struct AdjustArgs {
    /// The profile
    #[arg(value_name = "PROFILE")]
    profile: String,
    /// Per cent of its floor, rate or volume, as in 150%
    #[arg(value_name = "PERCENT", value_parser = percent)]
    percent: u32,
    /// Dates, as in 2026-11-28 or 2026-10-01/2026-10-07, separated by commas
    #[arg(long, required = true, value_delimiter = ',', value_name = "DATE,...")]
    on: Vec<String>,
    /// YAML file with the ScalePolicy
    #[arg(long, value_name = "POLICY.YAML")]
    policy: PathBuf,
    /// Why, for people
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Output::Kubectl)]
    output: Output,
}

/// Fix the worker count of a job for a while
///
/// Prints what to run or to commit; nothing is changed. Job and policy bound the count; when the time
/// is over it does nothing any more.
#[derive(Args)]
pub(crate) struct OverrideArgs {
    /// Workers
    #[arg(value_name = "REPLICAS")]
    replicas: u32,
    /// When it ends, RFC 3339 with a zone
    #[arg(long, value_name = "TIME")]
    until: String,
    /// YAML file with the ImageJob
    #[arg(long, value_name = "JOB.YAML")]
    job: PathBuf,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Output::Kubectl)]
    output: Output,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A kubectl command that makes the change
    Kubectl,
    /// The whole object with the change, to be committed or piped into `kubectl apply -f -`
    Yaml,
}

fn percent(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    number.parse().map_err(|_| "write it like 150%".to_owned())
}

/// `imagejob adjust`.
pub(crate) fn adjust(args: &AdjustArgs) -> anyhow::Result<()> {
    let documents = documents(from_ref(&args.policy))?;
    let mut policy = rules::only_policy(&documents)?.clone();
    let adjustment = Adjustment {
        dates: args.on.clone(),
        profile: args.profile.clone(),
        percent: args.percent,
        note: args.note.clone(),
    };
    // A list that is not there cannot be added to.
    let patch = if policy.spec.adjustments.is_empty() {
        json!([{"op": "add", "path": "/spec/adjustments", "value": [&adjustment]}])
    } else {
        json!([{"op": "add", "path": "/spec/adjustments/-", "value": &adjustment}])
    };
    policy.spec.adjustments.push(adjustment);
    rules::check(&policy)?;
    let name = policy.metadata.name.clone().unwrap_or_default();
    print(args.output, &policy, &format!("scalepolicy {name} --type=json"), &patch)
}

/// `imagejob override`.
pub(crate) fn fix(args: &OverrideArgs) -> anyhow::Result<()> {
    let documents = documents(from_ref(&args.job))?;
    let mut job = documents.job(None).map_err(|error| anyhow!(error))?.object.clone();
    let fixed = Override { replicas: args.replicas, until: args.until.clone() };
    let patch = json!({"spec": {"scaling": {"override": &fixed}}});
    job.spec.scaling.fixed = Some(fixed);
    rules::check_override(&job)?;
    let name = job.metadata.name.clone().unwrap_or_default();
    let namespace = job.metadata.namespace.as_ref().map_or_else(String::new, |namespace| format!(" -n {namespace}"));
    print(args.output, &job, &format!("imagejob {name}{namespace} --type=merge"), &patch)
}

fn print(output: Output, object: &impl Serialize, target: &str, patch: &Value) -> anyhow::Result<()> {
    match output {
        Output::Kubectl => println!("{}", command(target, patch)),
        Output::Yaml => print!("{}", serde_saphyr::to_string(object).context("the object is not YAML")?),
    }
    Ok(())
}

/// A command for a shell: what is in single quotes is nothing to it but a quote itself.
fn command(target: &str, patch: &Value) -> String {
    format!("kubectl patch {target} -p '{}'", patch.to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_patch_survives_the_shell() {
        let text = command("scalepolicy posters --type=json", &json!([{"note": "it's a \"sale\" $(date)"}]));
        assert_eq!(
            text,
            r#"kubectl patch scalepolicy posters --type=json -p '[{"note":"it'\''s a \"sale\" $(date)"}]'"#
        );
    }

    #[test]
    fn percents_have_a_sign_or_none() {
        assert_eq!((percent("150%"), percent("80")), (Ok(150), Ok(80)));
        assert_eq!(percent("1.5"), Err("write it like 150%".to_owned()));
    }
}
