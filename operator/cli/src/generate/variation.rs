//! How a photo is made from a source: what the photographer and the camera did, drawn at random,
//! and what a quality check should say about it.
//!
//! Pure: knows sizes and brightness of pictures, not their pixels.

use std::str::FromStr;

use anyhow::{Context as _, ensure};
use rand::Rng;
use rand::seq::IndexedRandom as _;
use serde::Serialize;

/// Size of a photo to make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Size {
    /// Usual shapes, longer side of 640 to 1,600 pixels.
    Varied,
    /// These pixels.
    Exact(Pixels),
}

/// Width and height in pixels, each 16 to 16,384.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Pixels {
    fn new(width: u32, height: u32) -> anyhow::Result<Self> {
        let admitted = 16..=16_384;
        ensure!(
            admitted.contains(&width) && admitted.contains(&height),
            "{width} x {height} is outside 16 x 16 to 16384 x 16384"
        );
        Ok(Self { width, height })
    }

    /// A landscape of 4:3 as phones take it: 12 megapixels are 4,000 x 3,000.
    pub(crate) fn of_megapixels(megapixels: f64) -> anyhow::Result<Self> {
        ensure!(megapixels.is_finite() && megapixels > 0.0, "{megapixels} megapixels are not above 0");
        let unit = (megapixels * 1e6 / 12.0).sqrt();
        Self::new((4.0 * unit).round() as u32, (3.0 * unit).round() as u32)
    }

    pub(crate) fn longer_side(self) -> u32 {
        self.width.max(self.height)
    }
}

impl FromStr for Pixels {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let parts = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        let (width, height) = parts.context("write it as WIDTHxHEIGHT, as in 1600x1200")?;
        Self::new(width, height)
    }
}

/// Brightness of a picture, 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Levels {
    /// 30 of 100 pixels are darker.
    pub(crate) p30: u8,
    /// 60 of 100 pixels are darker.
    pub(crate) p60: u8,
    /// 95 of 100 pixels are darker.
    pub(crate) p95: u8,
}

/// How a photo is made from a source.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Variation {
    #[serde(flatten)]
    pub(crate) size: Pixels,
    pub(crate) crop: Crop,
    /// Clockwise.
    pub(crate) tilt_degrees: f64,
    /// Doublings of the light.
    pub(crate) exposure_stops: f64,
    pub(crate) blur: Option<Blur>,
    /// Standard deviation of the sensor's noise, levels of 255.
    pub(crate) grain: f64,
    /// As libjpeg counts it.
    pub(crate) jpeg_quality: u8,
}

/// The part of the source that is seen, in its pixels; all of it lies within the source, tilted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Crop {
    pub(crate) center_x: f64,
    pub(crate) center_y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// Lengths are in percent of the longer side, so that a blur looks the same at every size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
pub(crate) enum Blur {
    /// Out of focus, as a standard deviation.
    Gaussian { sigma_percent: f64 },
    /// The camera moved along the width.
    Horizontal { length_percent: f64 },
    /// The camera moved along the height.
    Vertical { length_percent: f64 },
}

/// What a quality check should say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Expected {
    Good,
    Blurred,
    Dark,
    Overexposed,
}

/// What is to be wrong with a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    Blur,
    SlightBlur,
    Dark,
    Dusk,
    Overexposed,
}

/// In 16ths: half of the photos are good, a quarter has a clear flaw in light, focus or motion each
/// as often as people send them, two in sixteen are between good and bad.
const FLAWS: [(Flaw, u32); 6] =
    [(Flaw::None, 8), (Flaw::Blur, 3), (Flaw::SlightBlur, 1), (Flaw::Dark, 2), (Flaw::Dusk, 1), (Flaw::Overexposed, 1)];

/// Shapes of photos, width to height.
const SHAPES: [(f64, f64); 7] = [(4.0, 3.0), (4.0, 3.0), (3.0, 2.0), (16.0, 9.0), (1.0, 1.0), (3.0, 4.0), (2.0, 3.0)];

impl Variation {
    /// Draws how a photo is made from a source of `source` pixels and `levels` brightness.
    pub(crate) fn draw(source: Pixels, levels: Levels, size: Size, rng: &mut impl Rng) -> Self {
        let flaw = FLAWS.choose_weighted(rng, |&(_, weight)| weight).map_or(Flaw::None, |&(flaw, _)| flaw);
        let size = match size {
            Size::Varied => varied(rng),
            Size::Exact(pixels) => pixels,
        };
        let tilt_degrees = if rng.random_bool(0.5) { 0.0 } else { rounded(rng.random_range(-8.0..8.0), 10.0) };
        Self {
            size,
            crop: crop(source, size, tilt_degrees, rng),
            tilt_degrees,
            exposure_stops: exposure(flaw, levels, rng),
            blur: blur(flaw, rng),
            grain: rounded(rng.random_range(1.0..5.0), 10.0),
            jpeg_quality: rng.random_range(75..=96),
        }
    }

