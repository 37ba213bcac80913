//! From a map that is right to a pixel or two to one that is right to a fraction, and the tiles seen
//! through it.

use super::search::{SIDE, best};
use super::template::Template;
use super::tiles::{self, BEYOND, Tiles};
use crate::geometry::{Homography, Point, frame, mean_side};
use crate::warp::{in_view, straightened};
use crate::{Luma, Tint};

/// Pixels between the edge and the first tile: a strip of the wall behind would look like a difference.
const INSET: usize = 4;
/// Pixels between tiles while the map is being improved.
const COARSE: usize = 24;
/// Pixels that a tile may be off before the map is improved, and once it was.
const REACH: [isize; 2] = [3, 1];
/// Grey levels; plainer tiles say nothing about where they are.
const MIN_CONTRAST: f64 = 8.0;
/// Tiles that correlate less say nothing about where they are.
const MIN_CORRELATION: f64 = 0.6;

/// The better map, from the unit square, and the tiles; `None` if hardly any tile is in view.
pub(super) fn align(
    photo: &Luma,
    tint: Option<&Tint>,
    template: &Template,
    map: &Homography,
) -> Option<(Homography, Tiles)> {
    let to_unit = Homography::scale(1.0 / f64::from(template.width), 1.0 / f64::from(template.height));
    let size = (f64::from(template.width), f64::from(template.height));
    let map = map.after(&to_unit);
    // A poster larger than the template is shrunk first, or its fine details would flicker.
    let corners = frame(size.0, size.1).map(|corner| map.apply(corner).unwrap_or_default());
    let larger = mean_side(&corners) / mean_side(&frame(size.0, size.1));
    let side = f64::from(photo.width().max(photo.height())) / larger.max(1.0);
    let seen_from = if larger > 1.25 { photo.shrunk_to(side as u32) } else { photo.clone() };
    // Sizes are whole pixels, so the two axes differ a little.
    let factor = |whole: u32, shrunk: u32| f64::from(shrunk) / f64::from(whole);
    let (across, down) = (factor(photo.width(), seen_from.width()), factor(photo.height(), seen_from.height()));
    let photo = &seen_from;
    let mut map = Homography::scale(across, down).after(&map);
    let templates = template.soft();
    let mut soft = 0;
    for reach in REACH {
        let seen = straightened(photo, &map, template.width, template.height);
        soft = softness(&templates, &seen);
        map = improved(photo, &templates[soft], &seen, &map, reach).unwrap_or(map);
    }
    let with_wall = map.after(&Homography::shift(-(BEYOND as f64), -(BEYOND as f64)));
    let more = 2 * BEYOND as u32;
    let seen = straightened(photo, &with_wall, template.width + more, template.height + more);
    // Colours at half of the template's size, wherever their pixels are.
    let tints = template.tint.as_ref().zip(tint).map(|(known, tint)| {
        let plane = |plane: &Luma| {
            let factor = |whole: u32, own: u32| f64::from(own) / f64::from(whole);
            let to_plane =
                Homography::scale(factor(photo.width(), plane.width()), factor(photo.height(), plane.height()));
            let map = to_plane.after(&with_wall).after(&Homography::scale(2.0, 2.0));
            straightened(plane, &map, seen.width().div_ceil(2), seen.height().div_ceil(2))
        };
        (known, tint.each(plane))
    });
    let tints = tints.as_ref().map(|(known, seen)| (*known, seen));
    let tiles = tiles::compare(&templates[soft], &seen, tints, |columns, rows| {
        let (width, height) = (columns.len() as f64, rows.len() as f64);
        in_view(photo, &with_wall, columns.start as f64, rows.start as f64, width, height)
    });
    if tiles.parts.iter().flatten().count() < 20 {
        return None;
    }
    let to_template = Homography::scale(size.0, size.1);
    Some((Homography::scale(1.0 / across, 1.0 / down).after(&map).after(&to_template), tiles))
}

fn grid(template: &Luma, step: usize) -> impl Iterator<Item = (usize, usize)> {
    let (width, height) = (template.width() as usize, template.height() as usize);
    let fit = move |length: usize| match length.checked_sub(SIDE + 2 * INSET) {
        Some(room) => room / step + 1,
        None => 0,
    };
    let at = move |index: usize| INSET + index * step;
    let across = fit(width);
    (0..fit(height)).flat_map(move |row| (0..across).map(move |column| (at(column), at(row))))
}

/// The softness at which the median tile correlates best.
fn softness(templates: &[Luma], seen: &Luma) -> usize {
    let median = |soft: &Luma| {
        let tiles = grid(soft, COARSE).map(|(x, y)| best(soft, seen, x, y, 0).0);
        let textured = tiles.filter(|tile| tile.reference_contrast >= MIN_CONTRAST);
        let mut correlations: Vec<f64> = textured.map(|tile| tile.correlation).collect();
        let middle = correlations.len() / 2;
        if correlations.is_empty() { -1.0 } else { *correlations.select_nth_unstable_by(middle, f64::total_cmp).1 }
    };
    let medians: Vec<f64> = templates.iter().map(median).collect();
    (0..medians.len()).max_by(|&a, &b| medians[a].total_cmp(&medians[b])).unwrap_or(0)
}

/// Fitted to where tiles with something to see are found.
fn improved(photo: &Luma, template: &Luma, seen: &Luma, map: &Homography, reach: isize) -> Option<Homography> {
    let moves: Vec<(Point, Point, f64)> = grid(template, COARSE)
        .filter(|&(x, y)| in_view(photo, map, x as f64, y as f64, SIDE as f64, SIDE as f64))
        .filter_map(|(x, y)| {
            let (tile, [dx, dy]) = best(template, seen, x, y, reach);
            let known = tile.reference_contrast >= MIN_CONTRAST && tile.correlation >= MIN_CORRELATION;
            let half = SIDE as f64 / 2.0;
            let center = Point { x: x as f64 + half, y: y as f64 + half };
            let found = map.apply(Point { x: center.x + dx, y: center.y + dy })?;
            known.then_some((center, found, tile.correlation.powi(4)))
        })
        .collect();
    if moves.len() < 12 {
        return None;
    }
    Homography::fit(moves.into_iter())
}
