//! The straightened photo beside the reference, tile by tile: how well they correlate once brightness and
//! contrast are made equal (zero-mean normalised cross-correlation), and how bright both are.
//!
//! Cells of 8 x 8 pixels cover the reference; a ring of flatter ones lies along its edge. A tile is four cells,
//! a strip three of the ring, so what is summed over a cell once counts in all tiles that it is a part of.

use std::ops::Range;

use super::moments::{Sums, Tile, Tints};
use super::search::PLAIN;
use crate::tint::GREY;
use crate::{Luma, Tint};

/// Side of a cell, pixels of the template: a glyph of small print.
pub(super) const CELL: usize = 8;
/// Pixels between the edge and the ring: a strip of the wall behind would look like a difference.
const MARGIN: usize = 3;
/// How deep the ring is, pixels.
const DEPTH: usize = 5;
/// Pixels that are seen beyond the reference's edge.
pub(super) const BEYOND: usize = 8;
/// Pixels on each side of the edge that are neither within nor beyond, for what the map is off, and blur.
const GAP: usize = 2;
/// Pixels on each side of these that are.
const BESIDE: usize = 4;
/// Pixels that a tile may still be off.
const REACH: isize = 1;

/// Everything that was compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tiles {
    /// Cells in a row, those of the ring at both ends too.
    pub(crate) across: usize,
    /// Cells row by row, the ring around them; `None` where the photo does not show one.
    pub(crate) cells: Vec<Option<Tile>>,
    /// For each cell within the ring what it is the upper left quarter of; for each of the ring the
    /// strip of it and its two neighbours.
    pub(crate) parts: Vec<Option<Tile>>,
    /// For each cell of the ring the photo's mean levels hard within the reference's edge and hard beyond it.
    pub(crate) edge: Vec<Option<[Strip; 2]>>,
}

/// A strip of the photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Strip {
    /// Mean level.
    pub(crate) level: f64,
    /// How much bluer and how much redder than grey it is in the mean, levels.
    pub(crate) tint: Option<[f64; 2]>,
}

/// A printed tile correlates at least this well with itself, seen by a camera.
pub(crate) const SAME: f64 = 0.65;

/// Grey levels; plainer tiles tell nothing.
const PRINTED: f64 = 12.0;

impl Tiles {
    /// The share of the tiles in view with something printed that are the same.
    pub(crate) fn same(&self) -> f64 {
        let printed = || self.parts.iter().flatten().filter(|tile| tile.reference_contrast >= PRINTED);
        let same = printed().filter(|tile| tile.correlation >= SAME).count();
        same as f64 / printed().count().max(1) as f64
    }
}

/// The columns, or rows, of pixels that cells take up along a side.
pub(super) fn spans(length: usize) -> Vec<Range<usize>> {
    let inner = MARGIN + DEPTH;
    let room = length.saturating_sub(2 * inner);
    let count = room / CELL;
    if count < 2 {
        return Vec::new();
    }
    // What is left over is shared by both ends.
    let begin = inner + room % CELL / 2;
    let cells = (0..count).map(|i| begin + i * CELL..begin + (i + 1) * CELL);
    let end = length - inner..length - MARGIN;
    std::iter::once(MARGIN..inner).chain(cells).chain([end]).collect()
}

