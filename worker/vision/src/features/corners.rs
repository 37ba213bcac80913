//! Corners of one level: pixels with nine neighbours in a row, on a ring of sixteen around them, that
//! are all brighter or all darker (Rosten's segment test); of these the ones that stand out most,
//! spread over the picture.

use crate::Luma;

use super::MARGIN;

/// Grey levels by which the nine differ. Low, as photos are soft and dim, and levels are smoothed: noise
/// of 7 grey levels has become one of 2.
const THRESHOLD: u8 = 8;

/// The ring, radius 3, clockwise from above.
const RING: [(isize, isize); 16] = [
    (0, -3),
    (1, -3),
    (2, -2),
    (3, -1),
    (3, 0),
    (3, 1),
    (2, 2),
    (1, 3),
    (0, 3),
    (-1, 3),
    (-2, 2),
    (-3, 1),
    (-3, 0),
    (-3, -1),
    (-2, -2),
    (-1, -3),
];

/// Side of the cells over which corners are spread, pixels.
const CELL: usize = 40;

/// In each cell so many may stand before the strongest of any other cell.
const PER_TURN: usize = 4;

/// Corners that are looked at more closely, for each one wanted.
const CANDIDATES: usize = 3;

/// A corner by its pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Corner {
    pub(super) x: u16,
    pub(super) y: u16,
    /// How far the nine differ in all, then Harris's measure: high where brightness changes in two directions.
    strength: f32,
}

/// At most `wanted` corners, at least [`MARGIN`] from the border.
pub(super) fn find(level: &Luma, wanted: usize) -> Vec<Corner> {
    let (width, height) = (level.width() as usize, level.height() as usize);
    if width <= 2 * MARGIN || height <= 2 * MARGIN {
        return Vec::new();
    }
    // The finer measure is the dearer one, so only corners that may be wanted are measured by it.
    let mut corners = spread(strongest_nearby(level), width, CANDIDATES * wanted);
    for corner in &mut corners {
        corner.strength = harris(level, usize::from(corner.y) * width + usize::from(corner.x));
    }
    corners.retain(|corner| corner.strength > 0.0);
    spread(corners, width, wanted)
}

/// Corners that differ more from their ring than their eight neighbours do from theirs.
fn strongest_nearby(level: &Luma) -> Vec<Corner> {
    let (width, height) = (level.width() as usize, level.height() as usize);
    let offsets = RING.map(|(dx, dy)| dy * width as isize + dx);
    let mut contrast = vec![0_u16; width * height];
    let mut found = Vec::new();
    let mut maybe = vec![0_u8; width - 2 * MARGIN];
    for y in MARGIN..height - MARGIN {
        mark_candidates(level, y, &mut maybe);
        for (x, _) in maybe.iter().enumerate().filter(|(_, maybe)| **maybe != 0) {
            let at = y * width + MARGIN + x;
            if let Some(difference) = segment_test(level.pixels(), at, &offsets) {
                contrast[at] = difference;
                found.push(at);
            }
        }
    }
    let stride = width as isize;
    let before = [-stride - 1, -stride, -stride + 1, -1];
    let after = [1, stride - 1, stride, stride + 1];
    let peak = |at: &usize| {
        let own = contrast[*at];
        let near = |by: isize| contrast[at.strict_add_signed(by)];
        // Of equals the first counts.
        before.iter().all(|&by| near(by) < own) && after.iter().all(|&by| near(by) <= own)
    };
    let corner =
        |at: usize| Corner { x: (at % width) as u16, y: (at / width) as u16, strength: f32::from(contrast[at]) };
    found.into_iter().filter(peak).map(corner).collect()
}

/// Nine in a row of sixteen include one of each two that lie opposite: pixels of which that cannot
/// be true are nearly all, and found without a branch.
fn mark_candidates(level: &Luma, y: usize, maybe: &mut [u8]) {
    let length = maybe.len();
    let from =
        |(dx, dy): (isize, isize)| &level.row(y.strict_add_signed(dy) as u32)[MARGIN.strict_add_signed(dx)..][..length];
    let here = from((0, 0));
    maybe.fill(3);
    for (&one, &other) in RING[..8].iter().zip(&RING[8..]) {
        let (one, other) = (from(one), from(other));
        for x in 0..length {
            let (high, low) = (here[x].saturating_add(THRESHOLD), here[x].saturating_sub(THRESHOLD));
            let brighter = u8::from(one[x].max(other[x]) > high);
            let darker = u8::from(one[x].min(other[x]) < low) << 1;
            maybe[x] &= brighter | darker;
        }
    }
}

/// The sum of differences beyond the threshold, if nine in a row are brighter, or darker.
fn segment_test(pixels: &[u8], at: usize, offsets: &[isize; 16]) -> Option<u16> {
    let center = i16::from(pixels[at]);
    let threshold = i16::from(THRESHOLD);
    let (mut brighter, mut darker) = (0_u32, 0_u32);
    let (mut excess, mut lack) = (0, 0);
    for (bit, &offset) in offsets.iter().enumerate() {
        let difference = i16::from(pixels[at.strict_add_signed(offset)]) - center;
        brighter |= u32::from(difference > threshold) << bit;
        darker |= u32::from(difference < -threshold) << bit;
        excess += (difference - threshold).max(0);
        lack += (-difference - threshold).max(0);
    }
    let best = match (nine_in_a_row(brighter), nine_in_a_row(darker)) {
        (true, _) => excess,
        (false, true) => lack,
        (false, false) => return None,
    };
    Some(best as u16)
}

