//! The reference as it would look in photos of different softness, all at one small size.

use fast_image_resize::FilterType;

use crate::Luma;

/// The longer side, pixels: a line of text of 3 % of a poster's height is 12 pixels high.
const SIDE: u32 = 400;

/// Softness of photos, as the reduction that looks like it: a Gaussian of about 0.4 pixels each.
const REDUCTIONS: [f64; 5] = [1.0, 1.6, 2.4, 3.6, 5.4];

/// The reference at one size, sharp and ever softer.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pub(super) width: u32,
    pub(super) height: u32,
    /// The sharpest first.
    pub(super) soft: Vec<Luma>,
}

impl Template {
    pub(super) fn of(poster: &Luma) -> Self {
        let sharp = poster.shrunk_to(SIDE);
        let (width, height) = (sharp.width(), sharp.height());
        let softened = |reduction: f64| {
            if reduction <= 1.0 {
                return sharp.clone();
            }
            let shrunk = |side: u32| ((f64::from(side) / reduction).round() as u32).max(1);
            // There and back through fewer pixels.
            let small = sharp.resized(shrunk(width), shrunk(height), FilterType::Gaussian);
            small.resized(width, height, FilterType::Gaussian)
        };
        Self { width, height, soft: REDUCTIONS.into_iter().map(softened).collect() }
    }
}
