//! The map between two views of a flat thing: straight lines stay straight, and nothing else need.

use super::Point;

/// Nine numbers, row by row: (x, y, 1) goes to (u, v, w), which is the place (u/w, v/w).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Homography([f64; 9]);

impl Homography {
    /// The map that takes the first of each pair to the second, as nearly as may be: four pairs exactly,
    /// more with the least sum of weighted squares. `None` if they do not say: fewer than four, or too
    /// many on one line.
    pub fn fit(pairs: impl Iterator<Item = (Point, Point, f64)> + Clone) -> Option<Self> {
        // Around 0 and of length 1: sums of squares of pixel coordinates would lose digits.
        let from = Norm::of(pairs.clone().map(|(from, _, _)| from))?;
        let to = Norm::of(pairs.clone().map(|(_, to, _)| to))?;
        let mut system = [[0.0; 9]; 8];
        for (a, b, weight) in pairs {
            let (a, b) = (from.apply(a), to.apply(b));
            for row in [
                [a.x, a.y, 1.0, 0.0, 0.0, 0.0, -a.x * b.x, -a.y * b.x, b.x],
                [0.0, 0.0, 0.0, a.x, a.y, 1.0, -a.x * b.y, -a.y * b.y, b.y],
            ] {
                for (equation, factor) in system.iter_mut().zip(row) {
                    for (sum, value) in equation.iter_mut().zip(row) {
                        *sum += weight * factor * value;
                    }
                }
            }
        }
        let mut inner = Self([1.0; 9]);
        inner.0[..8].copy_from_slice(&solve(system)?);
        Some(to.inverse().after(&inner).after(&from.matrix()))
    }

    /// Where a place goes; `None` if it lies on the horizon or behind it.
    pub fn apply(&self, Point { x, y }: Point) -> Option<Point> {
        let m = &self.0;
        let w = m[6] * x + m[7] * y + m[8];
        (w > 1e-9).then(|| Point { x: (m[0] * x + m[1] * y + m[2]) / w, y: (m[3] * x + m[4] * y + m[5]) / w })
    }

    /// This map after another.
    #[must_use]
    pub fn after(&self, first: &Self) -> Self {
        let (a, b) = (&self.0, &first.0);
        let cell = |i: usize| (0..3).map(|k| a[i / 3 * 3 + k] * b[k * 3 + i % 3]).sum();
        Self(std::array::from_fn(cell))
    }

    /// To a picture `x` and `y` times as large as the one it came from.
    pub fn scale(x: f64, y: f64) -> Self {
        Self([x, 0.0, 0.0, 0.0, y, 0.0, 0.0, 0.0, 1.0])
    }

    /// To a picture whose places lie `x` and `y` further.
    pub fn shift(x: f64, y: f64) -> Self {
        Self([1.0, 0.0, x, 0.0, 1.0, y, 0.0, 0.0, 1.0])
    }

    /// The way back; `None` if everything went to one line.
    pub fn inverse(&self) -> Option<Self> {
        let m = &self.0;
        // The determinant of what is left without a row and a column, with the sign of its place.
        let cofactor = |row: usize, column: usize| {
            let cell = |down: usize, right: usize| m[(row + down) % 3 * 3 + (column + right) % 3];
            cell(1, 1) * cell(2, 2) - cell(1, 2) * cell(2, 1)
        };
        let determinant: f64 = (0..3).map(|column| m[column] * cofactor(0, column)).sum();
        if determinant.abs() < 1e-12 {
            return None;
        }
        let adjugate: [f64; 9] = std::array::from_fn(|i| cofactor(i % 3, i / 3));
        // Divided by the determinant, so that w stays positive for what was in view.
        Some(Self(adjugate.map(|cell| cell / determinant)))
    }

    /// The nine numbers, row by row.
    pub fn cells(&self) -> &[f64; 9] {
        &self.0
    }
}

/// Moves the centre of points to 0 and their mean distance from it to 1.
struct Norm {
    center: Point,
    factor: f64,
}

impl Norm {
    fn of(points: impl Iterator<Item = Point> + Clone) -> Option<Self> {
        let count = points.clone().count();
        if count < 4 {
            return None;
        }
        let (x, y) = points.clone().fold((0.0, 0.0), |(x, y), point| (x + point.x, y + point.y));
        let center = Point { x: x / count as f64, y: y / count as f64 };
        let spread = points.map(|point| point.distance(center)).sum::<f64>() / count as f64;
        (spread > 1e-9).then_some(Self { center, factor: 1.0 / spread })
    }

