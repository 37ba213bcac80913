//! Tiles that differ, gathered into connected regions, and what each region is: something in the way,
//! or a part of the poster that is another one.
//!
//! Who stands before a poster stands before its edge too, and hides plain tiles there as well as
//! printed ones. What a sibling prints otherwise lies within the poster, with plain margin around it.

use crate::registration::{Tile, Tiles};

/// A printed tile that correlates less than this differs. Of photographs of the right poster one tile in
/// a thousand does, of those of a sibling nearly all where the two differ.
const SAME: f64 = 0.65;

/// A printed tile has this many times the contrast of the photo's noise, and at least so many grey
/// levels; below that noise alone decides how it correlates.
const PRINTED: (f64, f64) = (2.5, 4.0);

/// A plain tile is covered if it shows this much more contrast than it should: times the noise, and at
/// least so many grey levels.
const COVERED: (f64, f64) = (3.0, 6.0);

/// Or if its brightness is off by this factor: a shadow takes less.
const OTHER_LIGHT: f64 = 1.7;

/// Plain tiles of the outermost row or column that something in the way covers at least.
const COVERED_EDGE: usize = 3;

/// Regions of fewer tiles are blemishes: a stain, a reflection.
const SMALLEST: usize = 3;

/// What became of one tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not in the photo.
    Unseen,
    /// Printed, and the same.
    Same,
    /// Printed, and not the same.
    Differs,
    /// Plain in the reference and in the photo.
    Plain,
    /// Plain in the reference only.
    Covered,
}

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
    /// Mean correlation of 3 x 3 printed tiles where it is lowest, outside of what is hidden; the mean of all
    /// where no region differs.
    pub(super) least: f64,
}

/// Finds the regions.
pub(super) fn of(tiles: &Tiles) -> Regions {
    let states = states(tiles);
    let grid = Grid { across: tiles.across, down: states.len() / tiles.across.max(1) };
    let mut hidden = vec![false; states.len()];
    let mut differing = vec![false; states.len()];
    for region in grid.connected(|i| matches!(states[i], State::Differs | State::Covered)) {
        let count = |wanted: State| region.iter().filter(|&&i| states[i] == wanted).count();
        let at_edge = region.iter().filter(|&&i| states[i] == State::Covered && grid.is_edge(i)).count();
        let (marks, target) = if at_edge >= COVERED_EDGE {
            (count(State::Differs), &mut hidden)
        } else {
            (count(State::Differs), &mut differing)
        };
        if marks >= SMALLEST {
            for &i in &region {
                target[i] = true;
            }
        }
    }
    let share = |part: usize, of: usize| if of == 0 { 0.0 } else { part as f64 / of as f64 };
    let count = |wanted: &dyn Fn(usize) -> bool| (0..states.len()).filter(|&i| wanted(i)).count();
    let seen = count(&|i| states[i] != State::Unseen);
    let printed = |i: usize| matches!(states[i], State::Same | State::Differs);
    let open = |i: usize| printed(i) && !hidden[i];
    let correlation = |i: usize| tiles.tiles[i].map_or(0.0, |tile| tile.correlation);
    let mean = |of: &mut dyn Iterator<Item = usize>| {
        let (count, sum) = of.fold((0, 0.0), |(count, sum), i| (count + 1, sum + correlation(i)));
        (count, if count == 0 { 0.0 } else { sum / f64::from(count) })
    };
    let windows = (0..states.len()).filter(|&i| differing[i]).filter_map(|i| {
        let (count, mean) = mean(&mut grid.around(i).filter(|&near| open(near)));
        (count >= 4).then_some(mean)
    });
    let (_, overall) = mean(&mut (0..states.len()).filter(|&i| open(i)));
    Regions {
        in_view: share(seen, states.len()),
        printed: share(count(&|i| printed(i)), seen),
        hidden: share(count(&|i| hidden[i]), seen),
        same: share(count(&|i| open(i) && states[i] == State::Same), count(&open)),
        least: windows.fold(overall, f64::min),
    }
}

