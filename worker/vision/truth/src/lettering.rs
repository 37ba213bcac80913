//! Made-up writing: glyphs of a few strokes on a grid, about as dense as Chinese ones. No font, so no
//! licence, and no two seeds write the same.

use imagejob_vision::geometry::Point;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Half the thickness of a stroke, as a share of a glyph's side.
const HALF_STROKE: f64 = 0.055;

/// Strokes of one glyph, from and to, in shares of its side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Glyph(Vec<[Point; 2]>);

impl Glyph {
    /// One of 2^32 glyphs.
    pub(crate) fn of(seed: u32) -> Self {
        let mut rng = StdRng::seed_from_u64(u64::from(seed));
        let mut knot = || Point { x: f64::from(rng.random_range(0..4)), y: f64::from(rng.random_range(0..4)) };
        let mut strokes = Vec::new();
        while strokes.len() < 5 {
            let from = knot();
            let mut to = knot();
            // Most strokes are level or upright.
            if strokes.len() % 5 < 2 {
                to.y = from.y;
            } else if strokes.len() % 5 < 4 {
                to.x = from.x;
            }
            if from.distance(to) >= 1.0 {
                let place = |Point { x, y }: Point| Point { x: 0.12 + x * 0.76 / 3.0, y: 0.12 + y * 0.76 / 3.0 };
                strokes.push([place(from), place(to)]);
            }
        }
        Self(strokes)
    }

    /// How much ink there is at a place (shares of the side), 0 to 1; edges are `soft` wide.
    pub(crate) fn ink(&self, at: Point, soft: f64) -> f32 {
        let nearest = self.0.iter().map(|stroke| distance_to(*stroke, at)).fold(f64::INFINITY, f64::min);
        ((HALF_STROKE - nearest) / soft + 0.5).clamp(0.0, 1.0) as f32
    }
}

/// Between a place and a stretch.
pub(crate) fn distance_to([from, to]: [Point; 2], at: Point) -> f64 {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let squared = dx * dx + dy * dy;
    let along = if squared > 0.0 { ((at.x - from.x) * dx + (at.y - from.y) * dy) / squared } else { 0.0 };
    let along = along.clamp(0.0, 1.0);
    at.distance(Point { x: from.x + along * dx, y: from.y + along * dy })
}
