//! What differs between a photo and the reference, and what each difference is: something in the way, or a part of
//! the poster that is another one.

use std::borrow::Cow;

use super::colours::with_colours;
use super::grid::Grid;
use super::obstacle::hidden;
use super::state::{CLEAR, Exposure, PRINTED, State, colours, states};
use crate::registration::{SAME, Tiles};

/// The findings about all tiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Regions {
    /// Share of the poster that is in the photo.
    pub(super) in_view: f64,
    /// Share of what is in the photo that has something printed that the photo is sharp enough to show.
    pub(super) printed: f64,
    /// Share of what is in the photo that something hides.
    pub(super) hidden: f64,
    /// Share of the printed tiles not hidden that are the same.
    pub(super) same: f64,
    /// Mean correlation of 2 x 2 clearly printed tiles, or of [`STRIPS`] strips along an edge, where it is lowest, away
    /// from what is hidden.
    pub(super) least: f64,
}

/// Strips of three cells, each beginning a cell after the one before: together six cells, 12 % of the longer side.
const STRIPS: usize = 4;

/// Finds the regions.
pub(super) fn of(tiles: &Tiles) -> Regions {
    let grid = Grid::of(tiles);
    let colours = colours(grid, tiles);
    let tiles = &if colours.is_some() { Cow::Owned(with_colours(tiles)) } else { Cow::Borrowed(tiles) };
    let exposure = Exposure::of(tiles);
    let states = states(grid, tiles, &exposure, colours.as_ref());
    let hidden = hidden(grid, &states, tiles);
    let near_hidden: Vec<bool> = (0..grid.len()).map(|i| grid.around(i, 1).any(|near| hidden[near])).collect();
    let open = |i: usize, contrast: (f64, f64)| {
        let tile = tiles.parts[i].filter(|tile| !grid.is_rim(i) && exposure.shows(tile, contrast))?;
        grid.tile(i).all(|part| !near_hidden[part]).then_some(tile.correlation)
    };
    let windows = (0..grid.len()).filter(|&i| !grid.is_rim(i)).filter_map(|i| {
        let correlations = grid.tile(i).filter_map(|i| open(i, CLEAR));
        let (count, sum) = correlations.fold((0, 0.0), |(count, sum), correlation| (count + 1, sum + correlation));
        (count >= 2).then(|| sum / f64::from(count))
    });
    // Of the ring, where no tile is: what is printed hard by the edge.
    let strip = |i: usize| {
        let tile = tiles.parts[i].filter(|tile| grid.is_rim(i) && exposure.shows(tile, CLEAR))?;
        (!near_hidden[i]).then_some(tile.correlation)
    };
    let rows = grid.sides().into_iter().flat_map(|side| {
        let strips: Vec<Option<f64>> = side.into_iter().map(strip).collect();
        let row = |row: &[Option<f64>]| row.iter().copied().sum::<Option<f64>>().map(|sum| sum / STRIPS as f64);
        strips.windows(STRIPS).filter_map(row).collect::<Vec<f64>>()
    });
    let least = windows.chain(rows).reduce(f64::min).unwrap_or(0.0);
    let compared: Vec<f64> = (0..grid.len()).filter_map(|i| open(i, PRINTED)).collect();
    let same = compared.iter().filter(|&&correlation| correlation >= SAME).count();
    let share = |part: usize, of: usize| if of == 0 { 0.0 } else { part as f64 / of as f64 };
    let count = |wanted: &dyn Fn(usize) -> bool| (0..grid.len()).filter(|&i| wanted(i)).count();
    let seen = count(&|i| states[i] != State::Unseen);
    Regions {
        in_view: share(seen, grid.len()),
        printed: share(count(&|i| matches!(states[i], State::Same | State::Differs)), seen),
        hidden: share(count(&|i| hidden[i]), seen),
        same: share(same, compared.len()),
        least,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::{Strip, Tile, Tints};

    const PRINT: Tile = Tile {
        reference_contrast: 40.0,
        photo_contrast: 30.0,
        reference_mean: 120.0,
        photo_mean: 100.0,
        correlation: 0.98,
        tint: None,
    };

    /// A cell each: `#` printed and the same, `x` printed and not, `.` plain, `o` plain but covered, blank not in view.
    /// `r` is plain and as bright as it should be. `Z` is printed and not the same, and the edge is to be seen; `z` is
    /// so where the poster's edge is out of the photo. Where the photo shows the edge, the wall is dark.
    fn tiles(rows: &[&str]) -> Tiles {
        let cells: Vec<char> = rows.iter().flat_map(|row| row.chars()).collect();
        let across = rows[0].len();
        let grid = Grid { across, down: rows.len() };
        let cell = |c: char| match c {
            '#' => Some(PRINT),
            'x' | 'z' | 'Z' => Some(Tile { correlation: 0.1, ..PRINT }),
            '.' | 'r' => Some(Tile { reference_contrast: 0.5, photo_contrast: 2.0, correlation: 0.0, ..PRINT }),
            'o' => Some(Tile { reference_contrast: 0.5, photo_mean: 60.0, correlation: 0.0, ..PRINT }),
            _ => None,
        };
        let tile = |i: usize| {
            let last = !grid.is_rim(i) && (grid.is_rim(i + 1) || grid.is_rim(i + across));
            let parts: Vec<Tile> = grid.tile(i).map(|part| cell(cells[part])).collect::<Option<_>>()?;
            let worst = parts.into_iter().max_by(|a, b| {
                a.reference_contrast.total_cmp(&b.reference_contrast).then(b.correlation.total_cmp(&a.correlation))
            });
            worst.filter(|_| !last)
        };
        let edge = |i: usize| {
            let levels = if "#.Z".contains(cells[i]) { [100.0, 20.0] } else { [60.0; 2] };
            (grid.is_rim(i) && cells[i] != 'z').then_some(levels.map(|level| Strip { level, tint: None }))
        };
        Tiles {
            across,
            cells: cells.iter().map(|&c| cell(c)).collect(),
            parts: (0..cells.len()).map(tile).collect(),
            edge: (0..cells.len()).map(edge).collect(),
        }
    }

    fn found(rows: &[&str]) -> Regions {
        of(&tiles(rows))
    }

    #[test]
    #[allow(clippy::float_cmp)] // exact: shares of whole tiles
    fn a_difference_within_is_the_posters() {
        let right = found(&["..........", ".########.", ".########.", ".########.", ".########.", ".........."]);
        assert!(right.least > 0.95 && right.hidden == 0.0 && right.same == 1.0, "{right:?}");
        let sibling = found(&["..........", ".########.", ".####xxx#.", ".####xxx#.", ".########.", ".........."]);
        assert!(sibling.least < 0.5 && sibling.hidden == 0.0, "{sibling:?}");
        let cut_off = found(&["..........", ".####     ", ".####     ", ".####     ", ".####     ", "....      "]);
        assert!(cut_off.in_view < 0.7 && cut_off.same == 1.0, "{cut_off:?}");
    }

    #[test]
    fn a_difference_over_the_edge_is_somebody_in_the_way() {
        let rows = [
            "............",
            ".##########.",
            ".##########.",
            ".##########.",
            ".###xxxx###.",
            ".###xxxx###.",
            ".###xxxx###.",
            "....oooo....",
            "....oooo....",
        ];
        let somebody = found(&rows);
        assert!(somebody.least > 0.9 && (0.15..0.25).contains(&somebody.hidden), "{somebody:?}");
        // The same difference where the edge is to be seen is the poster's.
        let edge = rows.map(|row| row.replace('o', "."));
        let sibling = found(&edge.each_ref().map(String::as_str));
        assert!(sibling.least < 0.5 && sibling.hidden < 0.01, "{sibling:?}");
    }

    /// The same in colours: the ground is greenish, prints have all colours, what is off is red, and so is `r`.
    fn in_colours(rows: &[&str]) -> Tiles {
        const RED: [f64; 2] = [-10.0, 40.0];
        const GROUND: [f64; 2] = [-20.0, -15.0];
        let plain = tiles(rows);
        let cells: Vec<char> = rows.iter().flat_map(|row| row.chars()).collect();
        let print = |i: usize| [(i % 7 * 8) as f64 - 24.0, (i % 5 * 10) as f64 - 20.0];
        let seen = |i: usize| match cells[i] {
            '#' => print(i),
            '.' => GROUND,
            _ => RED,
        };
        let tint = |(i, tile): (usize, &Option<Tile>)| {
            let reference = if "#x".contains(cells[i]) { print(i) } else { GROUND };
            let tints = Tints { reference, photo: seen(i), variances: [0.0; 2], covariance: 0.0 };
            tile.map(|tile| Tile { tint: Some(tints), photo_mean: tile.reference_mean, ..tile })
        };
        let edge = |(i, strips): (usize, &Option<[Strip; 2]>)| {
            let beyond = if "#.".contains(cells[i]) { [0.0; 2] } else { RED };
            strips.map(|[within, wall]| [Strip { tint: Some(seen(i)), ..within }, Strip { tint: Some(beyond), ..wall }])
        };
        let tinted = |tiles: &[Option<Tile>]| tiles.iter().enumerate().map(tint).collect();
        Tiles {
            across: plain.across,
            cells: tinted(&plain.cells),
            parts: tinted(&plain.parts),
            edge: plain.edge.iter().enumerate().map(edge).collect(),
        }
    }

    #[test]
    #[allow(clippy::float_cmp)] // exact: shares of whole tiles
    fn somebody_as_bright_as_the_ground_is_told_by_another_colour() {
        let rows = [
            "............",
            ".##########.",
            ".##########.",
            ".##########.",
            ".###xxxx###.",
            ".###xxxx###.",
            ".###xxxx###.",
            "....rrrr....",
            "....rrrr....",
        ];
        let grey = found(&rows);
        assert!(grey.least < 0.5 && grey.hidden == 0.0, "a sibling, by brightness alone: {grey:?}");
        let somebody = of(&in_colours(&rows));
        assert!(somebody.least > 0.9 && somebody.hidden > 0.15, "{somebody:?}");
    }

    #[test]
    fn a_price_at_an_edge_that_is_out_of_the_photo_is_still_another_price() {
        let cut_off = found(&["..........", ".########.", ".########.", ".########.", ".###xxxx#.", "....zzzz.."]);
        assert!(cut_off.least < 0.5 && cut_off.hidden < 0.01, "{cut_off:?}");
    }

    #[test]
    fn a_price_hard_by_the_edge_is_still_another_price() {
        let right = found(&["..........", ".########.", ".########.", ".########.", "..#######."]);
        assert!(right.least > 0.95, "{right:?}");
        let sibling = found(&["..........", ".########.", ".########.", ".########.", "..ZZZZZZZ."]);
        assert!(sibling.least < 0.5 && sibling.hidden < 0.01, "{sibling:?}");
    }

    #[test]
    fn somebody_who_comes_in_from_the_photos_border_hides_like_one_who_crosses_the_edge() {
        let [plain, print, hidden] = ["........    ", ".#######    ", ".###xxoo    "];
        let somebody = found(&[&[plain, print, print][..], &[hidden; 8], &[print, print, plain]].concat());
        assert!(somebody.least > 0.9 && somebody.hidden > 0.15, "{somebody:?}");
    }

    #[test]
    fn what_differs_along_somebodys_outline_is_part_of_it() {
        let somebody = found(&[
            "............",
            ".##########.",
            ".###xx#####.",
            ".##########.",
            ".###xxxx###.",
            ".###xxxx###.",
            ".###xxxx###.",
            "....oooo....",
            "....oooo....",
        ]);
        assert!(somebody.least > 0.9, "{somebody:?}");
    }

    #[test]
    fn a_price_that_somebody_touches_is_still_another_price() {
        let touched = found(&[
            "..................",
            ".################.",
            ".################.",
            "..................",
            "..oooo............",
            "..oooo..xxxxxxxx..",
            "..ooooo.xxxxxxxx..",
            "..oooo............",
            "..oooo............",
        ]);
        assert!(touched.least < 0.5 && touched.hidden > 0.05, "{touched:?}");
    }

    #[test]
    fn a_picture_at_somebodys_shoulder_is_still_another_picture() {
        let touched = found(&[
            "................",
            ".##############.",
            ".##############.",
            "................",
            "oooo............",
            "ooooo...........",
            "ooooo...........",
            "oooooxxxx.......",
            ".xxxxxxxx.......",
            ".xxxxxxxx..####.",
            ".xxxxxxxx..####.",
            ".xxxxxxxx..####.",
            ".xxxxxxxx.......",
            "................",
        ]);
        assert!(touched.least < 0.5 && (0.05..0.2).contains(&touched.hidden), "{touched:?}");
    }

    #[test]
    fn a_pole_hides_what_is_behind_it() {
        let [plain, print] = ["......oo......", ".#####xx#####."];
        let pole = found(&[&[plain][..], &[print; 8], &[plain]].concat());
        assert!(pole.least > 0.9 && pole.hidden > 0.1, "{pole:?}");
    }

    #[test]
    fn a_price_hard_by_an_edge_as_bright_as_the_wall_is_still_another_price() {
        let sibling = found(&[
            "................",
            ".##############.",
            ".##############.",
            ".##############.",
            ".####xxxxxx####.",
            ".####ZxxxZx####.",
        ]);
        assert!(sibling.least < 0.5 && sibling.hidden < 0.01, "{sibling:?}");
    }
}
