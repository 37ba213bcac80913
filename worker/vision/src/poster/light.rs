//! Which plain cells are lit like their surroundings. Light and shadow on a poster change little from one cell to
//! the next; who stands before it begins with a step.

use super::grid::Grid;
use crate::registration::{Tile, Tiles};

/// Added to levels, so that a ratio of blacks says little.
const FLOOR: f64 = 8.0;
/// Steps up to this, as a share of the light and in grey levels, are no steps: a shadow as dark as half the light,
/// soft over a tenth of a photo, takes 7 % from cell to cell.
const STEP: (f64, f64) = (0.07, 1.5);

/// Through blur, cells of the rim take this share of how the wall behind differs from them.
const BLEEDING: f64 = 0.15;
/// Light that is no more than this away from what most cells have, as the logarithm of a factor, is usual: 0.6 to
/// 1.65 times as much.
const USUAL: f64 = 0.5;

/// The logarithm of how much brighter a cell is than the reference.
fn light(cell: &Tile) -> f64 {
    ((cell.photo_mean + FLOOR) / (cell.reference_mean + FLOOR)).ln()
}

/// Whether a cell is lit about as the `known` ones are.
pub(super) fn usual(tiles: &Tiles, known: &[bool]) -> impl Fn(&Tile) -> bool {
    let cells = tiles.cells.iter().zip(known).filter(|(_, known)| **known);
    let mut lights: Vec<f64> = cells.filter_map(|(cell, _)| cell.as_ref().map(light)).collect();
    let middle = lights.len() / 2;
    let median = (!lights.is_empty()).then(|| *lights.select_nth_unstable_by(middle, f64::total_cmp).1);
    move |cell| median.is_some_and(|median| (light(cell) - median).abs() < USUAL)
}

/// For each cell whether light goes on to it from the `known` ones, over `usable` cells and without a step.
pub(super) fn continuous(grid: Grid, tiles: &Tiles, known: &[bool], usable: impl Fn(usize) -> bool) -> Vec<bool> {
    let light: Vec<Option<f64>> = tiles.cells.iter().map(|cell| cell.as_ref().map(light)).collect();
    let bleeding =
        |i: usize| tiles.edge[i].map_or(0.0, |[within, beyond]| BLEEDING * (beyond.level - within.level).abs());
    let mut lit = known.to_vec();
    loop {
        let next: Vec<usize> = (0..grid.len())
            .filter(|&i| !lit[i] && usable(i) && grid.beside(i).any(|near| lit[near]))
            .filter(|&i| {
                let (Some(own), Some(cell)) = (light[i], tiles.cells[i]) else { return false };
                let near = grid.around(i, 1).filter(|&near| lit[near]).filter_map(|near| light[near]);
                let (count, sum) = near.fold((0, 0.0), |(count, sum), light| (count + 1, sum + light));
                let allowed = STEP.0 + (STEP.1 + bleeding(i)) / (cell.photo_mean + FLOOR);
                count > 0 && (own - sum / f64::from(count)).abs() < allowed
            })
            .collect();
        if next.is_empty() {
            return lit;
        }
        for i in next {
            lit[i] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::Strip;

    /// A row of plain cells of these levels, where the reference has 100; the first is known. All are of the rim, before
    /// a wall of this level if any.
    fn lit_before(wall: Option<f64>, levels: &[f64]) -> Vec<bool> {
        let cell = |&level: &f64| {
            Some(Tile {
                reference_contrast: 0.0,
                photo_contrast: 1.0,
                reference_mean: 100.0,
                photo_mean: level,
                correlation: 0.0,
                tint: None,
            })
        };
        let edge = |&level: &f64| wall.map(|wall| [level, wall].map(|level| Strip { level, tint: None }));
        let tiles = Tiles {
            across: levels.len(),
            cells: levels.iter().map(cell).collect(),
            parts: vec![None; levels.len()],
            edge: levels.iter().map(edge).collect(),
        };
        let known: Vec<bool> = (0..levels.len()).map(|i| i == 0).collect();
        continuous(Grid { across: levels.len(), down: 1 }, &tiles, &known, |_| true)
    }

    fn lit(levels: &[f64]) -> Vec<bool> {
        lit_before(None, levels)
    }

    #[test]
    fn light_fades_and_people_begin_with_a_step() {
        assert_eq!(lit(&[90.0, 86.0, 81.0, 76.0, 72.0]), [true; 5], "a shadow's soft edge");
        assert_eq!(lit(&[90.0, 91.0, 75.0, 76.0, 75.0]), [true, true, false, false, false], "somebody");
        assert_eq!(lit(&[6.0, 7.0, 6.0, 7.0]), [true; 4], "a level of black is no step");
        let uneven = [90.0, 76.0, 90.0, 76.0];
        assert_eq!(lit(&uneven), [true, false, false, false]);
        assert_eq!(lit_before(Some(20.0), &uneven), [true; 4], "a dark wall behind, through blur");
    }
}
