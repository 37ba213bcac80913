//! What a corner looks like: 256 comparisons of two smoothed pixels near it, turned with it.
//!
//! Which of two pixels is brighter survives changes of light, and two descriptors are compared by
//! counting the bits that differ: about 128 for different places, below 60 for the same one.

use std::f64::consts::TAU;
use std::sync::LazyLock;

use crate::Luma;
use crate::random::SplitMix;

/// 256 bits.
pub(crate) type Descriptor = [u64; 4];

/// Comparisons.
const PAIRS: usize = 256;

/// Directions for which the pattern is turned in advance: 12 degrees apart, so at most 6 off.
const TURNS: usize = 30;

/// Pixels of the pattern lie at most so far from the corner, pixels.
const RADIUS: f64 = 14.0;

/// Deviation of the pattern's pixels from the corner, pixels: near ones say more, as they are
/// moved less by a slanted view.
const DEVIATION: f64 = 5.6;

/// Column and row of the two pixels of a comparison, relative to the corner.
type Pair = [i8; 4];

/// For each direction the pattern turned by it.
static PATTERNS: LazyLock<Vec<[Pair; PAIRS]>> = LazyLock::new(|| {
    let mut random = SplitMix::new(0x1A6E_70B5);
    let mut place = || loop {
        let (x, y) = (random.normal() * DEVIATION, random.normal() * DEVIATION);
        if x.hypot(y) <= RADIUS {
            return (x, y);
        }
    };
    let upright: Vec<_> = (0..PAIRS).map(|_| (place(), place())).collect();
    let turned = |turn: usize| {
        let (sin, cos) = (turn as f64 / TURNS as f64 * TAU).sin_cos();
        let turned = |(x, y): (f64, f64)| [(x * cos - y * sin).round() as i8, (x * sin + y * cos).round() as i8];
        std::array::from_fn(|i| {
            let ([ax, ay], [bx, by]) = (turned(upright[i].0), turned(upright[i].1));
            [ax, ay, bx, by]
        })
    };
    (0..TURNS).map(turned).collect()
});

/// Describes the pixel at index `at` of a smoothed level, seen in direction `angle` (radians).
pub(super) fn of(smooth: &Luma, at: usize, angle: f32) -> Descriptor {
    let turn = (f64::from(angle) / TAU * TURNS as f64).round() as i32;
    let pattern = &PATTERNS[turn.rem_euclid(TURNS as i32) as usize];
    let (pixels, width) = (smooth.pixels(), smooth.width() as isize);
    let level = |x: i8, y: i8| pixels[at.strict_add_signed(isize::from(y) * width + isize::from(x))];
    let (words, _) = pattern.as_chunks::<64>();
    std::array::from_fn(|word| {
        let bits = words[word].iter().enumerate();
        bits.fold(0, |bits, (bit, &[ax, ay, bx, by])| bits | u64::from(level(ax, ay) < level(bx, by)) << bit)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn distance(a: Descriptor, b: Descriptor) -> u32 {
        a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    #[test]
    fn the_same_place_turned_has_nearly_the_same_bits() {
        // Soft blobs around the middle, turned by any angle.
        let seen = |angle: f64| {
            let (sin, cos) = angle.sin_cos();
            let level = |i: i32| {
                let (x, y) = (f64::from(i % 41 - 20), f64::from(i / 41 - 20));
                let (u, v) = (x * cos + y * sin, y * cos - x * sin);
                (128.0 + 60.0 * (u / 3.0).sin() + 50.0 * (v / 4.0 + 1.0).cos()) as u8
            };
            let picture = Luma::new(41, 41, (0..41 * 41).map(level).collect()).unwrap();
            of(&picture, 20 * 41 + 20, angle as f32)
        };
        for turn in 0..24 {
            let angle = f64::from(turn) * TAU / 24.0;
            let differing = distance(seen(0.0), seen(angle));
            assert!(differing <= 50, "{differing} bits after a turn of {angle}");
        }
    }

    #[test]
    fn the_pattern_stays_within_the_margin() {
        let reach = PATTERNS.iter().flatten().flatten().map(|offset| offset.unsigned_abs()).max().unwrap();
        assert!(usize::from(reach) < super::super::MARGIN, "{reach}");
    }
}
