//! Which answer regions of a page have something written in them?
//!
//! The page is found by the features of its blank template, cut out of the photo and straightened. What
//! is dark and thin there and not printed in the template is ink. How dark a stroke must be follows from
//! the noise of this photo, measured where nobody writes.

mod ink;
mod page;
mod verdict;

use thiserror::Error;

use crate::Luma;
use crate::geometry::Quad;
use crate::registration::{Known, TooPlain, View};
use page::Page;

pub use verdict::{Cause, Mark, Verdict};

/// Where an answer belongs: a rectangle in pixels of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// From the left.
    pub x: u32,
    /// From above.
    pub y: u32,
    /// At least 1.
    pub width: u32,
    /// At least 1.
    pub height: u32,
}

/// A blank page and its answer regions, made ready to be found in any number of photos.
#[derive(Debug, Clone)]
pub struct Template {
    known: Known,
    page: Page,
}

/// A template that no photo can be compared with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// Too few features.
    #[error(transparent)]
    TooPlain(#[from] TooPlain),
    /// A region is not on the page.
    #[error("region {index} is not within the template's {width} x {height} pixels")]
    RegionOutside {
        /// From 0.
        index: usize,
        /// Of the template, pixels.
        width: u32,
        /// Of the template, pixels.
        height: u32,
    },
    /// No region at all.
    #[error("the template has no regions")]
    NoRegions,
}

impl Template {
    /// From a picture of the blank page alone, seen from straight ahead, and its regions.
    ///
    /// # Errors
    /// Too few features, no region, or one that is not on the page.
    pub fn prepare(blank: &Luma, regions: &[Region]) -> Result<Self, TemplateError> {
        let (width, height) = (blank.width(), blank.height());
        let within = |start: u32, length: u32, whole: u32| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= whole)
        };
        let outside = |r: &Region| !within(r.x, r.width, width) || !within(r.y, r.height, height);
        if let Some(index) = regions.iter().position(outside) {
            return Err(TemplateError::RegionOutside { index, width, height });
        }
        if regions.is_empty() {
            return Err(TemplateError::NoRegions);
        }
        Ok(Self { known: Known::prepare(blank, None)?, page: Page::of(blank, regions) })
    }
}

/// What was read off a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// On the page as a whole.
    pub verdict: Verdict,
    /// Why it cannot be told; the most telling first.
    pub causes: Vec<Cause>,
    /// For each region, in the template's order; empty if the page was not found.
    pub marks: Vec<Mark>,
    /// Where the page is in the upright photo: pixels of the whole photo.
    pub corners: Option<Quad>,
}

impl Reading {
    /// Share of the regions with an answer, of those that could be judged.
    pub fn fraction(&self) -> Option<f64> {
        let count = |mark| self.marks.iter().filter(|m| **m == mark).count();
        let (answered, empty) = (count(Mark::Answered), count(Mark::Empty));
        (answered + empty > 0).then(|| answered as f64 / (answered + empty) as f64)
    }
}

/// Looks for the page and reads it. The same view, template and seed always give the same reading.
pub fn read(view: &View, template: &Template, seed: u64) -> Reading {
    let Some(found) = template.known.find(view, seed) else { return verdict::not_found(view) };
    if found.tiles.same() < verdict::SAME_PAGE {
        return verdict::not_found(view);
    }
    let ink = template.page.ink(&view.luma, &found);
    verdict::of(view, found.corners, &ink)
}
