//! What somebody would do who knows all arrivals in advance.
//!
//! Between the curve of arrivals and the same curve one promise later, any rising line keeps the
//! promise. The shortest one, as of a string that is pulled taut, has the least changes of rate of
//! all, whatever a change costs. Parts of workers beyond the first count as parts, so no policy can
//! be cheaper while one worker is busy; below that, letting records gather for a while can.

use super::course::{Course, Recorder};
use super::queue::Queue;
use super::traffic::Trace;
use super::world::World;

/// The run of somebody who knows everything.
pub fn clairvoyant(world: &World, trace: &Trace) -> Course {
    let rates = rates(trace, world.wait);
    let mean_start = f64::midpoint(world.start_up.0, world.start_up.1);
    let mut recorder = Recorder::new(world, trace);
    let mut queue = Queue::default();
    let (mut before, mut starts, mut worker_seconds, mut peak) = (0.0f64, 0.0, 0.0, 0.0f64);
    for (i, rate) in rates.into_iter().enumerate() {
        let (from, to) = (i as f64 * trace.bin, (i + 1) as f64 * trace.bin);
        // A part of a worker cannot run alone.
        let workers = if rate > 0.0 { (rate / world.per_worker).max(1.0) } else { 0.0 };
        // A millionth of a record more, so that rounding leaves nobody behind.
        queue.pass(from, to, trace.arrivals(i), rate * trace.bin + 1e-6, &mut recorder.waits);
        starts += (workers - before).max(0.0);
        worker_seconds += workers * trace.bin;
        peak = peak.max(workers);
        before = workers;
        recorder.sample(to, queue.records(), workers.ceil() as u32, workers.ceil() as u32, None);
    }
    recorder.finish(worker_seconds + starts * mean_start, peak.ceil() as u32, starts.round() as u64)
}

/// Records a second for each bin, until the last record is due.
fn rates(trace: &Trace, wait: f64) -> Vec<f64> {
    let ahead = (wait / trace.bin).floor() as usize;
    let mut total = 0.0;
    let mut arrived = vec![0.0];
    for i in 0..trace.len() {
        total += trace.arrivals(i);
        arrived.push(total);
    }
    let last = arrived.len() - 1 + ahead;
    let at = |i: usize| arrived[i.min(arrived.len() - 1)];
    let upper = |i: usize| if i == last { total } else { at(i) };
    let lower = |i: usize| if i < ahead { 0.0 } else { at(i - ahead) };
    let mut string = Taut::from((0, 0.0));
    for i in 1..=last {
        string.below((i, upper(i)));
        string.above((i, lower(i)));
    }
    let knots = string.end();
    let pieces = knots.windows(2).flat_map(|pair| {
        let ((from, low), (to, high)) = (pair[0], pair[1]);
        std::iter::repeat_n((high - low) / ((to - from) as f64 * trace.bin), to - from)
    });
    pieces.collect()
}

type Point = (usize, f64);

/// A string through a corridor, pulled taut as the corridor is walked along.
struct Taut {
    knots: Vec<Point>,
    /// From the last knot under all upper bounds since, bending upwards; the last knot is its first.
    upper: std::collections::VecDeque<Point>,
    /// From the last knot over all lower bounds since, bending downwards.
    lower: std::collections::VecDeque<Point>,
}

fn slope(from: Point, to: Point) -> f64 {
    (to.1 - from.1) / (to.0 - from.0) as f64
}

impl Taut {
    fn from(start: Point) -> Self {
        Self { knots: vec![start], upper: [start].into(), lower: [start].into() }
    }

    /// The string must pass below `point`.
    fn below(&mut self, point: Point) {
        let bends_down = |a: Point, b: Point| slope(a, b) >= slope(b, point);
        Self::extend(&mut self.knots, &mut self.upper, &mut self.lower, point, bends_down, |new, old| new < old);
    }

    /// The string must pass above `point`.
    fn above(&mut self, point: Point) {
        let bends_up = |a: Point, b: Point| slope(a, b) <= slope(b, point);
        Self::extend(&mut self.knots, &mut self.lower, &mut self.upper, point, bends_up, |new, old| new > old);
    }

    /// Adds a point to one side. Where that side becomes straight and crosses the other one, the
    /// string lies on the other one up to its next corner, which becomes a knot.
    fn extend(
        knots: &mut Vec<Point>,
        side: &mut std::collections::VecDeque<Point>,
        other: &mut std::collections::VecDeque<Point>,
        point: Point,
        superfluous: impl Fn(Point, Point) -> bool,
        crosses: impl Fn(f64, f64) -> bool,
    ) {
        while side.len() >= 2 && superfluous(side[side.len() - 2], side[side.len() - 1]) {
            side.pop_back();
        }
        side.push_back(point);
        while side.len() == 2 && other.len() >= 2 && crosses(slope(side[0], point), slope(other[0], other[1])) {
            other.pop_front();
            knots.push(other[0]);
            side[0] = other[0];
            if side[0].0 == point.0 {
                side.pop_back();
            }
        }
    }

    /// All knots, the end of the corridor last, where it has no width.
    fn end(mut self) -> Vec<Point> {
        let rest = if self.upper.len() >= self.lower.len() { &self.upper } else { &self.lower };
        self.knots.extend(rest.iter().skip(1));
        self.knots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(records: &[u32]) -> Trace {
        Trace { bin: 1.0, records: records.to_vec() }
    }

    #[test]
    fn a_burst_is_spread_over_the_promise() {
        // 100 records in the first second, 9 s of promise: they start evenly over 10 s.
        let rates = rates(&trace(&[100, 0, 0]), 9.0);
        assert_eq!(rates.len(), 12);
        let (first, rest) = rates.split_at(10);
        assert!(first.iter().all(|rate| (rate - 10.0).abs() < 1e-9), "{rates:?}");
        assert!(rest.iter().all(|rate| rate.abs() < 1e-9), "{rates:?}");
    }

    #[test]
    fn the_string_stays_in_its_corridor_and_is_the_shortest() {
        for seed in 0..50 {
            let mut random = super::super::random::Random::new(seed, 0);
            let records: Vec<u32> = (0..60).map(|_| random.poisson(random.clone().between(0.0, 20.0))).collect();
            let trace = trace(&records);
            let rates = rates(&trace, 5.0);
            let (mut started, mut arrived) = (vec![0.0], vec![0.0]);
            for i in 0..rates.len() {
                started.push(started[i] + rates[i]);
                arrived.push(arrived[i] + trace.arrivals(i));
            }
            for i in 0..started.len() {
                let due = if i < 5 { 0.0 } else { arrived[i - 5] };
                assert!(started[i] <= arrived[i] + 1e-6 && started[i] >= due - 1e-6, "seed {seed}, second {i}");
                if i == 0 || i + 1 == started.len() || (rates[i - 1] - rates[i]).abs() < 1e-9 {
                    continue;
                }
                // A taut string bends only around something: up at what has not arrived yet, down
                // at what is due.
                let bound = if rates[i] > rates[i - 1] { arrived[i] } else { due };
                assert!((started[i] - bound).abs() < 1e-6, "seed {seed}, second {i}");
            }
        }
    }
}
