//! A flat thing in a photo as it would look from straight ahead.

use crate::Luma;
use crate::geometry::{Homography, Point};

/// A picture of `width` x `height` whose pixels are where `map` takes them in `photo`, interpolated
/// between four pixels; beyond the photo's border its nearest pixel.
pub(crate) fn straightened(photo: &Luma, map: &Homography, width: u32, height: u32) -> Luma {
    let m = map.cells().map(|cell| cell as f32);
    let (last_x, last_y) = (photo.width() as f32 - 1.0, photo.height() as f32 - 1.0);
    let (stride, last_row) = (photo.width() as usize, photo.height() as usize - 1);
    let from = photo.pixels();
    let mut pixels = vec![0; width as usize * height as usize];
    // Places in 1/256 of a pixel.
    let mut places = vec![[0_i32; 2]; width as usize];
    for (row, target) in pixels.chunks_exact_mut(width as usize).enumerate() {
        let down = row as f32 + 0.5;
        let begin = [m[1] * down + m[2], m[4] * down + m[5], m[7] * down + m[8]];
        for (column, place) in places.iter_mut().enumerate() {
            let right = column as f32 + 0.5;
            let scale = 1.0 / (m[6] * right + begin[2]);
            let x = ((m[0] * right + begin[0]) * scale - 0.5).clamp(0.0, last_x);
            let y = ((m[3] * right + begin[1]) * scale - 0.5).clamp(0.0, last_y);
            *place = [(x * 256.0) as i32, (y * 256.0) as i32];
        }
        for (pixel, &[x, y]) in target.iter_mut().zip(&places) {
            let (left, top) = ((x >> 8) as usize, (y >> 8) as usize);
            let (right, down) = (x & 255, y & 255);
            let next = usize::from(left + 1 < stride);
            let below = if top < last_row { stride } else { 0 };
            let at = top * stride + left;
            let level = |i: usize| i32::from(from[i]);
            let upper = level(at) * (256 - right) + level(at + next) * right;
            let lower = level(at + below) * (256 - right) + level(at + below + next) * right;
            // At most 65,536 x 255 and half of it to round.
            *pixel = ((upper * (256 - down) + lower * down + 32_768) >> 16) as u8;
        }
    }
    Luma::new(width, height, pixels).unwrap_or_else(|| photo.clone())
}

/// Whether `map` takes all corners of a rectangle, in pixels from `left` and `top`, into `photo`.
pub(crate) fn in_view(photo: &Luma, map: &Homography, left: f64, top: f64, width: f64, height: f64) -> bool {
    [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)].into_iter().all(|(x, y)| {
        map.apply(Point { x: left + x, y: top + y }).is_some_and(|Point { x, y }| {
            (0.0..f64::from(photo.width())).contains(&x) && (0.0..f64::from(photo.height())).contains(&y)
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pixels_come_from_where_the_map_says() {
        let photo = Luma::new(4, 3, (0..12).map(|i| i * 20).collect()).unwrap();
        let same = straightened(&photo, &Homography::scale(1.0, 1.0), 4, 3);
        assert_eq!(same, photo);
        let doubled = straightened(&photo, &Homography::scale(0.5, 0.5), 8, 6);
        assert_eq!(&doubled.row(0)[..5], &[0, 5, 15, 25, 35], "a quarter and three quarters of the way");
        let beyond = straightened(&photo, &Homography::scale(3.0, 3.0), 2, 2);
        assert_eq!(beyond.pixels()[3], 220, "the nearest pixel of the photo");
    }

    #[test]
    fn in_view_means_all_of_it() {
        let photo = Luma::new(100, 50, vec![0; 5_000]).unwrap();
        let map = Homography::scale(1.0, 1.0);
        for (left, top, expected) in [(0.0, 0.0, true), (84.0, 33.0, true), (85.0, 10.0, false), (-1.0, 0.0, false)] {
            assert_eq!(in_view(&photo, &map, left, top, 15.5, 15.5), expected, "{left}, {top}");
        }
    }
}
