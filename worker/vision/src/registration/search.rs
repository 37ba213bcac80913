//! Where a tile of the reference is in the straightened photo, to a fraction of a pixel.

use super::moments::{Sums, Tile};
use crate::Luma;

/// Side of a tile, pixels of the template: an eighth of the height of a headline's block, a glyph and a
/// half of small print.
pub(super) const SIDE: usize = 16;

/// Grey levels; plainer tiles are not looked for: they look alike wherever they are.
pub(super) const PLAIN: f64 = 4.0;

/// Sums over the tile at `x`, `y` of a picture, beside the one at `left`, `top` of the reference.
fn sums(reference: &Luma, (left, top): (usize, usize), picture: &Luma, (x, y): (usize, usize)) -> Sums {
    let mut sums = Sums::default();
    for row in 0..SIDE {
        let own: &[u8; SIDE] = picture.row((y + row) as u32)[x..].first_chunk().expect("the tile fits");
        let other: &[u8; SIDE] = reference.row((top + row) as u32)[left..].first_chunk().expect("the tile fits");
        sums.add(own, other);
    }
    sums
}

/// Compares the tile at `left`, `top` of the reference with the one in the photo moved by up to `reach`
/// pixels, and tells the best move, in hundredths of pixels where three values make a peak.
pub(super) fn best(reference: &Luma, photo: &Luma, left: usize, top: usize, reach: isize) -> (Tile, [f64; 2]) {
    let own = sums(reference, (left, top), reference, (left, top));
    let compared = |at: (usize, usize)| sums(reference, (left, top), photo, at).compared(&own);
    let unmoved = compared((left, top));
    let reach = if unmoved.reference_contrast < PLAIN { 0 } else { reach };
    let side = 2 * reach as usize + 1;
    let mut correlations = vec![f64::MIN; side * side];
    let mut best = (side * side / 2, unmoved);
    for (i, correlation) in correlations.iter_mut().enumerate() {
        let (dx, dy) = ((i % side) as isize - reach, (i / side) as isize - reach);
        let (x, y) = (left as isize + dx, top as isize + dy);
        let fits = |at: isize, length: u32| at >= 0 && at as usize + SIDE <= length as usize;
        if !fits(x, photo.width()) || !fits(y, photo.height()) {
            continue;
        }
        let tile = compared((x as usize, y as usize));
        *correlation = tile.correlation;
        if tile.correlation > best.1.correlation {
            best = (i, tile);
        }
    }
    let (at, tile) = best;
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
