//! What a picture's colours are apart from its brightness: how much bluer and how much redder it is than grey.

use fast_image_resize::FilterType;

use crate::{Colour, Luma};

/// The level of grey.
pub(crate) const GREY: u8 = 128;

/// ITU-R BT.601's Cb and Cr, as JPEG has them, both from a level of 128: what is bluer or redder than grey is above.
/// Often at half the size of the brightness, or a quarter, as photos are stored: eyes see no finer either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tint {
    /// 0.564 (blue - brightness).
    pub blue: Luma,
    /// 0.713 (red - brightness), of the same size.
    pub red: Luma,
}

impl Tint {
    pub(crate) fn of(colour: &Colour) -> Option<Self> {
        // In 1/256; each adds up to 0, so that grey has none.
        let plane = |[red, green, blue]: [i32; 3]| {
            let level = |&[r, g, b]: &[u8; 3]| {
                let sum = red * i32::from(r) + green * i32::from(g) + blue * i32::from(b);
                (i32::from(GREY) + (sum >> 8)).clamp(0, 255) as u8
            };
            Luma::new(colour.width(), colour.height(), colour.pixels().iter().map(level).collect())
        };
        Some(Self { blue: plane([-43, -85, 128])?, red: plane([128, -107, -21])? })
    }

    /// Both, as one thing made of each.
    pub(crate) fn each(&self, make: impl Fn(&Luma) -> Luma) -> Self {
        Self { blue: make(&self.blue), red: make(&self.red) }
    }

    /// At another size, each side at least 1.
    #[must_use]
    pub(crate) fn resized(&self, width: u32, height: u32) -> Self {
        self.each(|plane| plane.resized(width, height, FilterType::Box))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn grey_has_none_and_colours_are_opposites() {
        let pixels = [[0, 0, 0], [200, 200, 200], [0, 0, 255], [255, 0, 0], [255, 255, 0]].concat();
        let tint = Tint::of(&Colour::new(5, 1, pixels).unwrap()).unwrap();
        assert_eq!(tint.blue.pixels(), [128, 128, 255, 85, 0], "black, white, blue, red, yellow");
        assert_eq!(tint.red.pixels(), [128, 128, 107, 255, 148]);
    }
}
