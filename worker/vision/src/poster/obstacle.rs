//! Which cells something in the way hides.
//!
//! Who stands before a poster stands before its edge too, and hides it. What a sibling prints otherwise leaves the
//! edge to be seen, and ends where print ends, with plain cells around it. Both may touch.

use super::colours::distance;
use super::grid::Grid;
use super::outline::filled;
use super::state::State;
use crate::registration::{Strip, Tiles};

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
    let mut hidden = vec![false; grid.len()];
    let (crossing, within): (Vec<_>, Vec<_>) = grid
        .connected(|i| states[i].is_off())
        .into_iter()
        .partition(|region| crosses_edge(region, &ends, states, tiles));
    for region in crossing {
        let region = grid.mask(&region);
        let mut body = body(grid, &region, &ends, states);
        for part in grid.connected(|i| region[i] && !body[i]) {
            if !is_print(grid, &part, states, &body) {
                for i in part {
                    body[i] = true;
                }
            }
        }
        hidden.iter_mut().zip(body).for_each(|(hidden, body)| *hidden |= body);
    }
    let outline = |region: &&Vec<usize>| is_outline(grid, region, &hidden);
    let outlines: Vec<usize> = within.iter().filter(outline).flatten().copied().collect();
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

/// Whether a region goes on beyond the poster.
fn crosses_edge(region: &[usize], ends: &[bool], states: &[State], tiles: &Tiles) -> bool {
    let is_visible = |[within, beyond]: [Strip; 2]| {
        let tints = within.tint.zip(beyond.tint).map_or(0.0, |(within, beyond)| distance(within, beyond));
        (within.level - beyond.level).abs() > EDGE.0 + EDGE.1 * within.level.max(beyond.level) || tints > EDGE_TINT
    };
    let ends = || region.iter().filter(|&&i| ends[i]);
    // An edge that is out of the photo tells nothing.
    let edge_hidden = ends().filter(|&&i| tiles.edge[i].is_some_and(|edge| !is_visible(edge))).count();
    let plain_hidden = ends().filter(|&&i| states[i] == State::Covered).count();
    edge_hidden >= HIDDEN_EDGE || plain_hidden >= HIDDEN_RIM
}

/// The part of a region that is in the way for sure: what is three cells thick and goes on from there to the edge,
/// and what lies within its convex outline, even where it happens to look like the poster behind it.
fn body(grid: Grid, region: &[bool], ends: &[bool], states: &[State]) -> Vec<bool> {
    // Nothing is missing beyond the edge, or outside of the photo.
    let inside = |i: usize| region[i] || states[i] == State::Unseen;
    let core: Vec<bool> = (0..grid.len()).map(|i| region[i] && grid.around(i, 1).all(inside)).collect();
    let thick = grid.connected(|i| core[i]).into_iter().filter(|part| part.iter().any(|&i| ends[i]));
    let cells: Vec<usize> = thick.flatten().flat_map(|i| grid.around(i, 1)).filter(|&i| region[i]).collect();
    grid.mask(&filled(&cells, grid.across))
}

/// Whether all of a region lies along the outline of what is in the way.
fn is_outline(grid: Grid, region: &[usize], hidden: &[bool]) -> bool {
    region.iter().all(|&i| grid.around(i, OUTLINE).any(|near| hidden[near]))
}

/// Whether a part of a region, next to the body of what is in the way, is print of a sibling: away from the body,
/// and with more plain cells around it than it shares with what is in the way.
fn is_print(grid: Grid, part: &[usize], states: &[State], body: &[bool]) -> bool {
    if is_outline(grid, part, body) {
        return false;
    }
    let own = grid.mask(part);
    let around = |wanted: &dyn Fn(usize) -> bool| {
        let beside = part.iter().flat_map(|&i| grid.beside(i));
        beside.filter(|&near| !own[near] && wanted(near)).count()
    };
    let rim = part.iter().filter(|&&i| grid.is_rim(i)).count();
    // Something thin that reaches over the edge itself hides plain cells as well as print.
    let covered = if rim > 0 { part.iter().filter(|&&i| states[i] == State::Covered).count() } else { 0 };
    around(&|near| states[near] == State::Plain) > around(&|near| body[near]) + rim + covered
}