/// Compares the photo, straightened, with the reference. `seen` shows [`BEYOND`] pixels more than the reference on
/// each side; `in_view` tells whether the photo shows a rectangle of its columns and rows.
pub(super) fn compare(
    reference: &Luma,
    seen: &Luma,
    tints: Option<(&Tint, &Tint)>,
    in_view: impl Fn(&Range<usize>, &Range<usize>) -> bool,
) -> Tiles {
    let grid = Grid::of(reference);
    let there = |span: &Range<usize>| span.start + BEYOND..span.end + BEYOND;
    let shown: Vec<bool> = (0..grid.len()).map(|i| in_view(&there(grid.column(i)), &there(grid.row(i)))).collect();
    let parts: Vec<Option<Parts>> = (0..grid.len()).map(|i| grid.parts(i)).collect();
    let visible = |parts: &Parts| parts.iter().all(|&i| shown[i]);
    let total = |parts: &Parts, sums: &[Sums]| parts.iter().fold(Sums::default(), |total, &i| total.plus(sums[i]));
    let own = grid.sums(reference, reference, [0, 0]);
    let whole: Vec<Option<(&Parts, Sums)>> = parts
        .iter()
        .map(|parts| parts.as_ref().filter(|parts| visible(parts)).map(|parts| (parts, total(parts, &own))))
        .collect();
    let tile = |i: usize, sums: &[Sums]| whole[i].as_ref().map(|(parts, own)| total(parts, sums).compared(own));
    let still = grid.sums(reference, seen, [BEYOND; 2]);
    let mut tiles: Vec<Option<Tile>> = (0..grid.len()).map(|i| tile(i, &still)).collect();
    let mut cells: Vec<Option<Tile>> = (0..grid.len()).map(|i| shown[i].then(|| still[i].compared(&own[i]))).collect();
    for (dx, dy) in (-REACH..=REACH).flat_map(|dy| (-REACH..=REACH).map(move |dx| (dx, dy))) {
        if (dx, dy) == (0, 0) {
            continue;
        }
        let moved = grid.sums(reference, seen, [dx, dy].map(|by| BEYOND.strict_add_signed(by)));
        for (i, cell) in cells.iter_mut().enumerate() {
            // Print next to a plain cell is not to be seen in it.
            let Some(cell) = cell.as_mut().filter(|cell| cell.reference_contrast < PLAIN) else { continue };
            if moved[i].contrast() < cell.photo_contrast {
                *cell = moved[i].compared(&own[i]);
            }
        }
        for (i, best) in tiles.iter_mut().enumerate() {
            let Some(best) = best.as_mut().filter(|best| best.reference_contrast >= PLAIN) else { continue };
            if let Some(found) = tile(i, &moved).filter(|found| found.correlation > best.correlation) {
                *best = found;
            }
        }
    }
    if let Some((reference, seen)) = tints {
        let half = grid.halved();
        let planes = |of: &Tint, at: [usize; 2]| {
            [(&reference.blue, &of.blue), (&reference.red, &of.red)].map(|(own, other)| half.sums(own, other, at))
        };
        let (own, there) = (planes(reference, [0, 0]), planes(seen, [BEYOND / 2; 2]));
        let tints_of = |parts: &[usize]| {
            let whole = |planes: &[Vec<Sums>; 2]| {
                planes.each_ref().map(|sums| parts.iter().fold(Sums::default(), |total, &i| total.plus(sums[i])))
            };
            Tints::of(whole(&there), whole(&own))
        };
        for (i, cell) in cells.iter_mut().enumerate() {
            if let Some(cell) = cell {
                cell.tint = Some(tints_of(&[i]));
            }
            if let (Some(tile), Some((parts, _))) = (&mut tiles[i], &whole[i]) {
                tile.tint = Some(tints_of(parts));
            }
        }
    }
    let mean = |[columns, rows]: [Range<usize>; 2]| {
        let of = |plane: &Luma, columns: Range<usize>, rows: Range<usize>| {
            let level =
                |y: usize| plane.row(y as u32)[columns.clone()].iter().map(|&level| u32::from(level)).sum::<u32>();
            let sum: u32 = rows.clone().map(level).sum();
            f64::from(sum) / (columns.len() * rows.len()) as f64
        };
        let half = |span: &Range<usize>| span.start / 2..span.end / 2;
        let tint =
            |tint: &Tint| [&tint.blue, &tint.red].map(|plane| of(plane, half(&columns), half(&rows)) - f64::from(GREY));
        in_view(&columns, &rows)
            .then(|| Strip { level: of(seen, columns.clone(), rows.clone()), tint: tints.map(|(_, seen)| tint(seen)) })
    };
    let edge = (0..grid.len()).map(|i| {
        let [within, beyond] = grid.edge(i, reference)?;
        Some([mean(within)?, mean(beyond)?])
    });
    Tiles { across: grid.columns.len(), cells, parts: tiles, edge: edge.collect() }
}

/// Cells that are compared as one.
type Parts = Vec<usize>;

struct Grid {
    columns: Vec<Range<usize>>,
    rows: Vec<Range<usize>>,
}

impl Grid {
    fn of(reference: &Luma) -> Self {
        Self { columns: spans(reference.width() as usize), rows: spans(reference.height() as usize) }
    }

    /// The same cells at half the size, less the pixels that are half in one.
    fn halved(&self) -> Self {
        let half = |spans: &[Range<usize>]| spans.iter().map(|span| span.start.div_ceil(2)..span.end / 2).collect();
        Self { columns: half(&self.columns), rows: half(&self.rows) }
    }

    fn len(&self) -> usize {
        self.columns.len() * self.rows.len()
    }

    fn column(&self, i: usize) -> &Range<usize> {
        &self.columns[i % self.columns.len()]
    }

    fn row(&self, i: usize) -> &Range<usize> {
        &self.rows[i / self.columns.len()]
    }

