//! Cells in rows, their neighbours, and groups of neighbours.

use crate::registration::Tiles;

/// Of a cell: left, right, upper, lower.
pub(super) const SIDES: usize = 4;

/// Rows of `across` cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    pub(super) across: usize,
    pub(super) down: usize,
}

impl Grid {
    pub(super) fn of(tiles: &Tiles) -> Self {
        Self { across: tiles.across, down: tiles.cells.len() / tiles.across.max(1) }
    }

    pub(super) fn len(self) -> usize {
        self.across * self.down
    }

    /// The outermost rows and columns.
    pub(super) fn is_rim(self, i: usize) -> bool {
        let (x, y) = (i % self.across, i / self.across);
        x == 0 || y == 0 || x + 1 == self.across || y + 1 == self.down
    }

    /// The outermost rows and columns, one after the other.
    pub(super) fn sides(self) -> [Vec<usize>; 4] {
        let (across, down) = (self.across, self.down);
        let row = |y: usize| (y * across..(y + 1) * across).collect();
        let column = |x: usize| (0..down).map(|y| y * across + x).collect();
        [row(0), row(down - 1), column(0), column(across - 1)]
    }

    /// The cells that the tile of a cell judges: itself, and within the rim those to its right and below it.
    pub(super) fn tile(self, i: usize) -> impl Iterator<Item = usize> {
        let count = if self.is_rim(i) { 1 } else { 4 };
        [i, i + 1, i + self.across, i + self.across + 1].into_iter().take(count)
    }

    /// For each cell whether it is one of these.
    pub(super) fn mask(self, cells: &[usize]) -> Vec<bool> {
        let mut mask = vec![false; self.len()];
        for &i in cells {
            mask[i] = true;
        }
        mask
    }

    /// All cells at most `reach` columns and rows away, the cell too.
    pub(super) fn around(self, i: usize, reach: usize) -> impl Iterator<Item = usize> {
        let (across, x, y) = (self.across, i % self.across, i / self.across);
        let rows = y.saturating_sub(reach)..(y + reach + 1).min(self.down);
        let columns = x.saturating_sub(reach)..(x + reach + 1).min(across);
        rows.flat_map(move |row| columns.clone().map(move |column| row * across + column))
    }

    /// The cell beyond one of the sides of a cell.
    fn neighbour(self, i: usize, side: usize) -> Option<usize> {
        let (x, y) = (i % self.across, i / self.across);
        match side {
            0 => (x > 0).then(|| i - 1),
            1 => (x + 1 < self.across).then_some(i + 1),
            2 => (y > 0).then(|| i - self.across),
            _ => (y + 1 < self.down).then_some(i + self.across),
        }
    }

    /// The side that two neighbours share, seen from the other one.
    pub(super) fn opposite(side: usize) -> usize {
        side ^ 1
    }

    /// The up to four that share a side with a cell, each with that side of the cell.
    pub(super) fn neighbours(self, i: usize) -> impl Iterator<Item = (usize, usize)> {
        (0..SIDES).filter_map(move |side| Some((side, self.neighbour(i, side)?)))
    }

    /// The same without the sides.
    pub(super) fn beside(self, i: usize) -> impl Iterator<Item = usize> {
        self.neighbours(i).map(|(_, near)| near)
    }

    /// All cells beyond a side of a cell, the nearest first.
    pub(super) fn outwards(self, i: usize, side: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.neighbour(i, side), move |&near| self.neighbour(near, side))
    }

    /// Groups of `wanted` cells that hang together by their sides.
    pub(super) fn connected(self, wanted: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
        let mut reached = vec![false; self.len()];
        let mut groups = Vec::new();
        for start in 0..self.len() {
            if reached[start] || !wanted(start) {
                continue;
            }
            reached[start] = true;
            let mut group = vec![start];
            let mut next = 0;
            while let Some(&cell) = group.get(next) {
                next += 1;
                for near in self.beside(cell) {
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
