//! From the outcome of a round, the dispatchers' reports and the books to a [`Frame`].

use std::collections::VecDeque;

use imagejob_api::ConditionType;
use imagejob_operator::reconcile::Step;
use imagejob_operator::record::seen_lag;
use imagejob_operator::{Outcome, Reading};
use imagejob_protocol::wire::Timings;
use jiff::Timestamp;

use super::audit::Audit;
use super::books::Books;
use super::frame::Frame;

/// Rates shown at once, one a second.
const HISTORY: usize = 12;

/// What does not change during a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Banner {
    /// Name of the job.
    pub(crate) job: String,
    /// Bootstrap servers.
    pub(crate) kafka: String,
    /// Source topics.
    pub(crate) topics: Vec<String>,
    /// Partitions of all of them.
    pub(crate) partitions: usize,
    /// Promised wait, unless a profile tightens it.
    pub(crate) wait_seconds: f64,
}

/// Counts over time.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    last: Option<(Timestamp, i64, u64)>,
    records_in: VecDeque<f64>,
    records_out: VecDeque<f64>,
}

impl Rates {
    /// Takes a sample if a second has passed: end offsets and outcomes so far.
    pub(crate) fn sample(&mut self, now: Timestamp, ends: i64, outcomes: u64) {
        let Some((then, ends_then, outcomes_then)) = self.last else {
            self.last = Some((now, ends, outcomes));
            return;
        };
        let seconds = now.duration_since(then).as_secs_f64();
        if seconds < 1.0 {
            return;
        }
        // A report that is missing for a moment must not count as records that went away.
        let came = (ends - ends_then).max(0) as f64;
        for (history, count) in
            [(&mut self.records_in, came), (&mut self.records_out, outcomes.saturating_sub(outcomes_then) as f64)]
        {
            history.push_back(count / seconds);
            if history.len() > HISTORY {
                history.pop_front();
            }
        }
        self.last = Some((now, ends.max(ends_then), outcomes));
    }
}

/// One moment.
pub(crate) fn frame(
    banner: &Banner,
    outcome: &Outcome,
    readings: &[Reading],
    books: &Books,
    rates: &mut Rates,
) -> Frame {
    let ends = readings.iter().flat_map(|reading| &reading.report.partitions).map(|partition| partition.end_offset);
    let outcomes = books.read(|audit| audit.results() + audit.dead_letters().values().sum::<u64>());
    rates.sample(outcome.at, ends.sum(), outcomes);
    let frame = Frame {
        job: banner.job.clone(),
        state: state(outcome),
        kafka: banner.kafka.clone(),
        topics: format!("{} ({} partitions)", banner.topics.join(", "), banner.partitions),
        records_in: rates.records_in.iter().copied().collect(),
        records_out: rates.records_out.iter().copied().collect(),
        ..Frame::default()
    };
    let frame = books.read(|audit| with_outcomes(frame, audit));
    let frame = with_work(frame, readings);
    match &outcome.step {
        Step::Invalid(problems) => Frame { problems: problems.iter().map(ToString::to_string).collect(), ..frame },
        Step::Decided(decided) => {
            let (lag, partial) = seen_lag(&decided.sight.observation.backlog);
            let tightened = decided.decision.active.iter().filter_map(|profile| profile.wait);
            let wait = tightened.map(|wait| wait.as_secs_f64()).fold(banner.wait_seconds, f64::min);
            let mut problems: Vec<String> = decided
                .sight
                .problems
                .iter()
                .map(|problem| format!("{}: {}", problem.reason, problem.message))
                .collect();
            problems.extend(decided.applied.as_ref().err().map(ToString::to_string));
            Frame {
                profile: profile(outcome),
                waiting: lag.waiting.saturating_add(lag.stuck),
                partial,
                oldest_seconds: lag.oldest_wait.as_secs_f64(),
                wait_seconds: wait,
                workers_ready: decided.sight.observation.workers.ready,
                workers_wanted: decided.decision.replicas,
                why: decided.decision.to_string(),
                problems,
                ..frame
            }
        }
    }
}

/// `Ready`, or the reason why not.
fn state(outcome: &Outcome) -> String {
    match outcome.status.condition(ConditionType::Ready) {
        Some(_) if outcome.status.holds(ConditionType::Ready) => "Ready".to_owned(),
        Some(ready) => ready.reason.clone(),
        None => "Starting".to_owned(),
    }
}

/// `peak until 08:00:00 (floor 4)`, all that are active.
fn profile(outcome: &Outcome) -> Option<String> {
    let active = outcome.status.schedule.active.iter().map(|profile| {
        let until = profile.until.map_or(String::new(), |until| format!(" until {}", until.strftime("%H:%M:%S UTC")));
        let floor = profile.floor.map_or(String::new(), |floor| format!(" (floor {floor})"));
        format!("{}{until}{floor}", profile.name)
    });
    let active: Vec<String> = active.collect();
    (!active.is_empty()).then(|| active.join(", "))
}

fn with_outcomes(frame: Frame, audit: &Audit) -> Frame {
    Frame {
        results: audit.results(),
        verdicts: audit.verdicts().clone(),
        dead_letters: audit.dead_letters().clone(),
        duplicates: audit.duplicates(),
        ..frame
    }
}

fn with_work(mut frame: Frame, readings: &[Reading]) -> Frame {
    let reports = || readings.iter().map(|reading| &reading.report);
    // A worker has one set of slots, and leases from each dispatcher.
    let mut slots = std::collections::BTreeMap::new();
    for worker in reports().flat_map(|report| &report.workers) {
        slots.insert(&worker.worker_id, worker.slots);
        frame.slots_busy += worker.busy;
    }
    frame.slots = slots.values().sum();
    // Reports of two dispatchers are not of the same instant: a slot that moved counts in both.
    frame.slots_busy = frame.slots_busy.min(frame.slots);
    frame.skipped = reports().filter_map(|report| report.work.as_ref()).map(|work| work.skipped).sum();
    let recent = reports().filter_map(|report| report.work.as_ref()?.recent.as_ref());
    if let Some(recent) = recent.filter(|recent| recent.samples > 0).max_by_key(|recent| recent.samples) {
        let millis = |micros: u32| f64::from(micros) / 1e3;
        frame.service_ms = Some((millis(recent.p50), millis(recent.p95)));
        let Timings { fetch, decode, steps, publish, .. } = recent.mean.unwrap_or_default();
        frame.phases_ms = [fetch, decode, steps, publish].map(millis);
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second_and_survive_a_missing_report() {
        let at = |millis: i64| Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap_or_default();
        let mut rates = Rates::default();
        for (millis, ends, outcomes) in
            [(0, 100, 0), (500, 900, 10), (2_000, 1_100, 30), (3_000, 0, 40), (4_000, 1_200, 40)]
        {
            rates.sample(at(millis), ends, outcomes);
        }
        assert_eq!(rates.records_in, [500.0, 0.0, 100.0]);
        assert_eq!(rates.records_out, [15.0, 10.0, 0.0]);
    }
}
