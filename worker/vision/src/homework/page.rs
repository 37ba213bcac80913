//! The blank page at the size at which it is read: what is printed, where answers belong, where nobody
//! writes.

use super::Region;
use super::ink::{near, strokes};
use crate::Luma;
use crate::geometry::Homography;
use crate::registration::Found;
use crate::warp::{in_view, straightened};

/// The longer side at which a page is read, pixels: a pen's line on A4 is 1.7 wide, a pencil's 1.2.
const SIDE: u32 = 1_000;

/// Light that is missing where something is printed, in 1/255.
const PRINTED: u8 = 16;
/// Pixels around print that do not count: the page may lie so far off.
const AROUND_PRINT: usize = 3;
/// Pixels around print, and from the edges, in which noise is not measured.
const QUIET: usize = 10;
/// Of the pixels where nobody writes this share is darker than the threshold, by noise.
const NOISE_RANK: f64 = 0.995;
/// The threshold is this many times as dark as that, and at least so dark, in 1/255: a faint pencil's line
/// takes 30 of white paper's light, what an eraser leaves 8.
const THRESHOLD: (f64, f64) = (1.25, 14.0);
/// A line over more than this share of a region's width is a fold, or a printed line that the paper's bend has
/// moved; nobody writes so straight.
const CROSSED: f64 = 0.8;
/// Ink is measured against a square whose side is a region's height, at most this: a word counts as much
/// in a large box as on a line.
const WORD: f64 = 28.0;

#[derive(Debug, Clone)]
pub(super) struct Page {
    width: u32,
    height: u32,
    regions: Vec<Area>,
    /// Whether a pixel is printed or next to print.
    printed: Vec<bool>,
    /// Whether a pixel is paper where nobody writes, well away from print.
    quiet: Vec<bool>,
}

/// Pixels of the page as it is read.
#[derive(Debug, Clone, Copy)]
struct Area {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

/// What was measured on a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ink {
    /// For each region its ink in squares of a word's height; `None` where it is not in the photo.
    pub(super) regions: Vec<Option<f64>>,
    /// Light that must be missing, share: above a third only a marker would be seen.
    pub(super) threshold: f64,
}

impl Page {
    pub(super) fn of(blank: &Luma, regions: &[Region]) -> Self {
        let page = blank.shrunk_to(SIDE);
        let (width, height) = (page.width() as usize, page.height() as usize);
        let scale_x = width as f64 / f64::from(blank.width());
        let scale_y = height as f64 / f64::from(blank.height());
        let at = |value: u32, scale: f64, end: usize| ((f64::from(value) * scale).round() as usize).min(end);
        let area = |region: &Region| Area {
            left: at(region.x, scale_x, width),
            top: at(region.y, scale_y, height),
            right: at(region.x + region.width, scale_x, width),
            bottom: at(region.y + region.height, scale_y, height),
        };
        let areas: Vec<Area> = regions.iter().map(area).collect();
        let print = strokes(&page);
        let printed = near(&print, PRINTED, AROUND_PRINT);
        let mut quiet: Vec<bool> = near(&print, PRINTED, QUIET).iter().map(|near| !near).collect();
        for (i, quiet) in quiet.iter_mut().enumerate() {
            // The table shows at the edge of a page that is not quite flat.
            let (x, y) = (i % width, i / width);
            *quiet &= (QUIET..width - QUIET).contains(&x) && (QUIET..height - QUIET).contains(&y);
        }
        for area in &areas {
            // Letters reach over lines.
            for y in area.top.saturating_sub(20)..(area.bottom + 20).min(height) {
                quiet[y * width..][area.left.saturating_sub(20)..(area.right + 20).min(width)].fill(false);
            }
        }
        Self { width: page.width(), height: page.height(), regions: areas, printed, quiet }
    }

    /// Measures the ink in each region.
    pub(super) fn ink(&self, photo: &Luma, found: &Found) -> Ink {
        let to_unit = Homography::scale(1.0 / f64::from(self.width), 1.0 / f64::from(self.height));
        let map = found.map.after(&to_unit);
        let dark = strokes(&straightened(photo, &map, self.width, self.height));
        let limit = self.threshold(&dark);
        let regions = self.regions.iter().map(|area| {
            let visible = in_view(
                photo,
                &map,
                area.left as f64,
                area.top as f64,
                (area.right - area.left) as f64,
                (area.bottom - area.top) as f64,
            );
            visible.then(|| self.written(&dark, area, limit))
        });
        Ink { regions: regions.collect(), threshold: f64::from(limit) / 255.0 }
    }

    /// How much light a stroke must take away to be no noise.
    fn threshold(&self, dark: &Luma) -> u8 {
        let mut quiet: Vec<u8> =
            (0..dark.pixels().len()).step_by(3).filter(|&i| self.quiet[i]).map(|i| dark.pixels()[i]).collect();
        if quiet.is_empty() {
            return u8::MAX;
        }
        let rank = ((quiet.len() - 1) as f64 * NOISE_RANK) as usize;
        let noise = f64::from(*quiet.select_nth_unstable(rank).1);
        (noise * THRESHOLD.0).max(THRESHOLD.1).min(255.0) as u8
    }

    /// Dark pixels with at least three dark ones among their eight neighbours, in squares of a word's height.
    fn written(&self, dark: &Luma, area: &Area, limit: u8) -> f64 {
        let width = self.width as usize;
        let is_ink = |x: usize, y: usize| !self.printed[y * width + x] && dark.pixels()[y * width + x] > limit;
        let columns = area.left.max(1)..area.right.min(width - 1);
        let rows = area.top.max(1)..area.bottom.min(self.height as usize - 1);
        let crossed = |y: usize| {
            let inked = columns.clone().filter(|&x| (y - 1..=y + 1).any(|y| is_ink(x, y))).count();
            inked as f64 > CROSSED * columns.len() as f64
        };
        let mut count = 0_u32;
        for y in rows.filter(|&y| !crossed(y)) {
            for x in columns.clone() {
                if is_ink(x, y) {
                    let near = (0..9).filter(|i| is_ink(x + i % 3 - 1, y + i / 3 - 1)).count();
                    count += u32::from(near > 3);
                }
            }
        }
        f64::from(count) / ((area.bottom - area.top) as f64).min(WORD).powi(2)
    }
}
