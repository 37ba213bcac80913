//! Where a known flat thing, a poster or a page, is in a photo: to the fraction of a pixel.
//!
//! ```text
//! known thing, once ─► features, template ─╮
//! photo ─► features ───────────────────────┴► pairs ─► map ─► aligned tile by tile
//! ```

mod agreement;
mod alignment;
mod moments;
mod search;
mod template;
mod tiles;

use thiserror::Error;

use crate::decode::Photo;
use crate::features::{Features, Pairing, pairings};
use crate::geometry::{Homography, Point, Quad, area, consensus, frame, is_convex};
use crate::quality::{self, Fault, Quality};
use crate::{Luma, Tint};
pub(crate) use moments::Tile;
#[cfg(test)]
pub(crate) use moments::Tints;
use template::Template;
pub(crate) use tiles::{SAME, Strip, Tiles};

/// The longer side, in pixels, that a decoder should leave at least.
pub const WANTED_SIDE: u32 = 800;

/// The longer side at which a photo is looked at, pixels, at most.
const PHOTO_SIDE: u32 = 1_000;

/// The same for a known thing: it rarely fills more of a photo.
const KNOWN_SIDE: u32 = 640;

/// Features of a photo; a poster that covers a quarter of it still has some 300.
const PHOTO_FEATURES: usize = 1_200;

/// A photo with fewer is too dark or too blurred to show anything.
const MIN_PHOTO_FEATURES: usize = 250;

/// Features of a known thing.
const KNOWN_FEATURES: usize = 600;

/// A thing with fewer features cannot be told from others.
const MIN_FEATURES: usize = 60;

/// A thing that covers less of the photo than this share cannot be compared.
const MIN_COVERAGE: f64 = 0.02;

/// A photo, made ready to be compared with any number of known things.
#[derive(Debug, Clone)]
pub struct View {
    pub(crate) luma: Luma,
    /// Colours, at about half the size, if the photo has any.
    tint: Option<Tint>,
    /// Pixels of the whole photo for one of `luma`.
    reduction: f64,
    features: Features,
    quality: Quality,
}

impl View {
    /// Finds the features of a photo.
    pub fn of(photo: &Photo) -> Self {
        let luma = photo.luma.shrunk_to(PHOTO_SIDE);
        let reduction = f64::from(photo.header.longer_side()) / f64::from(luma.width().max(luma.height()));
        let features = Features::detect(&luma, PHOTO_FEATURES);
        let quality = quality::assess(photo, &quality::Thresholds::default());
        let half = |tint: &Tint| tint.resized(luma.width().div_ceil(2), luma.height().div_ceil(2));
        let tint = photo.tint.as_ref().map(half);
        Self { luma, tint, reduction, features, quality }
    }

    pub(crate) fn features(&self) -> &Features {
        &self.features
    }

    /// What is wrong with a photo in which a known thing could be and not be found.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        let faulty = |fault| self.quality.faults.contains(&fault);
        if faulty(Fault::Dark) {
            Some(Trouble::Dark)
        } else if faulty(Fault::Blurred)
            || faulty(Fault::Featureless)
            || self.features.points.len() < MIN_PHOTO_FEATURES
        {
            Some(Trouble::Blurred)
        } else {
            None
        }
    }
}

/// Why nothing can be seen in a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Dark,
    Blurred,
}

/// A flat thing, made ready to be found in any number of photos.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Pixels of the picture that the features were found in.
    size: (f64, f64),
    features: Features,
    template: Template,
}

/// A picture that no photo can be compared with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the reference is too plain: {found} features, at least {MIN_FEATURES} are needed; use a picture with more detail"
)]
pub struct TooPlain {
    found: usize,
}

impl Known {
    /// From a picture of the thing alone, seen from straight ahead.
    pub(crate) fn prepare(picture: &Luma, tint: Option<&Tint>) -> Result<Self, TooPlain> {
        let luma = picture.shrunk_to(KNOWN_SIDE);
        let features = Features::detect(&luma, KNOWN_FEATURES);
        let found = features.points.len();
        if found < MIN_FEATURES {
            return Err(TooPlain { found });
        }
        let size = (f64::from(luma.width()), f64::from(luma.height()));
        Ok(Self { size, features, template: Template::of(&luma, tint) })
    }

    /// The same, less what can be made again for each comparison.
    pub(crate) fn lean(self) -> Self {
        Self { template: self.template.lean(), ..self }
    }

    pub(crate) fn features(&self) -> &Features {
        &self.features
    }

    /// How many of the pairings agree on where the thing is, roughly: dozens of times as fast as to look for it.
    pub(crate) fn agreeing(&self, view: &View, pairings: &[Pairing]) -> usize {
        agreement::largest(pairings, &self.features, self.size, &view.features)
    }

    /// Looks for the thing. The same view and seed always find the same.
    pub(crate) fn find(&self, view: &View, seed: u64) -> Option<Found> {
        let (map, agreeing) = self.locate(view, seed)?;
        let (map, tiles) = alignment::align(&view.luma, view.tint.as_ref(), &self.template, &map)?;
        let [Some(a), Some(b), Some(c), Some(d)] = frame(1.0, 1.0).map(|corner| map.apply(corner)) else { return None };
        let corners = [a, b, c, d].map(|place| place.scaled(view.reduction));
        Some(Found { map, corners, agreeing, tiles })
    }

    /// The map from the unit square to the view, by features, and how many agree on it.
    fn locate(&self, view: &View, seed: u64) -> Option<(Homography, usize)> {
        let pairs: Vec<(Point, Point)> = pairings(&self.features, &view.features)
            .iter()
            .map(|pairing| (self.features.points[pairing.left], view.features.points[pairing.right]))
            .collect();
        let (width, height) = self.size;
        let photo_area = f64::from(view.luma.width()) * f64::from(view.luma.height());
        let plausible = |map: &Homography| {
            let [Some(a), Some(b), Some(c), Some(d)] = frame(width, height).map(|corner| map.apply(corner)) else {
                return false;
            };
            let quad = [a, b, c, d];
            let share = area(&quad) / photo_area;
            is_convex(&quad) && (MIN_COVERAGE..4.0).contains(&share) && is_moderate(&quad)
        };
        let found = consensus(&pairs, seed, plausible)?;
        Some((found.map.after(&Homography::scale(width, height)), found.agreeing.len()))
    }
}

/// A known thing found in a photo.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// From the unit square to the view's pixels.
    pub(crate) map: Homography,
    /// In the upright photo, pixels of the whole photo.
    pub(crate) corners: Quad,
    /// Features that agree on where it is.
    pub(crate) agreeing: usize,
    /// Compared with the thing.
    pub(crate) tiles: Tiles,
}

/// Opposite sides differ by no more than a factor of three: a steeper view shows nothing.
fn is_moderate(quad: &Quad) -> bool {
    let side = |i: usize| quad[i].distance(quad[(i + 1) % 4]);
    let within = |a: f64, b: f64| a < 3.0 * b && b < 3.0 * a;
    within(side(0), side(2)) && within(side(1), side(3))
}
