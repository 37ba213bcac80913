//! The report: what an operator needs to decide, and a person to understand.

use std::time::Duration;

use imagejob_protocol::reasons::ProblemReason;
use imagejob_protocol::wire;

use super::Desk;
use crate::dispatcher::arrivals::Bins;
use crate::dispatcher::latency::Sample;
use crate::dispatcher::moment::Moment;
use crate::dispatcher::pen::PenSummary;
use crate::dispatcher::tally::Tally;

/// Everything that is reported at one moment. Arrivals differ from stream to stream, so they come
/// apart from the message.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The report, without arrivals.
    pub report: wire::Report,
    /// Records per second.
    pub arrivals: Bins,
    /// Everything counted.
    pub tally: Tally,
}

impl Desk {
    /// Whether something changed since the last [`snapshot`](Self::snapshot).
    pub const fn has_news(&self) -> bool {
        self.changed
    }

    /// The state now.
    pub fn snapshot(&mut self, now: Moment) -> Snapshot {
        self.changed = false;
        self.sequence += 1;
        let partitions = self.partition_reports(now);
        self.note_full_windows();
        self.note_blocked_records();
        let recent = self.recent.summary(now.uptime);
        let report = wire::Report {
            dispatcher_id: self.id.clone(),
            sequence: self.sequence,
            observed_ms: now.unix_ms,
            topics: self.topic_reports(),
            partitions,
            workers: self.worker_reports(),
            work: Some(self.tally.report(recent)),
            arrivals: None,
            problems: self.problems.list(now.uptime),
        };
        Snapshot { report, arrivals: self.arrivals(now), tally: self.tally.clone() }
    }

    /// Records in all partitions that wait for nothing but credit: what workers are told.
    pub fn lendable(&self, now: Moment) -> u64 {
        let pen = self.pen.summary(now.uptime);
        let of_pen = |partition| pen.get(partition).copied().unwrap_or_default();
        self.partitions.iter().map(|(partition, held)| held.lendable(of_pen(partition))).sum()
    }

    pub(super) fn observe(&mut self, now: Duration, sample: Sample) {
        self.recent.push(now, sample);
        self.samples.push(sample);
    }

    fn partition_reports(&self, now: Moment) -> Vec<wire::PartitionReport> {
        let pen = self.pen.summary(now.uptime);
        let mut reports = Vec::with_capacity(self.partitions.len());
        for (partition, held) in &self.partitions {
            let PenSummary { in_backoff, longest_due, due, .. } = pen.get(partition).copied().unwrap_or_default();
            let waiting = held.waiting(in_backoff);
            let read_before_ms = longest_due.as_millis() as u64;
            reports.push(wire::PartitionReport {
                topic: self.topics.name(*partition).to_owned(),
                partition: partition.number,
                end_offset: held.end,
                base: held.window.base(),
                waiting,
                // What was read before and is due is lent all the same.
                stuck: if held.full { waiting.saturating_sub(due) } else { 0 },
                in_flight: held.on_loan,
                retrying: in_backoff,
                oldest_wait_ms: held.oldest_unread_ms(now.unix_ms).max(read_before_ms),
            });
        }
        reports
    }

    /// Of the partitions held now: what moves to another dispatcher is counted there.
    fn arrivals(&self, now: Moment) -> Bins {
        let mut all = Bins::default();
        all.reach(now.unix_ms);
        for held in self.partitions.values() {
            all.add_all(&held.arrivals);
        }
        all
    }

    fn topic_reports(&self) -> Vec<wire::TopicReport> {
        let counts = self.topics.names().zip(&self.partition_counts);
        counts.map(|(topic, &partitions)| wire::TopicReport { topic: topic.to_owned(), partitions }).collect()
    }

    fn worker_reports(&self) -> Vec<wire::WorkerReport> {
        let connected = self.workers.iter().filter(|(_, worker)| worker.session.is_some());
        connected
            .map(|(_, worker)| wire::WorkerReport {
                worker_id: worker.id.clone(),
                slots: worker.slots,
                busy: worker.busy,
            })
            .collect()
    }

    fn note_blocked_records(&mut self) {
        let Some((first, cause)) = self.blocked.first_key_value() else {
            self.problems.clear(ProblemReason::RecordsBlocked);
            return;
        };
        let message = format!(
            "records that have used up their attempts and are tried on and on, as retry.onExhausted: Block says: {}; \
             the first is {}[{}] offset {}: {}, {}",
            self.blocked.len(),
            self.topics.name(first.partition),
            first.partition.number,
            first.offset,
            cause.reason,
            cause.message,
        );
        self.problems.set(ProblemReason::RecordsBlocked, message);
    }

    fn note_full_windows(&mut self) {
        let full = self.partitions.iter().find(|(_, held)| held.full);
        let Some((partition, held)) = full else {
            self.problems.clear(ProblemReason::WindowFull);
            return;
        };
        let message = format!(
            "{}[{}]: {} records beyond offset {} are finished and it is not; nothing new is read \
             there until it is. Give slow items a timeout",
            self.topics.name(*partition),
            partition.number,
            held.window.finished_beyond(),
            held.window.base(),
        );
        self.problems.set(ProblemReason::WindowFull, message);
    }
}
