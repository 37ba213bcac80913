//! How steep the edges of a picture are, whatever its exposure, noise and subject.
//!
//! Method. Cut the picture into tiles of 32 x 32 pixels. In each of eight directions, a tile's
//! *slope* is the root mean square difference between neighbours in that direction, and its
//! *contrast* the standard deviation of its pixels: exposure scales both alike, so the ratio stays.
//! The flattest tiles show noise alone; their slope is subtracted from all (as energy). Of
//! the tiles with contrast, the 90th percentile counts, because a sharp subject before a soft background
//! is a sharp photo. Of the eight directions, the softest counts, because a moved camera leaves edges
//! along its movement sharp.
//!
//! Figures. On 132 good shots and 88 blurred ones of eleven photographs (noise of up to 4 grey levels,
//! exposure 0.7-1.3, JPEG quality from 45) the area under the ROC curve is 1.0000 for defocus from
//! 0.5 % of the longer side and 0.9998 for movement from 2 %. The usual measure, the Laplacian's deviation
//! over that of the whole picture, reached 0.954 and 0.833 on shots like these.

use crate::Luma;

/// Side of a tile in pixels: at 500 pixels about 170 tiles, each large enough to hold an edge and
/// what lies on both sides.
const TILE: usize = 32;

/// Longest step to a neighbour, pixels.
const REACH: usize = 2;

/// Steps to a neighbour: eight directions, 22.5 to 27 degrees apart.
const DIRECTIONS: [(isize, isize); 8] = [(1, 0), (2, 1), (1, 1), (1, 2), (0, 1), (-1, 2), (-1, 1), (-2, 1)];

/// Grey levels; a tile with less contrast shows nothing that could be sharp.
const MIN_CONTRAST: f32 = 4.0;

/// Tiles count from this share of the contrast of the best tenth: strong edges are the least noisy witnesses.
const CONTRAST_SHARE: f32 = 0.5;

/// `None` where no tile has contrast, or the picture is smaller than a tile.
pub(super) fn measure(luma: &Luma) -> Option<f32> {
    let tiles = Tiles::of(luma)?;
    let contrast = tiles.contrast();
    let floor = (CONTRAST_SHARE * percentile(contrast.clone(), 0.9)?).max(MIN_CONTRAST);
    let softest = DIRECTIONS.into_iter().filter_map(|step| {
        let energy = tiles.slope_energy(step);
        let noise = percentile(energy.clone(), 0.05)?;
        let length = ((step.0 * step.0 + step.1 * step.1) as f32).sqrt();
        let steepness = contrast
            .iter()
            .zip(&energy)
            .filter(|&(&contrast, _)| contrast >= floor)
            .map(|(contrast, energy)| (energy - noise).max(0.0).sqrt() / (contrast * length))
            .collect();
        percentile(steepness, 0.9)
    });
    softest.reduce(f32::min)
}

/// The lower value at a share of the way through the sorted ones.
fn percentile(mut values: Vec<f32>, share: f32) -> Option<f32> {
    let last = values.len().checked_sub(1)?;
    let rank = (last as f32 * share) as usize;
    Some(*values.select_nth_unstable_by(rank, f32::total_cmp).1)
}

/// A grid of whole tiles, [`REACH`] pixels away from the picture's border.
struct Tiles<'a> {
    luma: &'a Luma,
    across: usize,
    down: usize,
}

impl<'a> Tiles<'a> {
    fn of(luma: &'a Luma) -> Option<Self> {
        let fit = |length: u32| (length as usize).saturating_sub(2 * REACH) / TILE;
        let (across, down) = (fit(luma.width()), fit(luma.height()));
        (across > 0 && down > 0).then_some(Self { luma, across, down })
    }