    /// The cells of the tile, or the strip, of a cell.
    fn parts(&self, i: usize) -> Option<Parts> {
        let (across, down) = (self.columns.len(), self.rows.len());
        let (x, y) = (i % across, i / across);
        let inner = |at: usize, length: usize| at > 0 && at + 1 < length;
        match (inner(x, across), inner(y, down)) {
            (true, true) => {
                (inner(x + 1, across) && inner(y + 1, down)).then(|| vec![i, i + 1, i + across, i + across + 1])
            }
            (true, false) => Some(vec![i - 1, i, i + 1]),
            (false, true) => Some(vec![i - across, i, i + across]),
            (false, false) => None,
        }
    }

    /// Hard within and hard beyond the reference's edge, beside a cell of the ring: columns and rows of what is seen.
    fn edge(&self, i: usize, reference: &Luma) -> Option<[[Range<usize>; 2]; 2]> {
        let (x, y) = (i % self.columns.len(), i / self.columns.len());
        let (last_x, last_y) = (self.columns.len() - 1, self.rows.len() - 1);
        let along = |span: &Range<usize>| span.start + BEYOND..span.end + BEYOND;
        let (columns, rows) = (along(&self.columns[x]), along(&self.rows[y]));
        let before = [BEYOND + GAP..BEYOND + GAP + BESIDE, BEYOND - GAP - BESIDE..BEYOND - GAP];
        let after = |length: u32| {
            let end = length as usize + BEYOND;
            [end - GAP - BESIDE..end - GAP, end + GAP..end + GAP + BESIDE]
        };
        let inner_x = (1..last_x).contains(&x);
        let inner_y = (1..last_y).contains(&y);
        match (inner_x, inner_y) {
            (true, false) => {
                let depths = if y == 0 { before } else { after(reference.height()) };
                Some(depths.map(|rows| [columns.clone(), rows]))
            }
            (false, true) => {
                let depths = if x == 0 { before } else { after(reference.width()) };
                Some(depths.map(|columns| [columns, rows.clone()]))
            }
            _ => None,
        }
    }

    /// For each cell of the reference the sums over that of a picture which lies `right` and `down` from there.
    fn sums(&self, reference: &Luma, picture: &Luma, [right, down]: [usize; 2]) -> Vec<Sums> {
        let mut all = vec![Sums::default(); self.len()];
        for (row, sums) in self.rows.iter().zip(all.chunks_exact_mut(self.columns.len().max(1))) {
            for y in row.clone() {
                let (own, other) = (picture.row((y + down) as u32), reference.row(y as u32));
                for (sums, column) in sums.iter_mut().zip(&self.columns) {
                    let there = column.start + right..column.end + right;
                    match (own[there.clone()].as_array::<CELL>(), other[column.clone()].as_array::<CELL>()) {
                        (Some(own), Some(other)) => sums.add(own, other),
                        _ => sums.add(&own[there], &other[column.clone()]),
                    }
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::random::SplitMix;

    fn noise(width: u32, height: u32, random: &mut SplitMix) -> Luma {
        Luma::new(width, height, (0..width * height).map(|_| random.below(200) as u8).collect()).unwrap()
    }

    #[test]
    fn cells_fill_a_side_between_two_of_the_ring() {
        assert_eq!(spans(40), [3..8, 8..16, 16..24, 24..32, 32..37]);
        assert_eq!(spans(45), [3..8, 10..18, 18..26, 26..34, 37..42]);
        assert_eq!(spans(30), []);
    }

    #[test]
    fn a_picture_is_like_itself_moved_and_brighter_and_unlike_another() {
        let random = &mut SplitMix::new(3);
        let (reference, other) = (noise(61, 50, random), noise(61, 50, random));
        let beyond = BEYOND as u32;
        // A pixel to the right, in less light, on a wall of 90.
        let seen = |of: &Luma| {
            let level = |i: u32| {
                let (x, y) = ((i % 77).checked_sub(beyond + 1), (i / 77).checked_sub(beyond));
                let place = x.zip(y).filter(|&(x, y)| x < 61 && y < 50);
                place.map_or(90, |(x, y)| of.row(y)[x as usize] / 2)
            };
            Luma::new(77, 66, (0..77 * 66).map(level).collect()).unwrap()
        };
        let same = compare(&reference, &seen(&reference), None, |_, _| true);
        let across = same.across;
        let tile = same.parts[across + 1].unwrap();
        assert!(tile.correlation > 0.99, "{tile:?}");
        assert!((same.edge[1].unwrap()[1].level - 90.0).abs() < 1e-9, "the wall");
        assert!((same.same() - 1.0).abs() < 1e-9);
        let different = compare(&reference, &seen(&other), None, |_, _| true);
        assert!(different.same() < 0.05, "{}", different.same());
        let unseen = compare(&reference, &seen(&reference), None, |columns, _| columns.start > 20);
        assert!(unseen.cells[across + 1].is_none() && unseen.parts[across + 1].is_none());
    }
}
