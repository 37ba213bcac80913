//! YCbCr as red, green and blue (JFIF, from ITU-R BT.601), rounded as libjpeg's fixed point with 16 places does.

const RED: i32 = 91_881; // 1.402
const BLUE: i32 = 116_130; // 1.772
const GREEN_OF_BLUE: i32 = 22_554; // 0.344136
const GREEN_OF_RED: i32 = 46_802; // 0.714136
const HALF: i32 = 1 << 15;

#[inline]
pub(super) fn rgb(brightness: u8, blue: u8, red: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(brightness), i32::from(blue) - 128, i32::from(red) - 128);
    [
        y + ((RED * cr + HALF) >> 16),
        y + ((HALF - GREEN_OF_BLUE * cb - GREEN_OF_RED * cr) >> 16),
        y + ((BLUE * cb + HALF) >> 16),
    ]
    .map(|light| light.clamp(0, 255) as u8)
}
