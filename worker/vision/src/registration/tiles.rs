//! The straightened photo and the reference, tile by tile: how well they correlate once brightness and
//! contrast are made equal (zero-mean normalised cross-correlation).

use crate::Luma;

/// Side of a tile, pixels of the template: an eighth of the height of a headline's block, a glyph and a
/// half of small print.
pub(super) const SIDE: usize = 16;

/// One tile compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tile {
    /// Deviation of the reference's levels, grey levels.
    pub(crate) reference_contrast: f64,
    /// Deviation of the photo's.
    pub(crate) photo_contrast: f64,
    /// Mean of the reference's levels.
    pub(crate) reference_mean: f64,
    /// Mean of the photo's.
    pub(crate) photo_mean: f64,
    /// -1 to 1; 1 = the same but for brightness and contrast.
    pub(crate) correlation: f64,
}

/// A grid of tiles, row by row; `None` where the photo does not show the tile.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tiles {
    /// Tiles in a row.
    pub(crate) across: usize,
    /// The tiles.
    pub(crate) tiles: Vec<Option<Tile>>,
}

/// A printed tile correlates at least this well with itself, seen by a camera.
const SAME: f64 = 0.65;

/// Grey levels; plainer tiles are not looked for.
const PLAIN: f64 = 4.0;

/// Grey levels; plainer tiles tell nothing.
const PRINTED: f64 = 12.0;

impl Tiles {
    /// The share of the tiles in view with something printed that are the same.
    pub(crate) fn same(&self) -> f64 {
        let printed = || self.tiles.iter().flatten().filter(|tile| tile.reference_contrast >= PRINTED);
        let same = printed().filter(|tile| tile.correlation >= SAME).count();
        same as f64 / printed().count().max(1) as f64
    }
}

/// Compares the tile at `left`, `top` of the reference with the one in the photo moved by up to `reach`
/// pixels, and tells the best move, in hundredths of pixels where three values make a peak.
pub(super) fn best(reference: &Luma, photo: &Luma, left: usize, top: usize, reach: isize) -> (Tile, [f64; 2]) {
    let own = Own::of(reference, left, top);
    // A plain tile looks alike wherever it is.
    let reach = if own.contrast < PLAIN { 0 } else { reach };
    let side = 2 * reach as usize + 1;
    let mut correlations = vec![f64::MIN; side * side];
    let mut best: Option<(usize, Tile)> = None;
    for (i, correlation) in correlations.iter_mut().enumerate() {
        let (dx, dy) = ((i % side) as isize - reach, (i / side) as isize - reach);
        let (x, y) = (left as isize + dx, top as isize + dy);
        let fits = |at: isize, length: u32| at >= 0 && at as usize + SIDE <= length as usize;
        if !fits(x, photo.width()) || !fits(y, photo.height()) {
            continue;
        }
        let tile = own.compare(reference, photo, left, top, x as usize, y as usize);
        *correlation = tile.correlation;
        if best.is_none_or(|(_, best)| tile.correlation > best.correlation) {
            best = Some((i, tile));
        }
    }
    // The unmoved tile always fits.
    let (at, tile) = best.unwrap_or((side * side / 2, own.compare(reference, photo, left, top, left, top)));
    let peak = |before: Option<usize>, after: usize, inside: bool| -> f64 {
        let value = |i: usize| correlations.get(i).copied().filter(|value| *value > f64::MIN);
        let (Some(low), Some(high)) = (before.and_then(value), value(after)) else { return 0.0 };
        let bend = low - 2.0 * correlations[at] + high;
        if inside && bend < -1e-9 { (0.5 * (low - high) / bend).clamp(-0.5, 0.5) } else { 0.0 }
    };
    let (column, row) = (at % side, at / side);
    let dx = peak(at.checked_sub(1), at + 1, column > 0 && column + 1 < side);
    let dy = peak(at.checked_sub(side), at + side, row > 0 && row + 1 < side);
    (tile, [(column as isize - reach) as f64 + dx, (row as isize - reach) as f64 + dy])
}

/// What only depends on the reference.
struct Own {
    mean: f64,
    contrast: f64,
}

/// Pixels of a tile.
const COUNT: f64 = (SIDE * SIDE) as f64;

impl Own {
    fn of(reference: &Luma, left: usize, top: usize) -> Self {
        let (mut sum, mut squares) = (0_u32, 0_u32);
        for y in 0..SIDE {
            let row = &reference.row((top + y) as u32)[left..][..SIDE];
            sum += row.iter().map(|&p| u32::from(p)).sum::<u32>();
            squares += row.iter().map(|&p| u32::from(p) * u32::from(p)).sum::<u32>();
        }
        let mean = f64::from(sum) / COUNT;
        Self { mean, contrast: (f64::from(squares) / COUNT - mean * mean).max(0.0).sqrt() }
    }

    fn compare(&self, reference: &Luma, photo: &Luma, left: usize, top: usize, x: usize, y: usize) -> Tile {
        let (mut sum, mut squares, mut products) = (0_u32, 0_u32, 0_u32);
        for row in 0..SIDE {
            let own: &[u8; SIDE] = reference.row((top + row) as u32)[left..].first_chunk().expect("the tile fits");
            let other: &[u8; SIDE] = photo.row((y + row) as u32)[x..].first_chunk().expect("the tile fits");
            for (&a, &b) in own.iter().zip(other) {
                sum += u32::from(b);
                squares += u32::from(b) * u32::from(b);
                products += u32::from(a) * u32::from(b);
            }
        }
        let mean = f64::from(sum) / COUNT;
        let contrast = (f64::from(squares) / COUNT - mean * mean).max(0.0).sqrt();
        let covariance = f64::from(products) / COUNT - mean * self.mean;
        let scale = self.contrast * contrast;
        Tile {
            reference_contrast: self.contrast,
            photo_contrast: contrast,
            reference_mean: self.mean,
            photo_mean: mean,
            correlation: if scale > 1e-6 { covariance / scale } else { 0.0 },
        }
    }
}
