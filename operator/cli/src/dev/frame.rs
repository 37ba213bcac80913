//! What a person sees of a running job: pure rendering of one moment, as a screen or as a line.

use std::collections::BTreeMap;

/// One moment of a job.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    /// Name of the job.
    pub(crate) job: String,
    /// `Ready`, or the reason why not.
    pub(crate) state: String,
    /// Bootstrap servers.
    pub(crate) kafka: String,
    /// Topics and their partitions, `photos (3 partitions)`.
    pub(crate) topics: String,
    /// Active profiles, `weekend until 08:00 (floor 4)`.
    pub(crate) profile: Option<String>,
    /// Records that wait; `+` is shown behind it when some partitions are not known.
    pub(crate) waiting: u64,
    /// Not all partitions are known.
    pub(crate) partial: bool,
    /// Age of the oldest waiting record, seconds.
    pub(crate) oldest_seconds: f64,
    /// Promised wait, seconds.
    pub(crate) wait_seconds: f64,
    /// Records in per second, oldest first, the newest last.
    pub(crate) records_in: Vec<f64>,
    /// Outcomes per second.
    pub(crate) records_out: Vec<f64>,
    /// Workers that are ready.
    pub(crate) workers_ready: u32,
    /// Workers that should run.
    pub(crate) workers_wanted: u32,
    /// The decision's sentence.
    pub(crate) why: String,
    /// Slots at work.
    pub(crate) slots_busy: u32,
    /// Slots in all.
    pub(crate) slots: u32,
    /// Lease to done, milliseconds: median and 95th percentile.
    pub(crate) service_ms: Option<(f64, f64)>,
    /// Mean milliseconds of fetch, decode, steps, publish.
    pub(crate) phases_ms: [f64; 4],
    /// Results read back.
    pub(crate) results: u64,
    /// Per verdict.
    pub(crate) verdicts: BTreeMap<String, u64>,
    /// Per reason.
    pub(crate) dead_letters: BTreeMap<String, u64>,
    /// Outcomes that repeat an earlier one.
    pub(crate) duplicates: u64,
    /// Skipped events, as the dispatchers count them.
    pub(crate) skipped: u64,
    /// What is wrong, one sentence each.
    pub(crate) problems: Vec<String>,
}

impl Frame {
    /// The screen: a few lines without line ends, none longer than `width` characters.
    pub(crate) fn screen(&self, width: usize) -> Vec<String> {
        let profile = self.profile.as_ref().map_or(String::new(), |profile| format!("   profile {profile}"));
        let dot = if self.state == "Ready" { '●' } else { '○' };
        let mut lines = vec![
            format!("{}   {dot} {}   kafka {}   {}{profile}", self.job, self.state, self.kafka, self.topics),
            format!(
                "  waiting   {}{}   oldest {:.1} s of {} s      in {} {}   out {} {}",
                thousands(self.waiting),
                if self.partial { "+" } else { "" },
                self.oldest_seconds,
                self.wait_seconds,
                rate(&self.records_in),
                sparkline(&self.records_in),
                rate(&self.records_out),
                sparkline(&self.records_out),
            ),
            format!("  workers   {} / {} wanted   why: {}", self.workers_ready, self.workers_wanted, self.why),
            format!("  slots     {} busy of {}{}", self.slots_busy, self.slots, self.times()),
            format!("  results   {}", self.outcomes()),
        ];
        lines.extend(self.problems.iter().map(|problem| format!("  problem   {problem}")));
        lines.iter().map(|line| cut(line, width)).collect()
    }

    /// The same in one line, for logs and pipes.
    pub(crate) fn line(&self) -> String {
        let mut line = format!(
            "waiting {}{} oldest {:.1}s in {} out {} workers {}/{} slots {}/{} results {}",
            self.waiting,
            if self.partial { "+" } else { "" },
            self.oldest_seconds,
            rate(&self.records_in),
            rate(&self.records_out),
            self.workers_ready,
            self.workers_wanted,
            self.slots_busy,
            self.slots,
            self.results,
        );
        let dead: u64 = self.dead_letters.values().sum();
        if dead > 0 {
            line.push_str(&format!(" dead-lettered {dead}"));
        }
        if self.duplicates > 0 {
            line.push_str(&format!(" duplicates {}", self.duplicates));
        }
        line.push_str(&format!(" | {}", self.why));
        for problem in &self.problems {
            line.push_str(&format!(" | {problem}"));
        }
        line
    }

