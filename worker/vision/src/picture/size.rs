//! How large a picture becomes. Pure arithmetic.

/// Pixels, each at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    /// Of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// How a picture of other proportions fits into its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fit {
    /// All of it is kept, within the bounds.
    Contain,
    /// It is cut to the proportions of the bounds.
    Cover,
}

impl Size {
    /// The size of a picture of this size within `max_width` and `max_height`; never larger than it is. `Cover`
    /// without both bounds is `Contain`.
    #[must_use]
    pub fn within(self, max_width: Option<u32>, max_height: Option<u32>, fit: Fit) -> Self {
        let (width, height) = (max_width.unwrap_or(u32::MAX).max(1), max_height.unwrap_or(u32::MAX).max(1));
        match (fit, max_width.and(max_height)) {
            (Fit::Cover, Some(_)) => self.cut_to(width, height),
            _ => self.contained(width, height),
        }
    }

    fn contained(self, width: u32, height: u32) -> Self {
        if self.width <= width && self.height <= height {
            return self;
        }
        // The side that must shrink more decides; the other follows, rounded.
        if u64::from(self.width) * u64::from(height) >= u64::from(self.height) * u64::from(width) {
            Self { width, height: proportional(self.height, width, self.width) }
        } else {
            Self { width: proportional(self.width, height, self.height), height }
        }
    }

    /// The bounds themselves, or the largest part of their proportions that a smaller picture has.
    fn cut_to(self, width: u32, height: u32) -> Self {
        if self.width >= width && self.height >= height {
            return Self { width, height };
        }
        Self { width, height }.contained(self.width, self.height)
    }

    /// Turned by a quarter.
    #[must_use]
    pub fn turned(self) -> Self {
        Self { width: self.height, height: self.width }
    }
}

/// `length` x `to` / `from`, rounded, at least 1.
fn proportional(length: u32, to: u32, from: u32) -> u32 {
    let rounded = (u64::from(length) * u64::from(to) + u64::from(from) / 2) / u64::from(from);
    rounded.max(1) as u32
}

/// Whether `scaled` still has every pixel that `wanted` shows.
pub(crate) fn scaled_to_show(scaled: Size, wanted: Size) -> bool {
    scaled.width >= wanted.width && scaled.height >= wanted.height
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(size: (u32, u32), bounds: (Option<u32>, Option<u32>), fit: Fit) -> (u32, u32) {
        let Size { width, height } = Size { width: size.0, height: size.1 }.within(bounds.0, bounds.1, fit);
        (width, height)
    }

    #[test]
    fn sizes_fit_their_bounds() {
        for (size, bounds, contained, covered) in [
            ((4_000, 3_000), (Some(1_600), Some(1_600)), (1_600, 1_200), (1_600, 1_600)),
            ((3_000, 4_000), (Some(1_600), Some(1_600)), (1_200, 1_600), (1_600, 1_600)),
            ((4_000, 3_000), (Some(1_600), None), (1_600, 1_200), (1_600, 1_200)),
            ((4_000, 3_000), (None, Some(300)), (400, 300), (400, 300)),
            ((4_000, 3_000), (None, None), (4_000, 3_000), (4_000, 3_000)),
            ((640, 480), (Some(1_600), Some(1_600)), (640, 480), (480, 480)),
            ((640, 480), (Some(640), Some(480)), (640, 480), (640, 480)),
            ((640, 480), (Some(320), Some(4_000)), (320, 240), (38, 480)),
            ((10_000, 2), (Some(100), Some(100)), (100, 1), (2, 2)),
            ((1, 1), (Some(1), Some(1)), (1, 1), (1, 1)),
        ] {
            assert_eq!(within(size, bounds, Fit::Contain), contained, "{size:?} contained in {bounds:?}");
            assert_eq!(within(size, bounds, Fit::Cover), covered, "{size:?} covering {bounds:?}");
        }
    }
}