    /// For each tile the sum of `measure` over its rows, where `measure` is given the part of the
    /// row that lies in the tile and the same part `step` away.
    fn sums<const N: usize>(
        &self,
        step: (isize, isize),
        measure: impl Fn(&[u8], &[u8]) -> [u32; N],
    ) -> impl Iterator<Item = [u32; N]> {
        let tile = move |index: usize| {
            let left = REACH + index % self.across * TILE;
            let top = REACH + index / self.across * TILE;
            (top..top + TILE).fold([0; N], |sums, y| {
                let here = &self.luma.row(y as u32)[left..][..TILE];
                let there =
                    &self.luma.row(y.strict_add_signed(step.1) as u32)[left.strict_add_signed(step.0)..][..TILE];
                let row = measure(here, there);
                std::array::from_fn(|i| sums[i] + row[i])
            })
        };
        (0..self.across * self.down).map(tile)
    }

    /// Standard deviation of each tile's pixels, grey levels. Sums stay below 1,024 x 255^2 < 2^32.
    fn contrast(&self) -> Vec<f32> {
        let moments = |row: &[u8], _: &[u8]| {
            let sum = row.iter().map(|&p| u32::from(p)).sum();
            let squares = row.iter().map(|&p| u32::from(p) * u32::from(p)).sum();
            [sum, squares]
        };
        let count = (TILE * TILE) as f64;
        self.sums((0, 0), moments)
            .map(|[sum, squares]| {
                let mean = f64::from(sum) / count;
                (f64::from(squares) / count - mean * mean).max(0.0).sqrt() as f32
            })
            .collect()
    }

    /// Mean squared difference between each pixel of a tile and its neighbour at `step`.
    fn slope_energy(&self, step: (isize, isize)) -> Vec<f32> {
        let squares =
            |here: &[u8], there: &[u8]| [here.iter().zip(there).map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum()];
        self.sums(step, squares).map(|[sum]| (f64::from(sum) / (TILE * TILE) as f64) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Vertical bars, 32 pixels wide, whose edges take `ramp` pixels and lie in the middle of tiles.
    fn bars(dark: f32, bright: f32, ramp: f32) -> Luma {
        let level = |x: u32| {
            let from_rise = (x + 64 - 18) % 64;
            let (from_edge, rising) = match from_rise {
                0..16 => (from_rise as f32, true),
                16..48 => (from_rise as f32 - 32.0, false),
                _ => (from_rise as f32 - 64.0, true),
            };
            let rise = (from_edge / ramp + 0.5).clamp(0.0, 1.0);
            (dark + (bright - dark) * if rising { rise } else { 1.0 - rise }).round() as u8
        };
        Luma::new(400, 300, (0..300).flat_map(|_| (0..400).map(level)).collect()).unwrap()
    }

    fn across(luma: &Luma) -> f32 {
        let tiles = Tiles::of(luma).unwrap();
        let ratios = tiles.contrast().into_iter().zip(tiles.slope_energy((1, 0)));
        percentile(ratios.map(|(contrast, energy)| energy.sqrt() / contrast).collect(), 0.9).unwrap()
    }

    #[test]
    fn steeper_edges_measure_higher_and_exposure_does_not_matter() {
        let values = [2.0, 4.0, 8.0, 16.0].map(|ramp| across(&bars(20.0, 220.0, ramp)));
        assert!(values.is_sorted_by(|steep, soft| steep > soft), "{values:?}");
        let dim = across(&bars(10.0, 110.0, 4.0));
        assert!((dim - values[1]).abs() < 0.01, "{dim} at half the exposure, {} before", values[1]);
    }

    #[test]
    fn sharp_edges_in_one_direction_alone_are_movement() {
        assert!(measure(&bars(20.0, 220.0, 1.0)).unwrap() < 0.01);
    }

    #[test]
    fn a_plain_picture_has_no_sharpness() {
        assert_eq!(measure(&Luma::new(400, 300, vec![90; 120_000]).unwrap()), None);
        assert_eq!(measure(&Luma::new(20, 20, vec![90; 400]).unwrap()), None);
    }
}
