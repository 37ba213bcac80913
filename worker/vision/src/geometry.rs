//! Points, quadrilaterals, and the map between two views of a flat thing.

mod consensus;
mod homography;

pub(crate) use consensus::consensus;
pub use homography::Homography;

/// A place in a picture: pixels from its left and upper edge, so that the first pixel's centre is at
/// 0.5, 0.5.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

impl Point {
    /// Pixels between two places.
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The same place in a picture `factor` times as large.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self { x: self.x * factor, y: self.y * factor }
    }
}

/// Four corners: of the thing's upper left, upper right, lower right, lower left.
pub type Quad = [Point; 4];

/// The corners of a picture.
pub fn frame(width: f64, height: f64) -> Quad {
    [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)].map(|(x, y)| Point { x, y })
}

/// Area in square pixels; negative if the corners run anticlockwise, which is how a mirror image does.
pub fn area(quad: &Quad) -> f64 {
    let doubled: f64 = (0..4).map(|i| (quad[i], quad[(i + 1) % 4])).map(|(a, b)| a.x * b.y - b.x * a.y).sum();
    doubled / 2.0
}

/// Whether each corner turns the same way, clockwise: what a camera makes of a rectangle.
pub fn is_convex(quad: &Quad) -> bool {
    (0..4).all(|i| {
        let [a, b, c] = [quad[i], quad[(i + 1) % 4], quad[(i + 2) % 4]];
        (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x) > 0.0
    })
}

/// Mean length of the four sides, pixels.
pub fn mean_side(quad: &Quad) -> f64 {
    (0..4).map(|i| quad[i].distance(quad[(i + 1) % 4])).sum::<f64>() / 4.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let square = frame(10.0, 10.0);
        assert!((area(&square) - 100.0).abs() < 1e-9 && is_convex(&square));
        let [a, b, c, d] = square;
        assert!(area(&[b, a, d, c]) < 0.0 && !is_convex(&[b, a, d, c]), "mirrored");
        assert!(!is_convex(&[a, c, b, d]), "crossed");
        assert!(!is_convex(&[a, b, Point { x: 2.0, y: 2.0 }, d]), "dented");
    }
}