    fn times(&self) -> String {
        let Some((p50, p95)) = self.service_ms else { return String::new() };
        let [fetch, decode, steps, publish] = self.phases_ms;
        format!(
            "      photo p50 {p50:.0} ms p95 {p95:.0} ms   mean fetch {fetch:.1} decode {decode:.1} steps {steps:.1} publish {publish:.1}"
        )
    }

    fn outcomes(&self) -> String {
        let mut text = format!("{} ok", thousands(self.results));
        if !self.verdicts.is_empty() {
            text.push_str(&format!(" ({})", counts(&self.verdicts)));
        }
        let dead: u64 = self.dead_letters.values().sum();
        text.push_str(&format!("   {dead} dead-lettered"));
        if dead > 0 {
            text.push_str(&format!(" ({})", counts(&self.dead_letters)));
        }
        if self.skipped > 0 {
            text.push_str(&format!("   {} skipped", self.skipped));
        }
        text.push_str(&format!("   duplicates {}", self.duplicates));
        text
    }
}

fn counts(all: &BTreeMap<String, u64>) -> String {
    let mut all: Vec<_> = all.iter().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    all.iter().map(|(word, count)| format!("{word} {}", thousands(**count))).collect::<Vec<_>>().join(", ")
}

fn rate(history: &[f64]) -> String {
    format!("{:.0}/s", history.last().copied().unwrap_or(0.0))
}

/// `1204` as `1,204`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One block per value, scaled to the largest.
fn sparkline(history: &[f64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let top = history.iter().copied().fold(0.0, f64::max);
    let level = |value: f64| if top > 0.0 { ((value / top) * 7.0).round() as usize } else { 0 };
    history.iter().map(|value| BLOCKS[level(*value).min(7)]).collect()
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> Frame {
        Frame {
            job: "poster-check".into(),
            state: "Ready".into(),
            kafka: "127.0.0.1:9092".into(),
            topics: "poster-photos (3 partitions)".into(),
            profile: Some("weekend until 08:00 (floor 4)".into()),
            waiting: 1_204,
            oldest_seconds: 3.1,
            wait_seconds: 5.0,
            records_in: vec![0.0, 206.0, 412.0],
            records_out: vec![0.0, 455.0],
            workers_ready: 14,
            workers_wanted: 16,
            why: "16 for 1,204 waiting".into(),
            slots_busy: 112,
            slots: 112,
            service_ms: Some((231.0, 402.0)),
            phases_ms: [38.0, 21.0, 160.0, 12.0],
            results: 8_412,
            verdicts: BTreeMap::from([("quality: Good".into(), 8_000), ("quality: Blurred".into(), 412)]),
            dead_letters: BTreeMap::from([("TruncatedImage".into(), 2)]),
            ..Frame::default()
        }
    }

    #[test]
    fn a_busy_screen() {
        let expected = "\
poster-check   ● Ready   kafka 127.0.0.1:9092   poster-photos (3 partitions)   profile weekend until 08:00 (floor 4)
  waiting   1,204   oldest 3.1 s of 5 s      in 412/s ▁▅█   out 455/s ▁█
  workers   14 / 16 wanted   why: 16 for 1,204 waiting
  slots     112 busy of 112      photo p50 231 ms p95 402 ms   mean fetch 38.0 decode 21.0 steps 160.0 publish 12.0
  results   8,412 ok (quality: Good 8,000, quality: Blurred 412)   2 dead-lettered (TruncatedImage 2)   duplicates 0";
        assert_eq!(busy().screen(200).join("\n"), expected);
    }

    #[test]
    fn a_line_for_logs_says_what_is_wrong_too() {
        let frame = Frame { problems: vec!["BrokerUnreachable: no broker answers".into()], partial: true, ..busy() };
        assert_eq!(
            frame.line(),
            "waiting 1204+ oldest 3.1s in 412/s out 455/s workers 14/16 slots 112/112 results 8412 dead-lettered 2 \
             | 16 for 1,204 waiting | BrokerUnreachable: no broker answers"
        );
    }

    #[test]
    fn lines_fit_the_terminal() {
        assert!(busy().screen(40).iter().all(|line| line.chars().count() <= 40));
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }
}
