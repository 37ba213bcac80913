//! Cells sorted into two kinds in the cheapest way, where a kind costs something for each cell, and so does each border
//! between kinds: a minimum cut. It is exact (Greig, Porteous, Seheult: Exact maximum a posteriori estimation for
//! binary images, 1989), and found by flows along shortest paths (Edmonds and Karp, 1972).

use super::grid::{Grid, SIDES};

/// What it costs to call a cell seen, and to call it hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cost {
    pub(super) seen: u32,
    pub(super) hidden: u32,
}

/// Which cells are hidden in the cheapest way; of several such in the one that hides least. `border` is the cost of each
/// two neighbours of two kinds.
pub(super) fn hidden(grid: Grid, costs: &[Cost], border: u32) -> Vec<bool> {
    let mut flow = Flow {
        grid,
        into: costs.iter().map(|cost| cost.seen.saturating_sub(cost.hidden)).collect(),
        out_of: costs.iter().map(|cost| cost.hidden.saturating_sub(cost.seen)).collect(),
        across: vec![[border; SIDES]; grid.len()],
    };
    loop {
        let reached = flow.reach();
        match reached.end {
            Some(end) => flow.push(&reached.from, end),
            None => return reached.from.iter().map(Option::is_some).collect(),
        }
    }
}

/// How much may still flow: into cells that are better called hidden, on to their neighbours, and out of cells that are
/// better called seen.
struct Flow {
    grid: Grid,
    into: Vec<u32>,
    out_of: Vec<u32>,
    /// Of each cell, over each of its sides.
    across: Vec<[u32; SIDES]>,
}

/// From where a cell was reached.
#[derive(Clone, Copy)]
enum From {
    /// Flow comes in here.
    Outside,
    /// From a neighbour, over this side of it.
    Cell(usize, usize),
}

struct Reached {
    from: Vec<Option<From>>,
    /// The nearest cell where flow may go out.
    end: Option<usize>,
}

impl Flow {
    /// All cells that may get more, nearest first, up to one that may give it away.
    fn reach(&self) -> Reached {
        let mut queue: Vec<usize> = (0..self.grid.len()).filter(|&i| self.into[i] > 0).collect();
        let mut from = vec![None; self.grid.len()];
        for &i in &queue {
            from[i] = Some(From::Outside);
        }
        let mut next = 0;
        while let Some(&i) = queue.get(next) {
            next += 1;
            if self.out_of[i] > 0 {
                return Reached { from, end: Some(i) };
            }
            for (side, near) in self.grid.neighbours(i) {
                if self.across[i][side] > 0 && from[near].is_none() {
                    from[near] = Some(From::Cell(i, side));
                    queue.push(near);
                }
            }
        }
        Reached { from, end: None }
    }

    /// Lets as much flow to `end` as the way there takes.
    fn push(&mut self, from: &[Option<From>], end: usize) {
        let mut steps = Vec::new();
        let mut start = end;
        while let Some(From::Cell(before, side)) = from[start] {
            steps.push((before, side, start));
            start = before;
        }
        let narrowest = steps.iter().map(|&(cell, side, _)| self.across[cell][side]).min().unwrap_or(u32::MAX);
        let amount = narrowest.min(self.into[start]).min(self.out_of[end]);
        self.into[start] -= amount;
        self.out_of[end] -= amount;
        for (cell, side, near) in steps {
            self.across[cell][side] -= amount;
            self.across[near][Grid::opposite(side)] += amount;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix;

    const GRID: Grid = Grid { across: 4, down: 3 };

    fn total(costs: &[Cost], border: u32, hidden: impl Fn(usize) -> bool) -> u32 {
        let own = |i: usize| if hidden(i) { costs[i].hidden } else { costs[i].seen };
        let borders = |i: usize| GRID.neighbours(i).filter(|&(_, near)| hidden(near) && !hidden(i)).count() as u32;
        (0..GRID.len()).map(|i| own(i) + border * borders(i)).sum()
    }

    #[test]
    fn no_other_way_is_cheaper() {
        for seed in 0..300 {
            let random = &mut SplitMix::new(seed);
            let mut below = |limit: u32| random.below(limit as usize) as u32;
            let costs: Vec<Cost> = (0..GRID.len()).map(|_| Cost { seen: below(10), hidden: below(10) }).collect();
            let border = below(6);
            let cheapest = (0..1 << GRID.len()).map(|kinds| total(&costs, border, |i| kinds >> i & 1 == 1)).min();
            let found = hidden(GRID, &costs, border);
            assert_eq!(Some(total(&costs, border, |i| found[i])), cheapest, "seed {seed}: {costs:?}, border {border}");
        }
    }

    #[test]
    fn what_costs_the_same_is_seen() {
        assert_eq!(hidden(GRID, &[Cost::default(); 12], 1), [false; 12]);
    }
}
