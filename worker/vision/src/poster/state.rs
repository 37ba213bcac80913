//! What became of each cell of a poster in a photo.

use super::colours::Colours;
use super::grid::Grid;
use super::light;
use crate::registration::{SAME, Tile, Tiles};

/// A printed tile has this many times the contrast of the photo's noise, and at least so many grey
/// levels; below that noise alone decides how it correlates.
pub(super) const PRINTED: (f64, f64) = (2.5, 4.0);
/// The same for tiles whose correlation is weighed.
pub(super) const CLEAR: (f64, f64) = (4.0, 6.0);
/// A plain cell is covered if it shows this much more contrast than it should: times the noise, and at
/// least so many grey levels. The outline of somebody before a ground of 7 levels more or less shows 3.5.
const COVERED: (f64, f64) = (2.5, 3.5);
/// A tile that correlates at least so well tells how the poster is lit there.
const SURELY_SAME: f64 = 0.8;
/// Grey levels; a tile with more is more than noise in any photo that can be judged.
const CONTRASTY: f64 = 8.0;
/// A printed strip along the edge that correlates less is not the same.
const SAME_STRIP: f64 = 0.5;

/// What became of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Not in the photo.
    Unseen,
    /// Printed, and the same.
    Same,
    /// Printed, and not the same.
    Differs,
    /// Plain in the reference and in the photo.
    Plain,
    /// Plain in the reference only, or in another light than what is around it, or in another colour.
    Covered,
}

impl State {
    pub(super) fn is_off(self) -> bool {
        matches!(self, Self::Differs | Self::Covered)
    }
}

/// What a photo makes of print: how much of its contrast is left, and what is added.
pub(super) struct Exposure {
    gain: f64,
    /// Grey levels.
    noise: f64,
}

impl Exposure {
    pub(super) fn of(tiles: &Tiles) -> Self {
        let seen: Vec<&Tile> = tiles.parts.iter().flatten().collect();
        let rank = |mut values: Vec<f64>, share: f64| {
            let rank = (values.len() as f64 * share) as usize;
            if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(rank, f64::total_cmp).1 }
        };
        // What is left of the photo's contrast when the reference's is taken away; least in plain tiles.
        let left_over = |tile: &&Tile| tile.photo_contrast * (1.0 - tile.correlation.powi(2)).max(0.0).sqrt();
        let strong = seen.iter().filter(|tile| tile.reference_contrast > CONTRASTY);
        Self {
            gain: rank(strong.map(|tile| tile.photo_contrast / tile.reference_contrast).collect(), 0.5),
            noise: rank(seen.iter().map(left_over).collect(), 0.2),
        }
    }

    /// Whether the photo would show this contrast of the reference: [`PRINTED`] or [`CLEAR`].
    pub(super) fn shows(&self, tile: &Tile, (times, levels): (f64, f64)) -> bool {
        self.gain * tile.reference_contrast > (times * self.noise).max(levels)
    }

    fn is_too_rich(&self, cell: &Tile) -> bool {
        cell.photo_contrast > self.gain * cell.reference_contrast + (COVERED.0 * self.noise).max(COVERED.1)
    }
}

/// What the photo makes of colours, if that can be told.
pub(super) fn colours(grid: Grid, tiles: &Tiles) -> Option<Colours> {
    let is_known = |tile: &Tile| tile.reference_contrast > CONTRASTY && tile.correlation >= SURELY_SAME;
    let known = (0..grid.len()).filter(|&i| !grid.is_rim(i) && tiles.parts[i].as_ref().is_some_and(is_known));
    Colours::of(known.filter_map(|i| tiles.cells[i].as_ref()))
}

/// A cell is judged by that tile, of the printed ones that it is a part of, that looks most the same; by its light
/// and its colour if none is printed.
pub(super) fn states(grid: Grid, tiles: &Tiles, exposure: &Exposure, colours: Option<&Colours>) -> Vec<State> {
    let mut best: Vec<Option<f64>> = vec![None; grid.len()];
    for (i, tile) in tiles.parts.iter().enumerate() {
        let Some(tile) = tile.filter(|tile| exposure.shows(tile, PRINTED)) else { continue };
        for part in grid.tile(i) {
            best[part] = Some(best[part].map_or(tile.correlation, |best: f64| best.max(tile.correlation)));
        }
    }
    let known = |i: usize| !grid.is_rim(i) && best[i].is_some_and(|correlation| correlation >= SURELY_SAME);
    let known: Vec<bool> = (0..grid.len()).map(known).collect();
    let plain = |i: usize| tiles.cells[i].as_ref().filter(|_| best[i].is_none());
    let usual = light::usual(tiles, &known);
    let is_own = |cell: &Tile| colours.is_some_and(|colours| colours.is_own(cell)) && usual(cell);
    let known: Vec<bool> = (0..grid.len()).map(|i| known[i] || plain(i).is_some_and(is_own)).collect();
    let beyond = |i: usize| tiles.edge[i].and_then(|[_, beyond]| beyond.tint);
    let is_other = |i: usize, cell: &Tile| colours.is_some_and(|colours| colours.is_other(cell, beyond(i)));
    let usable = |i: usize| plain(i).is_some_and(|cell| !exposure.is_too_rich(cell) && !is_other(i, cell));
    let lit = light::continuous(grid, tiles, &known, usable);
    let judge = |i: usize| {
        let same = if grid.is_rim(i) { SAME_STRIP } else { SAME };
        match (tiles.cells[i], best[i]) {
            (None, _) => State::Unseen,
            (Some(_), Some(correlation)) if correlation >= same => State::Same,
            (Some(_), Some(_)) => State::Differs,
            (Some(_), None) if lit[i] => State::Plain,
            (Some(_), None) => State::Covered,
        }
    };
    (0..grid.len()).map(judge).collect()
}
