//! How well two parts of pictures correlate, from sums over their pixels: sums of parts add up to the sums of the
//! whole.

use crate::tint::GREY;

/// A part of the reference and one of the photo, of the same size, compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tile {
    /// Deviation of the reference's levels, grey levels.
    pub(crate) reference_contrast: f64,
    /// Deviation of the photo's.
    pub(crate) photo_contrast: f64,
    /// Mean of the reference's levels.
    pub(crate) reference_mean: f64,
    /// Mean of the photo's.
    pub(crate) photo_mean: f64,
    /// -1 to 1; 1 = the same but for brightness and contrast.
    pub(crate) correlation: f64,
    /// The same of their colours, where both have any.
    pub(crate) tint: Option<Tints>,
}

/// The colours of a part of the reference and of one of the photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tints {
    /// How much bluer and how much redder than grey the reference's part is in the mean, levels.
    pub(crate) reference: [f64; 2],
    /// The photo's.
    pub(crate) photo: [f64; 2],
    /// Variance of the reference's colours, of the photo's, and how they vary together; squares of levels.
    pub(crate) variances: [f64; 2],
    pub(crate) covariance: f64,
}

impl Tints {
    /// From the sums over both planes of the photo, and of the reference.
    pub(super) fn of(photo: [Sums; 2], reference: [Sums; 2]) -> Self {
        let mean = |sums: Sums| sums.mean(sums.levels) - f64::from(GREY);
        let variance = |planes: [Sums; 2]| planes.iter().map(|sums| sums.contrast().powi(2)).sum();
        let covariance = |i: usize| {
            photo[i].mean(photo[i].products) - photo[i].mean(photo[i].levels) * reference[i].mean(reference[i].levels)
        };
        Self {
            reference: reference.map(mean),
            photo: photo.map(mean),
            variances: [variance(reference), variance(photo)],
            covariance: covariance(0) + covariance(1),
        }
    }
}

/// Over the pixels of one part: how many, their levels, squares of levels, products with the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sums {
    count: u32,
    levels: u32,
    squares: u32,
    products: u32,
}

impl Sums {
    /// Pixels that lie in a row, and the other's; at most some ten thousand in all: a square is up to 65,025.
    pub(super) fn add(&mut self, own: &[u8], other: &[u8]) {
        self.count += own.len() as u32;
        for (&a, &b) in own.iter().zip(other) {
            // As products of 16 bits, of which processors take eight at once.
            let (a, b) = (i16::from(a), i16::from(b));
            self.levels += a as u32;
            self.squares += (i32::from(a) * i32::from(a)) as u32;
            self.products += (i32::from(a) * i32::from(b)) as u32;
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            levels: self.levels + other.levels,
            squares: self.squares + other.squares,
            products: self.products + other.products,
        }
    }

    fn mean(self, sum: u32) -> f64 {
        f64::from(sum) / f64::from(self.count.max(1))
    }

    pub(super) fn contrast(self) -> f64 {
        (self.mean(self.squares) - self.mean(self.levels).powi(2)).max(0.0).sqrt()
    }

    /// The part of the photo that these are the sums of, compared with the reference's.
    pub(super) fn compared(self, reference: &Self) -> Tile {
        let (own, other) = (reference.mean(reference.levels), self.mean(self.levels));
        let (contrast, seen) = (reference.contrast(), self.contrast());
        let scale = contrast * seen;
        Tile {
            reference_contrast: contrast,
            photo_contrast: seen,
            reference_mean: own,
            photo_mean: other,
            tint: None,
            correlation: if scale > 1e-6 { (self.mean(self.products) - own * other) / scale } else { 0.0 },
        }
    }
}
