//! The direction of a corner: from the corner to the centre of gravity of the brightness around it.
//! It turns with the picture.

use crate::Luma;

/// Radius of the disc that is weighed, pixels.
const RADIUS: isize = 15;

/// Half the width of the disc in each row from -15 to 15: the root of 15.5^2 - row^2, rounded down.
const HALF_WIDTHS: [isize; 31] = [
    3, 6, 8, 9, 10, 11, 12, 13, 13, 14, 14, 14, 15, 15, 15, 15, 15, 15, 15, 14, 14, 14, 13, 13, 12, 11, 10, 9, 8, 6, 3,
];

/// Radians, from -pi to pi, 0 to the right and growing downwards.
pub(super) fn of(level: &Luma, at: usize) -> f32 {
    let width = level.width() as isize;
    let (mut right, mut down) = (0_i32, 0_i32);
    for (row, &half) in (-RADIUS..).zip(&HALF_WIDTHS) {
        let start = at.strict_add_signed(row * width - half);
        let pixels = &level.pixels()[start..][..=2 * half as usize];
        let sum: i32 = pixels.iter().map(|&pixel| i32::from(pixel)).sum();
        let moment: i32 = (-half as i32..).zip(pixels).map(|(x, &pixel)| x * i32::from(pixel)).sum();
        right += moment;
        down += row as i32 * sum; // at most 15 x 709 x 255 = 2.7 million
    }
    (down as f32).atan2(right as f32)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn points_at_the_bright_side() {
        for degrees in [0.0_f32, 45.0, 90.0, 170.0, -60.0] {
            let (dy, dx) = degrees.to_radians().sin_cos();
            let bright = |i: i32| ((i % 41 - 20) as f32 * dx + (i / 41 - 20) as f32 * dy) > 0.1;
            let pixels = (0..41 * 41).map(|i| if bright(i) { 200 } else { 20 }).collect();
            let found = of(&Luma::new(41, 41, pixels).unwrap(), 20 * 41 + 20).to_degrees();
            assert!((found - degrees).abs() < 1.5, "{found} instead of {degrees}");
        }
    }

    #[test]
    fn the_disc_is_round() {
        for (row, half) in (-RADIUS..).zip(HALF_WIDTHS) {
            let exact = (15.5_f64.powi(2) - (row * row) as f64).sqrt();
            assert_eq!(half, exact as isize, "row {row}");
        }
    }
}