    /// Pixels of the source along the longer side: enlarging adds no detail.
    fn detail(&self) -> f64 {
        self.crop.width.max(self.crop.height)
    }

    /// What a quality check should say about the photo, whose brightness came out as `levels`; `None`
    /// between the clear cases.
    pub(crate) fn expected(&self, levels: Levels) -> Option<Expected> {
        let Levels { p30, p60, p95 } = levels;
        // At most 40 of 100 pixels are white, and something is neither black nor white.
        let lit = p30 >= 15 && p60 <= 240 && p95 >= 110;
        match self.blur.map(Blur::clear) {
            None if p95 <= 40 => Some(Expected::Dark),
            None if p30 >= 252 => Some(Expected::Overexposed),
            // With less detail, a sharp picture filling a screen looks like a blurred one.
            None if lit && self.detail() >= 400.0 => Some(Expected::Good),
            Some(true) if lit => Some(Expected::Blurred),
            _ => None,
        }
    }
}

impl Blur {
    /// Blurred for everybody: on a photo of 1,000 pixels 6 of standard deviation, or a smear of 15.
    fn clear(self) -> bool {
        match self {
            Self::Gaussian { sigma_percent } => sigma_percent >= 0.6,
            Self::Horizontal { length_percent } | Self::Vertical { length_percent } => length_percent >= 1.5,
        }
    }
}

fn varied(rng: &mut impl Rng) -> Pixels {
    let (wide, high) = SHAPES.choose(rng).copied().unwrap_or((4.0, 3.0));
    let longer = rng.random_range(640.0..1_600.0);
    let unit = longer / f64::max(wide, high);
    Pixels { width: (wide * unit).round() as u32, height: (high * unit).round() as u32 }
}

/// A part of 85 to 100 % of the largest one that has the shape of `size` and stays within the
/// source when tilted.
fn crop(source: Pixels, size: Pixels, tilt_degrees: f64, rng: &mut impl Rng) -> Crop {
    let (sin, cos) = tilt_degrees.abs().to_radians().sin_cos();
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    // The upright box around the tilted result, in result pixels.
    let (box_width, box_height) = (width * cos + height * sin, width * sin + height * cos);
    let (source_width, source_height) = (f64::from(source.width), f64::from(source.height));
    let fit = (source_width / box_width).min(source_height / box_height) * rng.random_range(0.85..1.0);
    let mut center = |length: f64, part: f64| rounded(part / 2.0 + rng.random::<f64>() * (length - part), 100.0);
    Crop {
        center_x: center(source_width, fit * box_width),
        center_y: center(source_height, fit * box_height),
        width: rounded(fit * width, 100.0),
        height: rounded(fit * height, 100.0),
    }
}

/// Stops that bring the source's brightness where the flaw wants it.
///
/// A level v of 255 is the light (v / 255)^2.2, so s stops multiply a level by 2^(s / 2.2), and
/// from level a to level b it takes 2.2 log2(b / a) stops.
fn exposure(flaw: Flaw, levels: Levels, rng: &mut impl Rng) -> f64 {
    let (from, to) = match flaw {
        Flaw::None | Flaw::Blur | Flaw::SlightBlur => (levels.p95, rng.random_range(160.0..250.0)),
        Flaw::Dark => (levels.p95, rng.random_range(12.0..34.0)),
        Flaw::Dusk => (levels.p95, rng.random_range(50.0..90.0)),
        // Seven tenths of the pixels become white, and more.
        Flaw::Overexposed => (levels.p30, rng.random_range(270.0..400.0)),
    };
    rounded((2.2 * (to / f64::from(from.max(1))).log2()).clamp(-8.0, 8.0), 100.0)
}

fn blur(flaw: Flaw, rng: &mut impl Rng) -> Option<Blur> {
    let (sigma, length) = match flaw {
        Flaw::Blur => (0.6..1.5, 1.5..4.0),
        Flaw::SlightBlur => (0.15..0.5, 0.4..1.2),
        Flaw::None | Flaw::Dark | Flaw::Dusk | Flaw::Overexposed => return None,
    };
    let length_percent = rounded(rng.random_range(length), 100.0);
    Some(match rng.random_range(0..4) {
        0 => Blur::Horizontal { length_percent },
        1 => Blur::Vertical { length_percent },
        _ => Blur::Gaussian { sigma_percent: rounded(rng.random_range(sigma), 100.0) },
    })
}

