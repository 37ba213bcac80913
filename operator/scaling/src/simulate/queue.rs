//! Records that wait, in order of arrival, as lengths of straight line: so many arrived evenly
//! between two instants.

use std::collections::VecDeque;

use super::waits::Waits;

/// The records that wait.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Chunk>,
    records: f64,
}

/// Records that arrived evenly between two instants, seconds.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    from: f64,
    to: f64,
    records: f64,
}

impl Queue {
    /// Records that wait.
    pub(super) fn records(&self) -> f64 {
        self.records
    }

    /// How long the oldest has waited at `now`.
    pub(super) fn oldest(&self, now: f64) -> f64 {
        self.waiting.front().map_or(0.0, |chunk| now - chunk.from)
    }

    /// From `from` to `to`, `arrivals` come evenly while up to `capacity` are started evenly.
    /// Answers how many were started; their waits go to `waits`.
    pub(super) fn pass(&mut self, from: f64, to: f64, arrivals: f64, capacity: f64, waits: &mut Waits) -> f64 {
        let length = to - from;
        // The instant at which the nth record of this step is started, if it is there.
        let started_at = |nth: f64| from + length * nth / capacity;
        let mut started = 0.0;
        while started < capacity {
            let Some(chunk) = self.waiting.front_mut() else { break };
            let part = chunk.records.min(capacity - started);
            let until = chunk.from + (chunk.to - chunk.from) * part / chunk.records;
            waits.add(started_at(started) - chunk.from, started_at(started + part) - until, part);
            started += part;
            if part < chunk.records {
                *chunk = Chunk { from: until, to: chunk.to, records: chunk.records - part };
            } else {
                self.waiting.pop_front();
            }
        }
        let fresh = arrivals.min(capacity - started).max(0.0);
        if fresh > 0.0 {
            let arrived_at = |nth: f64| from + length * nth / arrivals;
            // Those that come after the queue is empty start as they come: the lines of arrivals
            // and of starts cross once.
            let late = if capacity > arrivals { started * arrivals / (capacity - arrivals) } else { fresh };
            let late = late.min(fresh);
            waits.add(started_at(started) - from, started_at(started + late) - arrived_at(late), late);
            waits.add(0.0, 0.0, fresh - late);
            started += fresh;
        }
        if arrivals - fresh > 1e-9 {
            let since = from + length * fresh / arrivals;
            self.waiting.push_back(Chunk { from: since, to, records: arrivals - fresh });
        }
        self.records = (self.records + arrivals - started).max(0.0);
        if self.waiting.is_empty() {
            self.records = 0.0;
        }
        started
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_lie_between_the_lines_of_arrivals_and_starts() {
        let (mut queue, mut waits) = (Queue::default(), Waits::default());
        // 10 a second for 10 s while nobody works, then 20 a second.
        for second in 0..10 {
            queue.pass(f64::from(second), f64::from(second + 1), 10.0, 0.0, &mut waits);
        }
        assert!((queue.records() - 100.0).abs() < 1e-9 && (queue.oldest(10.0) - 10.0).abs() < 1e-9);
        for second in 10..20 {
            queue.pass(f64::from(second), f64::from(second + 1), 0.0, 20.0, &mut waits);
        }
        // The first waited 10 s, the last arrived at 10 s and started at 15 s.
        assert!(queue.records().abs() < 1e-9 && (waits.records() - 100.0).abs() < 1e-9);
        let [least, half, most] = waits.quantiles([1e-9, 0.5, 1.0]);
        assert!((least - 5.0).abs() < 1e-6 && (half - 7.5).abs() < 1e-6 && (most - 10.0).abs() < 1e-6);
    }

    #[test]
    fn once_the_queue_is_empty_records_start_as_they_come() {
        let (mut queue, mut waits) = (Queue::default(), Waits::default());
        queue.pass(0.0, 1.0, 10.0, 0.0, &mut waits);
        // 10 wait, 10 come within the second, 40 could start: those that come wait until the lines
        // cross, at 1/3 s.
        queue.pass(1.0, 2.0, 10.0, 40.0, &mut waits);
        assert!(queue.records().abs() < 1e-9 && (waits.records() - 20.0).abs() < 1e-9);
        let at_once = 1.0 - waits.share_above(1e-9);
        assert!((at_once - (10.0 - 10.0 / 3.0) / 20.0).abs() < 1e-6, "{at_once}");
    }

    #[test]
    fn what_is_not_started_keeps_its_age() {
        let (mut queue, mut waits) = (Queue::default(), Waits::default());
        queue.pass(0.0, 1.0, 10.0, 4.0, &mut waits);
        assert!((queue.records() - 6.0).abs() < 1e-9 && (queue.oldest(1.0) - 0.6).abs() < 1e-9);
    }
}
