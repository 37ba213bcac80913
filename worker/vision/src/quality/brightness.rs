//! How light is distributed over a picture.

use crate::Luma;

/// From here on a pixel counts as white: JPEG's rounding moves 255 by a few steps.
const WHITE: usize = 250;

/// Light of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Brightness {
    /// Mean, 0-255.
    pub mean: f32,
    /// Nineteen of twenty pixels are at most this bright, 0-255. Unlike the mean it sees that a
    /// photo of something black is not a dark photo.
    pub p95: u8,
    /// Share of pixels that are white, 0-1.
    pub clipped: f32,
}

impl Brightness {
    pub(super) fn measure(luma: &Luma) -> Self {
        let mut histogram = [0_u64; 256];
        for &pixel in luma.pixels() {
            histogram[usize::from(pixel)] += 1;
        }
        let total: u64 = histogram.iter().sum();
        let sum: u64 = (0..).zip(&histogram).map(|(level, &count): (u64, _)| level * count).sum();
        let white: u64 = histogram[WHITE..].iter().sum();
        Self {
            mean: (sum as f64 / total as f64) as f32,
            p95: percentile(&histogram, (total * 95).div_ceil(100)),
            clipped: (white as f64 / total as f64) as f32,
        }
    }
}

/// The lowest level with at least `rank` pixels at or below it.
fn percentile(histogram: &[u64; 256], rank: u64) -> u8 {
    let mut below = 0;
    let level = histogram.iter().position(|&count| {
        below += count;
        below >= rank
    });
    level.unwrap_or(255) as u8
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(pixels: Vec<u8>) -> Brightness {
        Brightness::measure(&Luma::new(pixels.len() as u32, 1, pixels).unwrap())
    }

    #[test]
    #[allow(clippy::float_cmp)] // exact in binary
    fn figures_of_small_pictures() {
        assert_eq!(of(vec![7]), Brightness { mean: 7.0, p95: 7, clipped: 0.0 });
        assert_eq!(of(vec![0, 255]), Brightness { mean: 127.5, p95: 255, clipped: 0.5 });
        let mostly_black: Vec<u8> = (0..100).map(|i| if i < 95 { 10 } else { 250 }).collect();
        let seen = of(mostly_black);
        assert_eq!((seen.p95, seen.clipped), (10, 0.05));
    }
}