    fn apply(&self, Point { x, y }: Point) -> Point {
        Point { x: (x - self.center.x) * self.factor, y: (y - self.center.y) * self.factor }
    }

    fn matrix(&self) -> Homography {
        let Self { center, factor } = self;
        Homography([*factor, 0.0, -center.x * factor, 0.0, *factor, -center.y * factor, 0.0, 0.0, 1.0])
    }

    fn inverse(&self) -> Homography {
        let Self { center, factor } = self;
        Homography([1.0 / factor, 0.0, center.x, 0.0, 1.0 / factor, center.y, 0.0, 0.0, 1.0])
    }
}

/// Gauss's elimination with the largest pivot; the ninth column is the right-hand side.
fn solve(mut system: [[f64; 9]; 8]) -> Option<[f64; 8]> {
    for column in 0..8 {
        let pivot = (column..8).max_by(|&a, &b| system[a][column].abs().total_cmp(&system[b][column].abs()))?;
        system.swap(column, pivot);
        let top = system[column];
        if top[column].abs() < 1e-10 {
            return None;
        }
        for row in &mut system[column + 1..] {
            let factor = row[column] / top[column];
            for (cell, above) in row.iter_mut().zip(&top).skip(column) {
                *cell -= factor * above;
            }
        }
    }
    let mut solution = [0.0; 8];
    for row in (0..8).rev() {
        let known: f64 = (row + 1..8).map(|column| system[row][column] * solution[column]).sum();
        solution[row] = (system[row][8] - known) / system[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::geometry::frame;

    const VIEW: [(f64, f64); 4] = [(120.0, 80.0), (520.0, 130.0), (480.0, 610.0), (90.0, 540.0)];

    fn pairs() -> Vec<(Point, Point, f64)> {
        frame(300.0, 400.0).into_iter().zip(VIEW).map(|(from, (x, y))| (from, Point { x, y }, 1.0)).collect()
    }

    #[test]
    fn four_corners_make_a_map_there_and_back() {
        let there = Homography::fit(pairs().into_iter()).unwrap();
        let back = there.inverse().unwrap();
        for (from, to, _) in pairs() {
            assert!(there.apply(from).unwrap().distance(to) < 1e-6);
            assert!(back.apply(to).unwrap().distance(from) < 1e-6);
        }
        let middle = Point { x: 150.0, y: 200.0 };
        let around = back.after(&there);
        assert!(around.apply(middle).unwrap().distance(middle) < 1e-6);
    }

    #[test]
    fn many_points_average_their_errors_out_and_weights_count() {
        let exact = Homography::fit(pairs().into_iter()).unwrap();
        let grid = (0..100).map(|i| Point { x: f64::from(i % 10) * 30.0, y: f64::from(i / 10) * 40.0 });
        let noisy = grid.enumerate().map(|(i, from)| {
            let Point { x, y } = exact.apply(from).unwrap();
            let error = if i % 2 == 0 { 1.0 } else { -1.0 };
            // One is far off and counts nothing.
            if i == 55 { (from, Point { x: x + 500.0, y }, 0.0) } else { (from, Point { x: x + error, y }, 1.0) }
        });
        let found = Homography::fit(noisy).unwrap();
        let middle = Point { x: 150.0, y: 200.0 };
        assert!(found.apply(middle).unwrap().distance(exact.apply(middle).unwrap()) < 0.2);
    }

    #[test]
    fn a_line_is_not_enough() {
        let line = (0..8).map(|i| (Point { x: f64::from(i), y: 0.0 }, Point { x: f64::from(i), y: 1.0 }, 1.0));
        assert_eq!(Homography::fit(line), None);
        assert_eq!(Homography::fit(pairs().into_iter().take(3)), None);
    }

    #[test]
    fn nothing_behind_the_horizon_is_in_view() {
        let steep = Homography([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, -0.01, 1.0]);
        assert!(steep.apply(Point { x: 0.0, y: 99.0 }).is_some());
        assert_eq!(steep.apply(Point { x: 0.0, y: 101.0 }), None);
    }
}
