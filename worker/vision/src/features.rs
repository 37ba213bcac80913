//! Features: corners of a picture that are found again when it is photographed from elsewhere, each
//! with 256 bits that say what it looks like.
//!
//! ```text
//! luma ─► pyramid ─► smoothed ─► corners (each level) ─► direction ─► descriptor
//! ```
//!
//! The method is ORB's (Rublee and others, 2011): corners by the segment test over a pyramid of scales,
//! turned by their intensity centroid, described by comparisons of pairs of smoothed pixels.
//! Rotation up to any angle, a scale of 1/3 to 3 and a slant of about 45 degrees are borne.

mod corners;
mod descriptor;
mod direction;
mod index;
mod matching;
mod pyramid;

use crate::Luma;
use crate::geometry::Point;

pub(crate) use descriptor::Descriptor;
pub(crate) use index::Index;
pub(crate) use matching::{Pairing, pairings};

/// Farthest pixel from a corner that its direction or its descriptor looks at, and one more.
const MARGIN: usize = 16;

/// The features of one picture; entries with the same index belong together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Features {
    /// Where, in pixels of the picture, pixel centres at halves.
    pub(crate) points: Vec<Point>,
    /// How large, and which way up.
    pub(crate) poses: Vec<Pose>,
    /// What it looks like.
    pub(crate) descriptors: Vec<Descriptor>,
}

/// How a feature lies in its picture.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Pose {
    /// Pixels of the picture for one of the level that it was found on.
    pub(crate) scale: f32,
    /// Radians, 0 to the right and growing downwards.
    pub(crate) angle: f32,
}

impl Features {
    /// About `wanted` features, spread over the picture; fewer where it is plain.
    pub(crate) fn detect(luma: &Luma, wanted: usize) -> Self {
        let levels = pyramid::levels(luma);
        let area = |level: &Luma| f64::from(level.width()) * f64::from(level.height());
        let total: f64 = levels.iter().map(area).sum();
        let mut found = Self::default();
        for level in &levels {
            let share = (wanted as f64 * area(level) / total).ceil() as usize;
            let smooth = pyramid::smoothed(level);
            // Sizes are rounded to whole pixels, so the two axes differ a little in scale.
            let scale_x = f64::from(luma.width()) / f64::from(level.width());
            let scale_y = f64::from(luma.height()) / f64::from(level.height());
            for corner in corners::find(&smooth, share) {
                let at = usize::from(corner.y) * level.width() as usize + usize::from(corner.x);
                let angle = direction::of(&smooth, at);
                let point =
                    Point { x: (f64::from(corner.x) + 0.5) * scale_x, y: (f64::from(corner.y) + 0.5) * scale_y };
                found.points.push(point);
                found.poses.push(Pose { scale: scale_x as f32, angle });
                found.descriptors.push(descriptor::of(&smooth, at, angle));
            }
        }
        found
    }
}
