//! Which cells something in the way hides.
//!
//! Who stands before a poster covers plain ground too, ends anywhere, also in the midst of print, and hides the poster's
//! edge. What a sibling prints otherwise ends where print ends, with the ground around it to be seen. Each of these is
//! worth something, and what is cheapest altogether is taken to be so: a minimum cut.

use super::colours::distance;
use super::cut::{self, Cost};
use super::grid::{Grid, SIDES};
use super::outline::filled;
use super::state::State;
use crate::registration::{Strip, Tiles};

/// Each side of a cell along which something in the way ends: it has no more outline than it must have. What follows
/// is in the same units.
const BORDER: u32 = 4;
/// Print that is the same, called hidden: it looks so by chance.
const SAME_HIDDEN: u32 = 20;
/// Plain ground, called hidden: somebody may look like it.
const PLAIN_HIDDEN: u32 = 4;
/// Ground that shows something else, called seen: a sibling has print there.
const COVERED_SEEN: u32 = 20;
/// Print that differs, called hidden, for each side on which its end is to be seen, and the ground beyond.
const END_HIDDEN: u32 = 5;
/// Print that differs, called seen, for each side on which print goes on, and that is the same.
const REST_SEEN: u32 = 7;
/// The poster's edge cannot be seen beside a cell that differs, and nothing is in the way.
const NO_EDGE_SEEN: u32 = 7;
/// It can be seen, and something is in the way.
const EDGE_HIDDEN: u32 = 10;
/// What hides cells must be cheaper than nothing by so much: it is there at all.
const BODY: i64 = 40;

/// Print ends no further from a cell than this: tiles are two cells wide, so that its end looks the same twice.
const END_WITHIN: usize = 3;
/// Cells of the rim that something in the way hides, and with them the poster's edge: 6 % of the longer side.
const HIDDEN_EDGE: usize = 3;
/// Plain cells of the rim that are hidden by somebody at whose side the edge only seems to go on.
const HIDDEN_RIM: usize = 6;
/// The levels on both sides of an edge that can be seen differ by so many, and this share of the brighter one.
const EDGE: (f64, f64) = (5.0, 0.08);
/// Or their colours by so many levels.
const EDGE_TINT: f64 = 8.0;
/// Cells so near to what is in the way are its outline.
const OUTLINE: usize = 2;

/// For each cell whether it is hidden.
pub(super) fn hidden(grid: Grid, states: &[State], tiles: &Tiles) -> Vec<bool> {
    let ends: Vec<bool> = (0..grid.len()).map(|i| is_end(grid, i, states)).collect();
    let costs: Vec<Cost> = (0..grid.len()).map(|i| cost(grid, i, states, tiles.edge[i])).collect();
    let cut = cut::hidden(grid, &costs, BORDER);
    let is_body =
        |part: &Vec<usize>| saved(grid, part, &costs, &cut) > BODY && crosses_edge(part, &ends, states, tiles);
    let bodies = grid.connected(|i| cut[i] && states[i] != State::Unseen).into_iter().filter(is_body);
    let mut hidden = grid.mask(&bodies.flat_map(|body| filled(&body, grid.across)).collect::<Vec<_>>());
    let is_outline = |region: &Vec<usize>| region.iter().all(|&i| grid.around(i, OUTLINE).any(|near| hidden[near]));
    let outlines: Vec<usize> =
        grid.connected(|i| states[i].is_off() && !hidden[i]).into_iter().filter(is_outline).flatten().collect();
    for i in outlines {
        hidden[i] = true;
    }
    hidden
}

/// Whether nothing of the poster can be seen beyond a cell: it is of the rim, or the photo ends beside it.
fn is_end(grid: Grid, i: usize, states: &[State]) -> bool {
    let unseen = |near: usize| states[near] == State::Unseen;
    states[i] != State::Unseen && (grid.is_rim(i) || grid.beside(i).any(unseen))
}

/// What it costs to call a cell one or the other. What is not in the photo costs nothing.
fn cost(grid: Grid, i: usize, states: &[State], edge: Option<[Strip; 2]>) -> Cost {
    let own = match states[i] {
        State::Unseen => Cost::default(),
        State::Same => Cost { seen: 0, hidden: SAME_HIDDEN },
        State::Plain => Cost { seen: 0, hidden: PLAIN_HIDDEN },
        State::Covered => Cost { seen: COVERED_SEEN, hidden: 0 },
        State::Differs => print(grid, i, states),
    };
    match edge.map(is_visible) {
        Some(true) => Cost { hidden: own.hidden + EDGE_HIDDEN, ..own },
        Some(false) if states[i].is_off() => Cost { seen: own.seen + NO_EDGE_SEEN, ..own },
        _ => own,
    }
}

/// Of print that differs, by what is on its sides.
fn print(grid: Grid, i: usize, states: &[State]) -> Cost {
    (0..SIDES).fold(Cost::default(), |cost, side| {
        let mut beyond = grid.outwards(i, side).take(END_WITHIN).map(|near| states[near]);
        let next = beyond.next();
        let ends = next == Some(State::Plain)
            || next == Some(State::Same) && beyond.find(|&state| state != State::Same) == Some(State::Plain);
        match next {
            _ if ends => Cost { hidden: cost.hidden + END_HIDDEN, ..cost },
            Some(State::Same) => Cost { seen: cost.seen + REST_SEEN, ..cost },
            _ => cost,
        }
    })
}

/// How much cheaper it is that something hides a part than that it is seen.
fn saved(grid: Grid, part: &[usize], costs: &[Cost], cut: &[bool]) -> i64 {
    let own: i64 = part.iter().map(|&i| i64::from(costs[i].seen) - i64::from(costs[i].hidden)).sum();
    let borders = part.iter().flat_map(|&i| grid.beside(i)).filter(|&near| !cut[near]).count();
    own - i64::from(BORDER) * borders as i64
}

/// Whether what hides a part goes on beyond the poster.
fn crosses_edge(part: &[usize], ends: &[bool], states: &[State], tiles: &Tiles) -> bool {
    let ends = || part.iter().filter(|&&i| ends[i] && states[i].is_off());
    // An edge that is out of the photo tells nothing.
    let edge_hidden = ends().filter(|&&i| tiles.edge[i].is_some_and(|edge| !is_visible(edge))).count();
    let plain_hidden = ends().filter(|&&i| states[i] == State::Covered).count();
    edge_hidden >= HIDDEN_EDGE || plain_hidden >= HIDDEN_RIM
}

/// Whether poster and wall differ along a part of the edge.
fn is_visible([within, beyond]: [Strip; 2]) -> bool {
    let tints = within.tint.zip(beyond.tint).map_or(0.0, |(within, beyond)| distance(within, beyond));
    (within.level - beyond.level).abs() > EDGE.0 + EDGE.1 * within.level.max(beyond.level) || tints > EDGE_TINT
}
