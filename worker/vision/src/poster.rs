//! Does a photo show a certain poster, and not its sibling that differs in a date or a price?
//!
//! Features find the poster and nearly always tell it from others. They cannot tell siblings apart: most
//! of two siblings is the same. So the poster is cut out of the photo, straightened, and compared with
//! the reference tile by tile; regions of tiles that differ decide.

mod colours;
mod cut;
mod gallery;
mod grid;
mod light;
mod obstacle;
mod outline;
mod regions;
mod state;
mod verdict;

use crate::decode::{Photo, Wanted};
use crate::geometry::Quad;
use crate::registration::{Known, TooPlain, View};

pub use gallery::{Candidate, Gallery};
pub use verdict::{Cause, Verdict};

/// What is looked at of a poster, and of a photo that may show one: its longer side keeps so many pixels.
pub const fn wanted(longer: u32) -> Wanted {
    Wanted { longer, shorter: 0, colour: false, tint: true }
}

/// A poster, made ready to be found in any number of photos.
#[derive(Debug, Clone)]
pub struct Reference(Known);

impl Reference {
    /// From a picture of the poster alone, seen from straight ahead.
    ///
    /// # Errors
    /// Too few features to tell it from another.
    pub fn prepare(poster: &Photo) -> Result<Self, TooPlain> {
        Known::prepare(&poster.luma, poster.tint.as_ref()).map(Self)
    }

    /// The same in 0.2 MB instead of 0.7 MB, where many are kept and few of them compared with a photo: a comparison
    /// takes a millisecond or two longer.
    ///
    /// # Errors
    /// Too few features to tell it from another.
    pub fn prepare_lean(poster: &Photo) -> Result<Self, TooPlain> {
        Known::prepare(&poster.luma, poster.tint.as_ref()).map(|known| Self(known.lean()))
    }
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Whether the photo shows the poster.
    pub verdict: Verdict,
    /// Why it is no plain match; the most telling first.
    pub causes: Vec<Cause>,
    /// From 0 (another poster) to 1 (the same in every part): the share of the poster that can be seen to be the same,
    /// times the correlation where it is lowest. The verdict is about what can be seen: a poster of which somebody
    /// hides a tenth scores a tenth less.
    pub score: f64,
    /// Where the poster, or its sibling, is in the upright photo: pixels of the whole photo.
    pub corners: Option<Quad>,
    /// Features that agree on where the poster is.
    pub agreeing: usize,
}

/// Looks for the poster. The same view, reference and seed always give the same comparison.
pub fn compare(view: &View, Reference(known): &Reference, seed: u64) -> Comparison {
    match known.find(view, seed) {
        Some(found) => verdict::of(view, &found),
        None => verdict::not_found(view),
    }
}
