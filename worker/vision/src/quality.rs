//! Whether a photo can be used at all: large enough, lit, in focus, held still.
//!
//! Judges the picture as a person sees it whole, at [`WORKING_SIDE`] pixels, so that the same
//! thresholds hold for a thumbnail and for 12 megapixels. Does not know what the photo shows.

mod brightness;
mod sharpness;

use crate::decode::Photo;

pub use brightness::Brightness;

/// The longer side, in pixels, at which sharpness and brightness are measured. Decoders may stop
/// at this size: 4,000 x 3,000 arrives as 500 x 375, an eighth.
pub const WORKING_SIDE: u32 = 500;

/// Where a photo stops being usable.
///
/// The defaults call 263 of 264 shots of eleven photographs rightly, half of them good and half out
/// of focus, moved, dark or glaring; `tests/quality_on_photographs.rs` prints the figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Longer side, pixels; below it a photo is [`Fault::TooSmall`].
    pub min_longer_side: u32,
    /// [`Brightness::p95`] below which a photo is [`Fault::Dark`]: not one pixel in twenty is
    /// brighter than a fifth of white.
    pub min_p95: u8,
    /// [`Brightness::clipped`] from which on a photo is [`Fault::Overexposed`]. A photograph of
    /// white paper stays below it; a scan whose paper is pure white does not.
    pub max_clipped: f32,
    /// [`Quality::sharpness`] below which a photo is [`Fault::Blurred`].
    pub min_sharpness: f32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { min_longer_side: 256, min_p95: 48, max_clipped: 0.5, min_sharpness: 0.24 }
    }
}

/// What makes a photo unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Too few pixels to see anything.
    TooSmall,
    /// Hardly any light.
    Dark,
    /// Most of it is plain white.
    Overexposed,
    /// Nothing with contrast anywhere: a wall, a finger on the lens.
    Featureless,
    /// Out of focus, or the camera moved.
    Blurred,
}

impl Fault {
    /// The word that users see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooSmall => "TooSmall",
            Self::Dark => "Dark",
            Self::Overexposed => "Overexposed",
            Self::Featureless => "Featureless",
            Self::Blurred => "Blurred",
        }
    }
}

/// Measurements of a photo and what follows from them.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    /// Steepness of edges in the direction in which they are softest, as a share of local
    /// contrast per pixel of the working size: 0.25-0.55 in focus, 0.12-0.22 when everybody would call it blurred.
    /// `None` where nothing has contrast.
    pub sharpness: Option<f32>,
    /// Distribution of light.
    pub brightness: Brightness,
    /// Everything found wrong, the most basic first; empty for a good photo.
    pub faults: Vec<Fault>,
}

impl Quality {
    /// `Good`, or the most basic fault: a photo in the dark is called dark, not blurred.
    pub fn verdict(&self) -> &'static str {
        self.faults.first().map_or("Good", |fault| fault.as_str())
    }
}

/// Measures and judges.
pub fn assess(photo: &Photo, thresholds: &Thresholds) -> Quality {
    let working = photo.luma.shrunk_to(WORKING_SIDE);
    let sharpness = sharpness::measure(&working);
    let brightness = Brightness::measure(&working);
    let faults = [
        (photo.header.longer_side() < thresholds.min_longer_side, Fault::TooSmall),
        (brightness.p95 < thresholds.min_p95, Fault::Dark),
        (brightness.clipped >= thresholds.max_clipped, Fault::Overexposed),
        (sharpness.is_none(), Fault::Featureless),
        (sharpness.is_some_and(|value| value < thresholds.min_sharpness), Fault::Blurred),
    ];
    let faults = faults.into_iter().filter_map(|(found, fault)| found.then_some(fault)).collect();
    Quality { sharpness, brightness, faults }
}
