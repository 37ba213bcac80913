//! How long records waited, weighed by record and exact: within a step arrivals and starts are
//! straight lines, so waits are too, and their distribution is a sum of rectangles.

/// The waits of all records of a run, seconds.
#[derive(Debug, Clone, Default)]
pub struct Waits {
    /// Records that started as soon as they arrived.
    at_once: f64,
    stretches: Vec<Stretch>,
}

/// Records whose waits lie evenly between two lengths.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    least: f64,
    most: f64,
    records: f64,
}

impl Waits {
    /// Adds records whose waits run evenly from one length to another.
    pub(super) fn add(&mut self, first: f64, last: f64, records: f64) {
        let (least, most) = (first.min(last).max(0.0), first.max(last).max(0.0));
        if records <= 0.0 {
        } else if most <= 0.0 {
            self.at_once += records;
        } else {
            self.stretches.push(Stretch { least, most, records });
        }
    }

    /// All records.
    pub fn records(&self) -> f64 {
        self.at_once + self.stretches.iter().map(|stretch| stretch.records).sum::<f64>()
    }

    /// The longest wait.
    pub fn longest(&self) -> f64 {
        self.stretches.iter().map(|stretch| stretch.most).fold(0.0, f64::max)
    }

    /// The share of records that waited longer than `limit`; 0 of none.
    pub fn share_above(&self, limit: f64) -> f64 {
        let above: f64 = self.stretches.iter().map(|stretch| stretch.above(limit)).sum();
        above / self.records().max(f64::MIN_POSITIVE)
    }

    /// For each share, ascending: the length within which that share of the records started.
    pub fn quantiles<const N: usize>(&self, shares: [f64; N]) -> [f64; N] {
        // What the density of waits changes by, at which length; and records of one length.
        let mut edges: Vec<(f64, f64, f64)> = Vec::with_capacity(2 * self.stretches.len());
        for stretch in &self.stretches {
            let width = stretch.most - stretch.least;
            if width < 1e-9 {
                edges.push((stretch.least, 0.0, stretch.records));
            } else {
                edges.push((stretch.least, stretch.records / width, 0.0));
                edges.push((stretch.most, -stretch.records / width, 0.0));
            }
        }
        edges.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let total = self.records();
        let (mut done, mut density, mut at) = (self.at_once, 0.0f64, 0.0);
        let mut edges = edges.into_iter().peekable();
        shares.map(|share| {
            let wanted = share * total;
            while let Some(&(next, change, records)) = edges.peek() {
                let there = done + density.max(0.0) * (next - at) + records;
                if done >= wanted || there >= wanted {
                    break;
                }
                (done, density, at) = (there, density + change, next);
                edges.next();
            }
            let within = if density > 1e-12 { (wanted - done).max(0.0) / density } else { 0.0 };
            let next = edges.peek().map_or(at, |edge| edge.0);
            if done >= wanted { at } else { (at + within).clamp(at, next.max(at)) }
        })
    }
}

impl Stretch {
    fn above(self, limit: f64) -> f64 {
        let width = self.most - self.least;
        let share = if width > 0.0 { (self.most - limit) / width } else { f64::from(u8::from(self.most > limit)) };
        self.records * share.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_rectangles_are_exact() {
        let mut waits = Waits::default();
        waits.add(0.0, 0.0, 50.0);
        waits.add(0.0, 10.0, 30.0);
        waits.add(5.0, 5.0, 10.0);
        waits.add(30.0, 20.0, 10.0);
        // 50 at once, 15 up to 5 s, 10 at 5 s, 15 up to 10 s, 10 from 20 to 30 s.
        let [half, p60, p70, p85, p95, all] = waits.quantiles([0.5, 0.6, 0.7, 0.85, 0.95, 1.0]);
        assert!(half.abs() < 1e-9 && (p60 - 10.0 / 3.0).abs() < 1e-9, "{half} {p60}");
        assert!((p70 - 5.0).abs() < 1e-9 && (p85 - 25.0 / 3.0).abs() < 1e-9, "{p70} {p85}");
        assert!((p95 - 25.0).abs() < 1e-9 && (all - 30.0).abs() < 1e-9, "{p95} {all}");
        assert!((waits.share_above(7.5) - (7.5 + 10.0) / 100.0).abs() < 1e-12);
        assert!((waits.longest() - 30.0).abs() < 1e-12 && (waits.records() - 100.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_waits_nowhere() {
        let waits = Waits::default();
        assert!(waits.quantiles([0.5, 0.99]).iter().all(|wait| wait.abs() < 1e-12));
        assert!(waits.share_above(0.0).abs() < 1e-12);
    }
}