/// Contrast and noise of this photo tell which tiles are printed; then each tile is judged by itself.
fn states(tiles: &Tiles) -> Vec<State> {
    let seen: Vec<&Tile> = tiles.tiles.iter().flatten().collect();
    let rank = |mut values: Vec<f64>, share: f64| {
        let rank = (values.len() as f64 * share) as usize;
        if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(rank, f64::total_cmp).1 }
    };
    // What is left of the photo's contrast when the reference's is taken away; least in plain tiles.
    let left_over = |tile: &&Tile| tile.photo_contrast * (1.0 - tile.correlation.powi(2)).max(0.0).sqrt();
    let noise = rank(seen.iter().map(left_over).collect(), 0.2);
    let strong = seen.iter().filter(|tile| tile.reference_contrast > 8.0);
    let gain = rank(strong.map(|tile| tile.photo_contrast / tile.reference_contrast).collect(), 0.5);
    let light = |tile: &Tile| (tile.photo_mean + 10.0) / (tile.reference_mean + 10.0);
    let usual = rank(seen.iter().filter(|tile| tile.correlation > 0.8).map(|tile| light(tile)).collect(), 0.5);
    let judge = |tile: &Option<Tile>| {
        let Some(tile) = tile else { return State::Unseen };
        let expected = gain * tile.reference_contrast;
        if expected > (PRINTED.0 * noise).max(PRINTED.1) {
            return if tile.correlation >= SAME { State::Same } else { State::Differs };
        }
        let too_rich = tile.photo_contrast > expected + (COVERED.0 * noise).max(COVERED.1);
        let ratio = light(tile) / usual.max(1e-3);
        if too_rich || !(1.0 / OTHER_LIGHT..OTHER_LIGHT).contains(&ratio) { State::Covered } else { State::Plain }
    };
    tiles.tiles.iter().map(judge).collect()
}

struct Grid {
    across: usize,
    down: usize,
}

impl Grid {
    fn is_edge(&self, i: usize) -> bool {
        let (x, y) = (i % self.across, i / self.across);
        x == 0 || y == 0 || x + 1 == self.across || y + 1 == self.down
    }

    /// A tile and its up to eight neighbours.
    fn around(&self, i: usize) -> impl Iterator<Item = usize> {
        let (across, x, y) = (self.across, i % self.across, i / self.across);
        let rows = y.saturating_sub(1)..(y + 2).min(self.down);
        let columns = x.saturating_sub(1)..(x + 2).min(across);
        rows.flat_map(move |row| columns.clone().map(move |column| row * across + column))
    }

    /// Groups of neighbouring tiles that are `wanted`.
    fn connected(&self, wanted: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
        let mut reached = vec![false; self.across * self.down];
        let mut groups = Vec::new();
        for start in 0..reached.len() {
            if reached[start] || !wanted(start) {
                continue;
            }
            reached[start] = true;
            let mut group = vec![start];
            let mut next = 0;
            while let Some(&tile) = group.get(next) {
                next += 1;
                for near in self.around(tile) {
                    if !reached[near] && wanted(near) {
                        reached[near] = true;
                        group.push(near);
                    }
                }
            }
            groups.push(group);
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `#` printed and the same, `x` printed and not, `.` plain, `o` plain but covered, blank not in view.
    fn grid(rows: &[&str]) -> Tiles {
        let tile = |c: char| {
            let printed = Tile {
                reference_contrast: 40.0,
                photo_contrast: 30.0,
                reference_mean: 120.0,
                photo_mean: 100.0,
                correlation: 0.98,
            };
            match c {
                '#' => Some(printed),
                'x' => Some(Tile { correlation: 0.1, ..printed }),
                '.' => Some(Tile { reference_contrast: 0.5, photo_contrast: 2.0, correlation: 0.0, ..printed }),
                'o' => Some(Tile { reference_contrast: 0.5, correlation: 0.0, ..printed }),
                _ => None,
            }
        };
        Tiles { across: rows[0].len(), tiles: rows.iter().flat_map(|row| row.chars().map(tile)).collect() }
    }

    #[test]
    #[allow(clippy::float_cmp)] // exact: shares of whole tiles
    fn a_difference_within_is_the_posters_and_one_over_the_edge_is_not() {
        let right = of(&grid(&["........", ".######.", ".######.", ".######.", "........"]));
        assert!(right.least > 0.95 && right.hidden == 0.0 && right.same == 1.0, "{right:?}");
        let sibling = of(&grid(&["........", ".######.", ".##xxx#.", ".##xxx#.", "........"]));
        assert!(sibling.least < 0.5 && sibling.hidden == 0.0, "{sibling:?}");
        let somebody = of(&grid(&["........", ".######.", ".##xxx#.", ".##xxx#.", "..ooooo."]));
        assert!(somebody.least > 0.9 && (0.25..0.3).contains(&somebody.hidden), "{somebody:?}");
        let cut_off = of(&grid(&["....    ", ".###    ", ".###    ", ".###    ", "....    "]));
        assert!(cut_off.in_view == 0.5 && cut_off.same == 1.0, "{cut_off:?}");
    }

    #[test]
    fn a_stain_is_nothing() {
        let stained = of(&grid(&["........", ".######.", ".##x###.", ".######.", "........"]));
        assert!(stained.least > 0.9, "{stained:?}");
    }
}
