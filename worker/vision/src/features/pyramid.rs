//! The picture at ever smaller scales: a corner is looked at with the same few pixels on each level,
//! so that it looks alike from near and from far.

use fast_image_resize::FilterType;

use crate::Luma;

/// Each level has this share of the size of the one before: six levels are a factor of 6. At 0.8 there is 1.4 times
/// as much to look at, and no more is found.
const STEP: f64 = 0.7;

/// Levels at most; further ones would find few corners more.
const LEVELS: usize = 8;

/// A level's shorter side is at least this, pixels: twice the margin and as much in between.
const MIN_SIDE: u32 = 64;

/// From the whole picture down.
pub(super) fn levels(luma: &Luma) -> Vec<Luma> {
    let mut levels = vec![luma.clone()];
    for level in 1..LEVELS {
        let scale = STEP.powi(level as i32);
        let scaled = |length: u32| (f64::from(length) * scale).round() as u32;
        let (width, height) = (scaled(luma.width()), scaled(luma.height()));
        if width.min(height) < MIN_SIDE {
            break;
        }
        let smaller = levels[level - 1].resized(width, height, FilterType::Bilinear);
        levels.push(smaller);
    }
    levels
}

/// Each pixel a weighted mean of 5 x 5, weights 1 4 6 4 1 in both directions, which is a Gaussian of one
/// pixel: single pixels are too noisy to be compared.
pub(super) fn smoothed(luma: &Luma) -> Luma {
    let (width, height) = (luma.width() as usize, luma.height() as usize);
    let clamped = |y: isize| &luma.row(y.clamp(0, height as isize - 1) as u32)[..width];
    let mut pixels = vec![0; width * height];
    let mut column = vec![0_u16; width + 4];
    for (y, target) in (0..).zip(pixels.chunks_exact_mut(width)) {
        let rows = [-2, -1, 0, 1, 2].map(|by| clamped(y + by));
        let sums = &mut column[2..][..width];
        for x in 0..width {
            let level = |row: usize| u16::from(rows[row][x]);
            // At most 16 x 255 = 4,080.
            sums[x] = level(0) + level(4) + 4 * (level(1) + level(3)) + 6 * level(2);
        }
        let (left, right) = (column[2], column[width + 1]);
        column[..2].fill(left);
        column[width + 2..].fill(right);
        let sums = [0, 1, 2, 3, 4].map(|by| &column[by..][..width]);
        for x in 0..width {
            // At most 256 x 255 = 65,280, and half of 256 to round.
            let sum = |by: usize| sums[by][x];
            target[x] = ((sum(0) + sum(4) + 4 * (sum(1) + sum(3)) + 6 * sum(2) + 128) >> 8) as u8;
        }
    }
    Luma::new(luma.width(), luma.height(), pixels).unwrap_or_else(|| luma.clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn levels_shrink_until_they_are_too_small() {
        let sizes = |width, height| -> Vec<(u32, u32)> {
            let plain = Luma::new(width, height, vec![9; (width * height) as usize]).unwrap();
            levels(&plain).iter().map(|level| (level.width(), level.height())).collect()
        };
        assert_eq!(sizes(1_000, 100), [(1_000, 100), (700, 70)]);
        assert_eq!(sizes(2_000, 1_600).len(), LEVELS);
        assert_eq!(sizes(5, 5), [(5, 5)]);
    }

    #[test]
    fn smoothing_spreads_a_point_and_keeps_a_plain() {
        let mut pixels = vec![0; 81];
        pixels[40] = 255;
        let spread = smoothed(&Luma::new(9, 9, pixels).unwrap());
        // 6 x 6 / 256 of 255 is 35.9, 6 x 4 is 23.9, 6 x 1 is 6.0.
        assert_eq!(&spread.row(4)[2..7], &[6, 24, 36, 24, 6]);
        assert_eq!(spread.row(0), &[0; 9]);
        let white = Luma::new(3, 2, vec![255; 6]).unwrap();
        assert_eq!(smoothed(&white), white);
    }
}
