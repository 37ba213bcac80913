//! Which plain cells are lit like their surroundings. Light and shadow on a poster change little from one cell to
//! the next; who stands before it begins with a step.

use super::grid::Grid;
use crate::registration::Tile;

/// Added to levels, so that a ratio of blacks says little.
const FLOOR: f64 = 8.0;
/// Steps up to this, as a share of the light and in grey levels, are no steps: a shadow as dark as half the light,
/// soft over a tenth of a photo, takes 7 % from cell to cell.
const STEP: (f64, f64) = (0.07, 1.5);

/// For each cell whether light goes on to it from the `known` ones, over `usable` cells and without a step.
pub(super) fn continuous(
    grid: Grid,
    cells: &[Option<Tile>],
    known: &[bool],
    usable: impl Fn(usize) -> bool,
) -> Vec<bool> {
    let light: Vec<Option<f64>> = cells
        .iter()
        .map(|cell| cell.map(|cell| ((cell.photo_mean + FLOOR) / (cell.reference_mean + FLOOR)).ln()))
        .collect();
    let mut lit = known.to_vec();
    loop {
        let next: Vec<usize> = (0..grid.len())
            .filter(|&i| !lit[i] && usable(i) && grid.beside(i).any(|near| lit[near]))
            .filter(|&i| {
                let (Some(own), Some(cell)) = (light[i], cells[i]) else { return false };
                let near = grid.around(i, 1).filter(|&near| lit[near]).filter_map(|near| light[near]);
                let (count, sum) = near.fold((0, 0.0), |(count, sum), light| (count + 1, sum + light));
                let allowed = STEP.0 + STEP.1 / (cell.photo_mean + FLOOR);
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

    /// A row of plain cells of these levels, where the reference has 100; the first is known.
    fn lit(levels: &[f64]) -> Vec<bool> {
        let cell = |&level: &f64| {
            Some(Tile {
                reference_contrast: 0.0,
                photo_contrast: 1.0,
                reference_mean: 100.0,
                photo_mean: level,
                correlation: 0.0,
            })
        };
        let cells: Vec<Option<Tile>> = levels.iter().map(cell).collect();
        let known: Vec<bool> = (0..levels.len()).map(|i| i == 0).collect();
        continuous(Grid { across: levels.len(), down: 1 }, &cells, &known, |_| true)
    }

    #[test]
    fn light_fades_and_people_begin_with_a_step() {
        assert_eq!(lit(&[90.0, 86.0, 81.0, 76.0, 72.0]), [true; 5], "a shadow's soft edge");
        assert_eq!(lit(&[90.0, 91.0, 75.0, 76.0, 75.0]), [true, true, false, false, false], "somebody");
        assert_eq!(lit(&[6.0, 7.0, 6.0, 7.0]), [true; 4], "a level of black is no step");
    }
}
