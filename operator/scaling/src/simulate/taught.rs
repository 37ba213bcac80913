//! What weeks of traffic teach, before the one that is simulated.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::traffic::Trace;
use crate::demand::PLANNED_SHARE;
use crate::{Arrivals, Backlog, Lag, Memory, Observation, Policy, Workers};

/// A look so often, seconds: each slot of the season is seen whole.
const LOOK: i64 = 100;
/// Arrivals are remembered for so long, seconds.
const REMEMBERED: usize = 600;

/// `memory`, with what the operator would have learned about the week from `trace`, of which second 0 was at
/// `start`.
pub fn taught(memory: Memory, policy: &Policy, trace: &Trace, start: Timestamp) -> Memory {
    let seconds = whole_seconds(trace);
    let wait = policy.wait.mul_f64(PLANNED_SHARE);
    let looks = (0..=seconds.len() as i64 + LOOK).step_by(LOOK as usize);
    looks.fold(memory, |memory, second| {
        let seen = look(&seconds, start, second);
        memory.record(&seen, &policy.learning, wait)
    })
}

/// Records of each second.
fn whole_seconds(trace: &Trace) -> Vec<u32> {
    let mut seconds = vec![0; trace.seconds().ceil() as usize];
    for (bin, records) in trace.records.iter().enumerate() {
        if let Some(second) = seconds.get_mut((bin as f64 * trace.bin) as usize) {
            *second += records;
        }
    }
    seconds
}

/// What is seen so many seconds after the start: what came lately, and nothing that waits.
fn look(seconds: &[u32], start: Timestamp, second: i64) -> Observation {
    let until = start + SignedDuration::from_secs(second);
    let last = usize::try_from(second).unwrap_or_default().min(seconds.len());
    let first = last.saturating_sub(REMEMBERED);
    let mut records: VecDeque<u32> = seconds[first..last].iter().copied().collect();
    // After the end nothing comes.
    records.resize(usize::try_from(second).unwrap_or_default() - first, 0);
    Observation {
        now: until,
        backlog: Backlog::Known(Lag::default()),
        workers: Workers::default(),
        service: None,
        start_up: None,
        others: crate::Others::default(),
        arrivals: Arrivals {
            start: start + SignedDuration::from_secs(first as i64),
            bin: Duration::from_secs(1),
            records,
            until,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::simulate::traffic::weekend;

    #[test]
    fn a_weekend_fills_its_slots_of_one_week() {
        let scenario = weekend(3);
        let memory = taught(Memory::default(), &Policy::default(), &scenario.trace, scenario.start.parse().unwrap());
        let season = memory.season().unwrap();
        // Friday 10:00 to Monday 00:00 are one week in UTC, the first hours of Monday another's.
        assert_eq!(season.weeks_known(), 1);
    }
}
