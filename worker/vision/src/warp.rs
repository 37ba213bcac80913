//! A flat thing in a photo as it would look from straight ahead.

use crate::Luma;
use crate::geometry::{Homography, Point};

/// A picture of `width` x `height` whose pixels are where `map` takes them in `photo`, interpolated
/// between four pixels; beyond the photo's border its nearest pixel.
pub(crate) fn straightened(photo: &Luma, map: &Homography, width: u32, height: u32) -> Luma {
    let m = map.cells().map(|cell| cell as f32);
    let (last_x, last_y) = (photo.width() as f32 - 1.0, photo.height() as f32 - 1.0);
    let stride = photo.width() as usize;
    let from = photo.pixels();
    let mut pixels = Vec::with_capacity(width as usize * height as usize);
    for row in 0..height {
        let down = row as f32 + 0.5;
        let begin = [m[1] * down + m[2], m[4] * down + m[5], m[7] * down + m[8]];
        pixels.extend((0..width).map(|column| {
            let right = column as f32 + 0.5;
            let scale = 1.0 / (m[6] * right + begin[2]);
            let x_there = ((m[0] * right + begin[0]) * scale - 0.5).clamp(0.0, last_x);
            let y_there = ((m[3] * right + begin[1]) * scale - 0.5).clamp(0.0, last_y);
            let (left, top) = (x_there as usize, y_there as usize);
            let (right, down) = (x_there - left as f32, y_there - top as f32);
            let next = usize::from(left < stride - 1);
            let below = if (top as f32) < last_y { stride } else { 0 };
            let at = top * stride + left;
            let level = |i: usize| f32::from(from[i]);
            let upper = level(at) + (level(at + next) - level(at)) * right;
            let lower = level(at + below) + (level(at + below + next) - level(at + below)) * right;
            (upper + (lower - upper) * down + 0.5) as u8
        }));
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
