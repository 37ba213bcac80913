//! The reference as it would look in photos of different softness, all at one small size.

use std::borrow::Cow;

use fast_image_resize::FilterType;

use crate::{Luma, Tint};

/// The longer side, pixels: a line of text of 3 % of a poster's height is 12 pixels high.
const SIDE: u32 = 400;

/// Softness of photos, as the reduction that looks like it: a Gaussian of about 0.4 pixels each; the sharp one besides.
const REDUCTIONS: [f64; 4] = [1.6, 2.4, 3.6, 5.4];

/// The reference at one size.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Sharp and ever softer, as far as it is kept: the first at least.
    soft: Vec<Luma>,
    /// Colours at half the size.
    pub(super) tint: Option<Tint>,
}

impl Template {
    pub(super) fn of(poster: &Luma, tint: Option<&Tint>) -> Self {
        let sharp = poster.shrunk_to(SIDE);
        let (width, height) = (sharp.width(), sharp.height());
        let tint = tint.map(|tint| tint.resized(width.div_ceil(2), height.div_ceil(2)));
        Self { width, height, soft: ever_softer(sharp), tint }
    }

    /// Keeps the sharp one alone.
    pub(super) fn lean(mut self) -> Self {
        self.soft.truncate(1);
        self.soft.shrink_to_fit();
        self
    }

    /// The sharp one, and one for each of [`REDUCTIONS`].
    pub(super) fn soft(&self) -> Cow<'_, [Luma]> {
        match &self.soft[..] {
            [sharp] => ever_softer(sharp.clone()).into(),
            all => all.into(),
        }
    }
}

fn ever_softer(sharp: Luma) -> Vec<Luma> {
    let (width, height) = (sharp.width(), sharp.height());
    let softened = |reduction: f64| {
        let shrunk = |side: u32| ((f64::from(side) / reduction).round() as u32).max(1);
        // There and back through fewer pixels.
        let small = sharp.resized(shrunk(width), shrunk(height), FilterType::Gaussian);
        small.resized(width, height, FilterType::Gaussian)
    };
    let softer: Vec<Luma> = REDUCTIONS.into_iter().map(softened).collect();
    std::iter::once(sharp).chain(softer).collect()
}
