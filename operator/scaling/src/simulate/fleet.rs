//! Workers that are ordered, start, and leave.

use super::random::Random;

/// The workers of a run.
#[derive(Debug, Clone)]
pub(super) struct Fleet {
    /// From creation until a worker takes leases: uniform in this range, seconds.
    start_up: (f64, f64),
    creates_per_second: f64,
    random: Random,
    /// When the cluster can create the next one.
    free_at: f64,
    /// Workers that take no leases yet.
    starting: Vec<Starting>,
    ready: u32,
    /// Workers that ever were created.
    pub(super) starts: u64,
    /// Their time from creation to removal, seconds.
    pub(super) worker_seconds: f64,
}

#[derive(Debug, Clone, Copy)]
struct Starting {
    created: f64,
    ready: f64,
}

impl Fleet {
    pub(super) fn new(start_up: (f64, f64), creates_per_second: f64, random: Random) -> Self {
        Self {
            start_up,
            creates_per_second,
            random,
            free_at: 0.0,
            starting: Vec::new(),
            ready: 0,
            starts: 0,
            worker_seconds: 0.0,
        }
    }

    /// Workers that take leases.
    pub(super) fn ready(&self) -> u32 {
        self.ready
    }

    /// Workers that are there or ordered.
    pub(super) fn applied(&self) -> u32 {
        self.ready + self.starting.len() as u32
    }

    /// Orders or dismisses workers until there are `wanted`. Those that started last leave first.
    pub(super) fn order(&mut self, now: f64, wanted: u32) {
        for _ in self.applied()..wanted {
            let created = now.max(self.free_at);
            self.free_at = created + 1.0 / self.creates_per_second;
            let ready = created + self.random.between(self.start_up.0, self.start_up.1);
            self.starting.push(Starting { created, ready });
        }
        let leaving = self.applied().saturating_sub(wanted);
        let unready = (self.starting.len() as u32).min(leaving);
        for worker in self.starting.drain(self.starting.len() - unready as usize..) {
            self.starts += u64::from(worker.created < now);
        }
        self.ready -= leaving - unready;
        if self.starting.is_empty() {
            self.free_at = now;
        }
    }

    /// As if `count` workers had run for ever.
    pub(super) fn standing(&mut self, count: u32) {
        self.ready = count;
    }

    /// Time passes from `from` to `to`.
    pub(super) fn pass(&mut self, from: f64, to: f64) {
        self.worker_seconds += f64::from(self.ready) * (to - from);
        if self.starting.is_empty() {
            return;
        }
        let waiting = self.starting.iter().map(|worker| (to - worker.created.max(from)).max(0.0));
        self.worker_seconds += waiting.sum::<f64>();
        let before = self.starting.len();
        self.starting.retain(|worker| worker.ready > to);
        let started = before - self.starting.len();
        self.ready += started as u32;
        self.starts += started as u64;
    }

    /// Nine of ten starts take no longer than this, seconds; none before there was one.
    pub(super) fn usual_start_up(&self) -> Option<f64> {
        (self.ready > 0).then_some(self.start_up.0 + 0.9 * (self.start_up.1 - self.start_up.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet() -> Fleet {
        Fleet::new((3.0, 3.0), 2.0, Random::new(1, 0))
    }

    #[test]
    fn creation_takes_turns_and_starting_takes_time() {
        let mut fleet = fleet();
        fleet.order(0.0, 4);
        let mut ready = Vec::new();
        for second in 0..6 {
            fleet.pass(f64::from(second), f64::from(second + 1));
            ready.push(fleet.ready());
        }
        // Created at 0, 0.5, 1 and 1.5 s, each ready 3 s later.
        assert_eq!((ready, fleet.applied(), fleet.starts), (vec![0, 0, 1, 3, 4, 4], 4, 4));
        // 6 + 5.5 + 5 + 4.5.
        assert!((fleet.worker_seconds - 21.0).abs() < 1e-9, "{}", fleet.worker_seconds);
    }

    #[test]
    fn those_that_started_last_leave_first_and_cost_only_what_they_ran() {
        let mut fleet = fleet();
        fleet.standing(2);
        fleet.order(0.0, 4);
        fleet.pass(0.0, 0.25);
        fleet.order(0.25, 1);
        assert_eq!((fleet.ready(), fleet.applied()), (1, 1));
        // The fourth was never created: 0.25 s of three workers.
        assert!((fleet.worker_seconds - 0.75).abs() < 1e-9);
        assert_eq!(fleet.starts, 1);
    }
}