/// Whether nine neighbouring bits of sixteen, the last next to the first, are set.
fn nine_in_a_row(ring: u32) -> bool {
    let unrolled = ring | ring << 16;
    let two = unrolled & unrolled >> 1;
    let four = two & two >> 2;
    let eight = four & four >> 4;
    eight & unrolled >> 8 != 0
}

/// Harris's measure over 7 x 7 pixels: determinant less 0.04 times the squared trace of the summed
/// products of slopes.
fn harris(level: &Luma, at: usize) -> f32 {
    let (pixels, width) = (level.pixels(), level.width() as usize);
    let (mut xx, mut yy, mut xy) = (0_i32, 0_i32, 0_i32);
    for y in 0..7 {
        let start = at + y * width - 3 * width - 3;
        let above = &pixels[start - width - 1..][..9];
        let here = &pixels[start - 1..][..9];
        let below = &pixels[start + width - 1..][..9];
        for x in 0..7 {
            let level = |row: &[u8], by: usize| i32::from(row[x + by]);
            let column = |by: usize| level(above, by) + 2 * level(here, by) + level(below, by);
            let row = |row: &[u8]| level(row, 0) + 2 * level(row, 1) + level(row, 2);
            let (dx, dy) = (column(2) - column(0), row(below) - row(above));
            xx += dx * dx; // at most 49 x 1,020^2 = 51 million
            yy += dy * dy;
            xy += dx * dy;
        }
    }
    let (xx, yy, xy) = (xx as f32, yy as f32, xy as f32);
    xx * yy - xy * xy - 0.04 * (xx + yy) * (xx + yy)
}

/// The strongest of each cell, then the next strongest of each, and so on.
fn spread(mut corners: Vec<Corner>, width: usize, wanted: usize) -> Vec<Corner> {
    if corners.len() <= wanted {
        return corners;
    }
    corners.sort_unstable_by(|a, b| b.strength.total_cmp(&a.strength).then((a.y, a.x).cmp(&(b.y, b.x))));
    let across = width.div_ceil(CELL);
    let cell = |corner: &Corner| usize::from(corner.y) / CELL * across + usize::from(corner.x) / CELL;
    let cells = corners.iter().map(cell).max().map_or(0, |last| last + 1);
    let mut standing = vec![0; cells];
    let mut turns: Vec<(usize, Corner)> = corners
        .into_iter()
        .map(|corner| {
            let before = &mut standing[cell(&corner)];
            *before += 1;
            ((*before - 1) / PER_TURN, corner)
        })
        .collect();
    turns.sort_by_key(|(turn, _)| *turn); // stable: the strongest first within a turn
    turns.truncate(wanted);
    turns.into_iter().map(|(_, corner)| corner).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn picture(side: u32, level: impl Fn(u32, u32) -> u8) -> Luma {
        Luma::new(side, side, (0..side * side).map(|i| level(i % side, i / side)).collect()).unwrap()
    }

    #[test]
    fn a_square_has_four_corners_and_a_plain_none() {
        let square = picture(80, |x, y| if (30..50).contains(&x) && (30..50).contains(&y) { 200 } else { 50 });
        let corners = find(&square, 100);
        assert_eq!(corners.len(), 4, "{corners:?}");
        for corner in corners {
            let near = |v: u16| v.abs_diff(30) <= 2 || v.abs_diff(49) <= 2;
            assert!(near(corner.x) && near(corner.y), "{corner:?}");
        }
        assert_eq!(find(&picture(80, |_, _| 50), 100), []);
        assert_eq!(find(&picture(80, |x, _| if x < 40 { 0 } else { 255 }), 100), [], "an edge is no corner");
        assert_eq!(find(&picture(20, |x, y| (x * y) as u8), 100), [], "nothing fits between the margins");
    }

    #[test]
    fn nine_bits_in_a_row_count_around_the_end_too() {
        for (ring, expected) in [
            (0b0000_0001_1111_1111, true),
            (0b1111_0000_0001_1111, true),
            (0b0000_0000_1111_1111, false),
            (0b1110_0000_0001_1111, false),
            (0b1111_1110_1111_1011, true),
            (0b1111_1101_1111_1011, false),
            (0b1111_0111_1011_1101, false),
            (0xFFFF, true),
        ] {
            assert_eq!(nine_in_a_row(ring), expected, "{ring:016b}");
        }
    }

    #[test]
    fn weak_corners_elsewhere_come_before_the_fifth_strongest_here() {
        let strong = (0..6).map(|i| Corner { x: 20 + i, y: 20, strength: 9.0 - f32::from(i) });
        let weak = Corner { x: 200, y: 20, strength: 0.1 };
        let chosen = spread(strong.chain([weak]).collect(), 300, 5);
        assert_eq!(chosen.iter().map(|corner| corner.x).collect::<Vec<_>>(), [20, 21, 22, 23, 200]);
    }
}
