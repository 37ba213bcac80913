//! `imagejob plan`: what the profiles of a policy will ask for over the days to come.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, ensure};
use clap::Args;
use imagejob_operator::{Clock as _, SystemClock};
use imagejob_scaling::wording::length;
use imagejob_scaling::{Footing, PRIOR_SERVICE, Policy, Span, preview};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::rules;

/// Show what the profiles of a policy will ask for over the days to come
///
/// Floors are those of the calendar: what arrives may trim them, and each is asked for a little
/// earlier, as workers take time to start. With --file, what a change of the policy would change.
#[derive(Args)]
pub(crate) struct PlanArgs {
    /// YAML file with a ScalePolicy
    #[arg(value_name = "POLICY.YAML")]
    policy: PathBuf,
    /// The policy as it is meant to be: lines that go begin with -, lines that come with +
    #[arg(long, value_name = "NEW.YAML")]
    file: Option<PathBuf>,
    /// YAML file with the ImageJob whose scaling is merged with the policy
    #[arg(long, value_name = "JOB.YAML")]
    job: Option<PathBuf>,
    /// Days to show
    #[arg(long, default_value_t = 7, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=366))]
    days: i64,
    /// First instant, RFC 3339 with a zone; now if omitted
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Records a second that one worker does: rates and volumes become floors by it
    #[arg(long, value_name = "RATE")]
    service_rate: Option<f64>,
}

/// `imagejob plan`.
pub(crate) fn run(args: &PlanArgs) -> anyhow::Result<()> {
    let read = |policy: &PathBuf| {
        let rules = rules::read(Some(policy), args.job.as_deref())?;
        anyhow::Ok(rules.map(|(policy, _)| policy).unwrap_or_default())
    };
    let policy = read(&args.policy)?;
    let changed = args.file.as_ref().map(read).transpose()?;
    let from = args.from.as_deref().map_or_else(|| Ok(SystemClock.now()), instant)?;
    let per_worker = args.service_rate.unwrap_or(f64::from(policy.slots.get()) / PRIOR_SERVICE.as_secs_f64());
    ensure!(per_worker > 0.0 && per_worker.is_finite(), "--service-rate {per_worker} is not above 0");
    let to = from + SignedDuration::from_hours(24 * args.days);
    let spans = |policy: &Policy| preview(policy, from, to, &Footing::expecting(per_worker, policy.slots));
    let guess = if args.service_rate.is_none() { ", a guess: say it with --service-rate" } else { "" };
    let text = format!(
        "Times in {}; a worker does {per_worker} records a second{guess}\n\n{}",
        name(&zone(&policy)),
        table(&spans(&policy), changed.as_ref().map(spans).as_deref(), &zone(&policy)),
    );
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

fn instant(text: &str) -> anyhow::Result<Timestamp> {
    text.parse()
        .map_err(|_| anyhow!("{text:?} is not a time with a zone; write it like 2026-11-20T18:00:00+08:00"))
        .context("--from")
}

/// The zone in which the first profile's times are written.
fn zone(policy: &Policy) -> TimeZone {
    policy.profiles.first().map_or(TimeZone::UTC, |profile| profile.schedule.zone.clone())
}

fn name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}

/// A line per span in which a profile is active, and what floors cost in all; with `changed`, what
/// goes and what comes.
fn table(spans: &[Span], changed: Option<&[Span]>, zone: &TimeZone) -> String {
    let mut lines: Vec<(char, &Span)> = Vec::new();
    let gone = |span: &Span| changed.is_some_and(|changed| !changed.contains(span));
    lines.extend(spans.iter().map(|span| (if gone(span) { '-' } else { ' ' }, span)));
    lines.extend(changed.into_iter().flatten().filter(|span| !spans.contains(span)).map(|span| ('+', span)));
    lines.retain(|(_, span)| !span.asked.profiles.is_empty());
    lines.sort_by_key(|(mark, span)| (span.from, *mark == '+'));
    let mut text = format!(
        "  {:<20} {:<20} {:<18} {:>7} {:>7} {:>6} {:>6} {:>12}  profiles\n",
        "from", "until", "from, UTC", "floor", "at most", "spare", "wait", "worker-hours"
    );
    for (mark, span) in lines {
        text += &line(mark, span, zone);
    }
    let hours = |spans: &[Span]| spans.iter().map(Span::worker_hours).sum::<f64>();
    let before = hours(spans);
    text += &match changed.map(hours) {
        Some(after) => format!("\nfloors: {before:.1} worker-hours, changed {after:.1} ({:+.1})\n", after - before),
        None => format!("\nfloors: {before:.1} worker-hours\n"),
    };
    text
}

fn line(mark: char, span: &Span, zone: &TimeZone) -> String {
    let local = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M").to_string();
    let asked = &span.asked;
    format!(
        "{mark} {:<20} {:<20} {:<18} {:>7} {:>7} {:>6} {:>6} {:>12.1}  {}\n",
        local(span.from),
        local(span.to),
        span.from.strftime("%Y-%m-%d %H:%MZ").to_string(),
        asked.floor,
        asked.most,
        asked.spare,
        length(asked.wait),
        span.worker_hours(),
        asked.profiles.join(" ")
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use imagejob_scaling::{Amount, Profile, Schedule};
    use jiff::civil::{Time, Weekday};

    use super::*;

    fn spans(floor: u32, until: i8) -> Vec<Span> {
        let schedule = Schedule {
            days: [Weekday::Saturday].into_iter().collect(),
            from: Time::constant(6, 0, 0, 0),
            to: Time::constant(until, 0, 0, 0),
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
        };
        let profile = Profile { amount: Some(Amount::Floor(floor)), ..Profile::new("weekend", schedule) };
        let policy = Policy { profiles: vec![profile], max_replicas: 40, ..Policy::default() };
        let from: Timestamp = "2026-11-20T18:00:00+08:00".parse().unwrap();
        preview(&policy, from, from + SignedDuration::from_hours(10 * 24), &Footing::default())
    }

    #[test]
    fn each_peak_is_a_line_with_its_price() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        assert_eq!(
            table(&spans(4, 8), None, &zone),
            "  from                 until                from, UTC            floor at most  spare   wait worker-hours  profiles
  Sat 2026-11-21 06:00 Sat 2026-11-21 08:00 2026-11-20 22:00Z        4      40      0   60 s          8.0  weekend
  Sat 2026-11-28 06:00 Sat 2026-11-28 08:00 2026-11-27 22:00Z        4      40      0   60 s          8.0  weekend

floors: 16.0 worker-hours
"
        );
    }

    #[test]
    fn a_change_is_what_goes_and_what_comes() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let text = table(&spans(4, 8), Some(&spans(6, 8)), &zone);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.iter().map(|line| line.chars().next().unwrap_or(' ')).collect::<String>(), " -+-+ f");
        assert_eq!(lines[6], "floors: 16.0 worker-hours, changed 24.0 (+8.0)");
        let same = table(&spans(4, 8), Some(&spans(4, 8)), &zone);
        assert!(same.lines().all(|line| !line.starts_with(['-', '+'])), "what stays has no mark:\n{same}");
    }
}
