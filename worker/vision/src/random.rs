//! A stream of numbers that a seed repeats on every machine and in every version, so that the same
//! photo always has the same verdict. Not for secrets.

/// Sebastiano Vigna's SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix(u64);

impl SplitMix {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `limit`, which is at least 1 and small beside 2^32: the bias is `limit` / 2^32.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (((self.next() >> 32) * limit as u64) >> 32) as usize
    }

    /// About normal, mean 0, deviation 1: the sum of four uniform numbers, each of variance 1/12.
    pub(crate) fn normal(&mut self) -> f64 {
        let draw = self.next();
        let sum: f64 = [0, 16, 32, 48].map(|bits| f64::from((draw >> bits) as u16) / 65_536.0).iter().sum();
        (sum - 2.0) * 3.0_f64.sqrt()
    }
}
