//! What a run came to.

use super::traffic::Trace;
use super::waits::Waits;
use super::world::World;

/// A plot has about so many points.
const SAMPLES: usize = 2_000;

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Course {
    /// How long records waited.
    pub waits: Waits,
    /// Time from creation to removal of all workers, hours.
    pub pod_hours: f64,
    /// Most workers that were there or ordered at once.
    pub peak: u32,
    /// Workers that were created.
    pub starts: u64,
    /// The run in about two thousand points.
    pub samples: Vec<Sample>,
    /// Each change of the count, with its sentence where there is one.
    pub notes: Vec<Note>,
}

/// The run at an instant; of waiting records the most since the sample before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Seconds since the start.
    pub second: f64,
    /// Records that wait.
    pub waiting: f64,
    /// Workers that were asked for.
    pub wanted: u32,
    /// Workers that take leases.
    pub ready: u32,
    /// What profiles hold; none where there are none.
    pub floor: Option<u32>,
}

/// A change of the count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whole seconds since the start.
    pub second: u64,
    /// Why.
    pub sentence: String,
}

/// Collects a course while it runs.
pub(super) struct Recorder {
    pub(super) waits: Waits,
    pub(super) notes: Vec<Note>,
    samples: Vec<Sample>,
    /// Seconds between samples.
    every: f64,
    most_waiting: f64,
}

impl Recorder {
    pub(super) fn new(world: &World, trace: &Trace) -> Self {
        let length = trace.len() as f64 * trace.bin + world.wait;
        let every = (length / SAMPLES as f64).max(trace.bin);
        Self { waits: Waits::default(), notes: Vec::new(), samples: Vec::new(), every, most_waiting: 0.0 }
    }

    pub(super) fn sample(&mut self, second: f64, waiting: f64, wanted: u32, ready: u32, floor: Option<u32>) {
        self.most_waiting = self.most_waiting.max(waiting);
        if second >= self.samples.len() as f64 * self.every {
            self.samples.push(Sample { second, waiting: self.most_waiting, wanted, ready, floor });
            self.most_waiting = 0.0;
        }
    }

    pub(super) fn finish(self, worker_seconds: f64, peak: u32, starts: u64) -> Course {
        let Self { waits, notes, samples, .. } = self;
        Course { waits, pod_hours: worker_seconds / 3_600.0, peak, starts, samples, notes }
    }
}
