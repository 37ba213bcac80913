//! A block as the means of its four quarters: what half chroma has to give at an eighth of the size.
//!
//! The inverse transform (T.81, A.3.3) summed over half of a row: of the cosines, those of even frequencies cancel out
//! but for the constant, and those of odd ones leave `c(u)`, with the other sign in the other half. So 25 of the 64
//! coefficients count. The arithmetic, fixed point with these positions and roundings, is libjpeg's (`jidctred.c`),
//! so that not one bit differs; it holds for coefficients up to [`LARGEST`], where no sum leaves 32 bits, and none of
//! the sums between the passes 16, to which its vector code keeps them.

/// Twice what eight bits give (T.81, A.3.3: 11 bits with the sign), as rounding to a step adds some.
pub(super) const LARGEST: i32 = 2047;

/// Binary places of the factors, and of what the first pass hands to the second.
const PLACES: u32 = 13;
const BETWEEN: u32 = 2;

/// sqrt(2) times the sum of cos((2x + 1) u pi / 16) over x = 0 to 3, for u = 1, 3, 5, 7.
const FACTORS: [i32; 4] = [29_692, -10_426, 6_967, -5_906];

/// Where rows and columns of coefficients are in the file (T.81, figure A.6), eight times the row and the column.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// What a coefficient adds to which sum.
#[derive(Clone, Copy, Default)]
struct Weight {
    step: i32,
    factor: i32,
    sum: usize,
}

/// How coefficients of a component become quarters.
pub(super) struct Weights([Weight; 64]);

impl Weights {
    /// `steps` as they are in the file.
    pub(super) fn new(steps: &[i32; 64]) -> Self {
        let mut weights = [Weight::default(); 64];
        for ((weight, &step), place) in weights.iter_mut().zip(steps).zip(ZIGZAG) {
            let [row, column] = [place / 8, place % 8].map(usize::from);
            let part = |frequency: usize| match frequency {
                0 => Some(0),
                odd if odd % 2 == 1 => Some(odd / 2 + 1),
                _ => None,
            };
            *weight = match (part(row), part(column)) {
                (Some(0), Some(column)) => Weight { step, factor: 1 << (PLACES + 2), sum: 2 * column },
                (Some(row), Some(column)) => Weight { step, factor: FACTORS[row - 1], sum: 2 * column + 1 },
                _ => Weight { step, factor: 0, sum: 0 },
            };
        }
        Self(weights)
    }
}

/// The sums of a block: even and odd rows of columns 0, 1, 3, 5 and 7, with room that spares a check.
#[derive(Default)]
pub(super) struct Block([i32; 16]);

impl Block {
    /// Adds the coefficient of this index in the file. `None` if it is larger than any that a picture has.
    #[inline]
    pub(super) fn add(&mut self, weights: &Weights, index: usize, value: i32) -> Option<()> {
        let Weight { step, factor, sum } = weights.0[index & 63];
        let value = value * step; // 15 bits each
        self.0[sum & 15] += value.clamp(-LARGEST, LARGEST) * factor;
        (value.abs() <= LARGEST).then_some(())
    }

    /// Upper left and right, lower left and right, 0 to 255.
    pub(super) fn quarters(&self) -> [u8; 4] {
        let descale = |value: i32, places: u32| (value + (1 << (places - 1))) >> places;
        let row = |sign: i32| {
            let columns: [i32; 5] =
                std::array::from_fn(|c| descale(self.0[2 * c] + sign * self.0[2 * c + 1], PLACES + 2 - BETWEEN));
            let even = columns[0] << (PLACES + 2);
            let odd: i32 = columns[1..].iter().zip(FACTORS).map(|(value, factor)| value * factor).sum();
            [even + odd, even - odd].map(|sum| (descale(sum, PLACES + BETWEEN + 3 + 2) + 128).clamp(0, 255) as u8)
        };
        let ([a, b], [c, d]) = (row(1), row(-1));
        [a, b, c, d]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_sums_of_half_a_row() {
        for (u, factor) in [1, 3, 5, 7].into_iter().zip(FACTORS) {
            let cosine = |x: i32| (f64::from((2 * x + 1) * u) * std::f64::consts::PI / 16.0).cos();
            let sum = 2_f64.sqrt() * (0..4).map(cosine).sum::<f64>();
            assert_eq!((sum * f64::from(1 << PLACES)).round() as i32, factor, "frequency {u}");
        }
        for u in [2, 4, 6] {
            let cosine = |x: i32| (f64::from((2 * x + 1) * u) * std::f64::consts::PI / 16.0).cos();
            assert!((0..4).map(cosine).sum::<f64>().abs() < 1e-12, "frequency {u} cancels out");
        }
    }

    #[test]
    fn the_order_of_the_file_goes_from_diagonal_to_diagonal() {
        let mut places = ZIGZAG;
        assert!(places.windows(2).all(|pair| (pair[0] / 8 + pair[0] % 8).abs_diff(pair[1] / 8 + pair[1] % 8) <= 1));
        places.sort_unstable();
        assert!(places.into_iter().eq(0..64));
    }
}
