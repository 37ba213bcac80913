//! Thin dark strokes, whatever the light: how much darker a pixel is than the paper around it.

use crate::Luma;

/// Half the width of the widest stroke that counts, pixels: a marker's line, not a shadow's edge.
const REACH: usize = 6;

/// For each pixel how much light of the paper is missing, in 1/255 of it. Paper is what is left when
/// all dark things narrower than 2 x [`REACH`] are filled up (a morphological closing).
pub(super) fn strokes(luma: &Luma) -> Luma {
    let paper = narrowed(&widened(luma, REACH), REACH);
    let missing = |(&pixel, &paper): (&u8, &u8)| {
        let paper = u16::from(paper).max(1);
        255 - (u16::from(pixel).min(paper) * 255 / paper) as u8
    };
    let pixels = luma.pixels().iter().zip(paper.pixels()).map(missing).collect();
    Luma::new(luma.width(), luma.height(), pixels).unwrap_or_else(|| luma.clone())
}

/// Whether a pixel is within `reach` pixels of one that takes at least `limit` away.
pub(super) fn near(strokes: &Luma, limit: u8, reach: usize) -> Vec<bool> {
    widened(strokes, reach).pixels().iter().map(|&missing| missing >= limit).collect()
}

/// The brightest within `reach` pixels in both directions: dark things get narrower.
fn widened(luma: &Luma, reach: usize) -> Luma {
    extreme(luma, reach, 0, u8::max)
}

/// The darkest within `reach` pixels in both directions.
fn narrowed(luma: &Luma, reach: usize) -> Luma {
    extreme(luma, reach, 255, u8::min)
}

/// The most extreme of (2 x reach + 1) squared pixels; `least` changes no other.
fn extreme(luma: &Luma, reach: usize, least: u8, pick: impl Fn(u8, u8) -> u8 + Copy) -> Luma {
    let (width, height) = (luma.width() as usize, luma.height() as usize);
    let margin = vec![least; reach];
    let mut rows = Vec::with_capacity(width * height);
    for y in 0..height {
        let padded = [&margin, luma.row(y as u32), &margin].concat();
        rows.extend(most_in_windows(padded, 1, 2 * reach + 1, pick));
    }
    let margin = vec![least; reach * width];
    let padded = [&margin[..], &rows, &margin].concat();
    let pixels = most_in_windows(padded, width, 2 * reach + 1, pick);
    Luma::new(luma.width(), luma.height(), pixels).unwrap_or_else(|| luma.clone())
}

/// The most extreme of `count` values that are `step` apart, for each start. Windows are doubled while they
/// fit, and two of them that overlap make the whole: 13 take 4 comparisons.
fn most_in_windows(mut values: Vec<u8>, step: usize, count: usize, pick: impl Fn(u8, u8) -> u8 + Copy) -> Vec<u8> {
    let mut covered = 1;
    while covered < count {
        let by = covered.min(count - covered);
        let length = values.len() - by * step;
        let (near, far) = (&values[..length], &values[by * step..]);
        values = near.iter().zip(far).map(|(&a, &b)| pick(a, b)).collect();
        covered += by;
    }
    values
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Paper under a light that falls off to the right, with a line 2 pixels wide and a bar of 30.
    fn page(light: impl Fn(u32) -> f32) -> Luma {
        let level = |x: u32| {
            let ink = if (20..22).contains(&x) || (50..80).contains(&x) { 0.5 } else { 1.0 };
            (light(x) * ink) as u8
        };
        Luma::new(120, 20, (0..20).flat_map(|_| (0..120).map(&level)).collect()).unwrap()
    }

    #[test]
    fn extremes_reach_as_far_as_they_should() {
        let mut pixels = vec![9; 15 * 15];
        pixels[7 * 15 + 7] = 100;
        let dot = Luma::new(15, 15, pixels).unwrap();
        for reach in [1, 2, 3, 6] {
            let wide = widened(&dot, reach);
            let reached = wide.pixels().iter().filter(|&&pixel| pixel > 9).count();
            assert_eq!(reached, (2 * reach + 1).pow(2), "{reach}");
            assert_eq!(narrowed(&wide, reach).row(7)[7], 100, "closed again");
        }
    }

    #[test]
    fn a_line_is_as_dark_in_the_shade_as_in_the_light() {
        for light in [|_| 220.0, |_| 80.0, |x: u32| 220.0 - x as f32] {
            let strokes = strokes(&page(light));
            let row = strokes.row(10);
            assert!(row[20].abs_diff(127) <= 6, "half of the light is missing in the line: {}", row[20]);
            assert!(row[10] <= 10 && row[100] <= 24, "hardly any on the paper: {} {}", row[10], row[100]);
            assert!(row[65] <= 24, "none in what is too wide for a stroke: {}", row[65]);
        }
    }
}