/// To parts of a whole, so that people can read what is written down; never to -0.
fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts + 0.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    const PLAIN: Levels = Levels { p30: 70, p60: 130, p95: 210 };

    fn draw(seed: u64) -> Variation {
        Variation::draw(Pixels { width: 640, height: 427 }, PLAIN, Size::Varied, &mut StdRng::seed_from_u64(seed))
    }

    /// The corners of the crop in source pixels, tilted.
    fn corners(variation: &Variation) -> [(f64, f64); 4] {
        let Crop { center_x, center_y, width, height } = variation.crop;
        let (sin, cos) = variation.tilt_degrees.to_radians().sin_cos();
        [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)].map(|(x, y)| {
            let (x, y) = (x * width, y * height);
            (center_x + x * cos - y * sin, center_y + x * sin + y * cos)
        })
    }

    proptest! {
        #[test]
        fn the_crop_stays_within_the_source_in_the_shape_of_the_photo(
            width in 100_u32..3_000, height in 100_u32..3_000, p30: u8, p95: u8, seed: u64,
        ) {
            let source = Pixels { width, height };
            let mut rng = StdRng::seed_from_u64(seed);
            let variation = Variation::draw(source, Levels { p30, p60: p30, p95 }, Size::Varied, &mut rng);
            for (x, y) in corners(&variation) {
                // Rounding to a hundredth of a pixel may step over the edge by as much.
                prop_assert!((-0.05..=f64::from(width) + 0.05).contains(&x), "{x} of {width}: {variation:?}");
                prop_assert!((-0.05..=f64::from(height) + 0.05).contains(&y), "{y} of {height}: {variation:?}");
            }
            let Pixels { width, height } = variation.size;
            let shape = variation.crop.width / variation.crop.height;
            prop_assert!((shape * f64::from(height) / f64::from(width) - 1.0).abs() < 0.01);
            prop_assert!((640..=1_600).contains(&variation.size.longer_side()));
        }
    }

    #[test]
    fn half_of_the_photos_are_unflawed_and_each_flaw_occurs() {
        let variations: Vec<_> = (0..1_600).map(draw).collect();
        let share = |is: fn(&Variation) -> bool| variations.iter().filter(|v| is(v)).count() as f64 / 1_600.0;
        let blurred = share(|v| v.blur.is_some());
        assert!((blurred - 0.25).abs() < 0.04, "{blurred}");
        let (dark, white) = (share(|v| v.exposure_stops < -3.0), share(|v| v.exposure_stops > 2.5));
        assert!(dark > 0.1 && white > 0.04, "{dark} {white}");
    }

    #[test]
    fn only_clear_cases_have_a_truth() {
        let plain = Variation {
            size: Pixels { width: 800, height: 600 },
            crop: Crop { center_x: 300.0, center_y: 200.0, width: 500.0, height: 375.0 },
            tilt_degrees: 0.0,
            exposure_stops: 0.0,
            blur: None,
            grain: 1.0,
            jpeg_quality: 90,
        };
        let with = |blur| Variation { blur: Some(blur), ..plain };
        let coarse = Variation { crop: Crop { width: 380.0, height: 285.0, ..plain.crop }, ..plain };
        let levels = |p30, p60, p95| Levels { p30, p60, p95 };
        for (variation, levels, expected) in [
            (plain, PLAIN, Some(Expected::Good)),
            (coarse, PLAIN, None),
            (plain, levels(10, 20, 40), Some(Expected::Dark)),
            (plain, levels(20, 40, 80), None),
            (plain, levels(252, 255, 255), Some(Expected::Overexposed)),
            (plain, levels(200, 255, 255), None),
            (with(Blur::Gaussian { sigma_percent: 0.6 }), PLAIN, Some(Expected::Blurred)),
            (with(Blur::Gaussian { sigma_percent: 0.5 }), PLAIN, None),
            (with(Blur::Vertical { length_percent: 2.0 }), PLAIN, Some(Expected::Blurred)),
            (with(Blur::Horizontal { length_percent: 1.0 }), PLAIN, None),
            (with(Blur::Gaussian { sigma_percent: 0.6 }), levels(10, 20, 40), None),
        ] {
            assert_eq!(variation.expected(levels), expected, "{variation:?} {levels:?}");
        }
    }

    #[test]
    fn sizes_are_read_and_bounded() {
        assert_eq!("1600x1200".parse::<Pixels>().unwrap(), Pixels { width: 1_600, height: 1_200 });
        assert_eq!(Pixels::of_megapixels(12.0).unwrap(), Pixels { width: 4_000, height: 3_000 });
        for (text, expected) in [
            ("1600", "write it as WIDTHxHEIGHT, as in 1600x1200"),
            ("1600x", "write it as WIDTHxHEIGHT, as in 1600x1200"),
            ("8x600", "8 x 600 is outside 16 x 16 to 16384 x 16384"),
            ("1600x20000", "1600 x 20000 is outside 16 x 16 to 16384 x 16384"),
        ] {
            assert_eq!(text.parse::<Pixels>().unwrap_err().to_string(), expected);
        }
        assert_eq!(Pixels::of_megapixels(0.0).unwrap_err().to_string(), "0 megapixels are not above 0");
    }
}
