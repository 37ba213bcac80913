//! How the camera was held, as EXIF says, and pixels turned upright accordingly.
//!
//! A phone stores the sensor's rows as they are and a number from 1 to 8 beside them. Numbers that do
//! not exist count as 1, upright: EXIF lies, and a photo that is turned wrongly can still be judged.

use image::metadata::Orientation;

use crate::{Luma, header};

/// What the EXIF of a JPEG says.
pub(crate) fn of_jpeg(bytes: &[u8]) -> Orientation {
    header::jpeg_exif(bytes).and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

/// The picture as it is to be looked at.
pub(crate) fn upright(stored: Luma, orientation: Orientation) -> Luma {
    let (width, height) = (stored.width() as isize, stored.height() as isize);
    let last = width * height - 1;
    // Where the upright picture's first pixel is stored, and the way from one to the next in its
    // rows and in its columns.
    let (first, in_row, in_column) = match orientation {
        Orientation::NoTransforms => return stored,
        Orientation::FlipHorizontal => (width - 1, -1, width),
        Orientation::Rotate180 => (last, -1, -width),
        Orientation::FlipVertical => (last + 1 - width, 1, -width),
        Orientation::Rotate90FlipH => (0, width, 1),
        Orientation::Rotate90 => (last + 1 - width, -width, 1),
        Orientation::Rotate270FlipH => (last, -width, -1),
        Orientation::Rotate270 => (width - 1, width, -1),
    };
    let turned = matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    );
    let (columns, rows) = if turned { (height, width) } else { (width, height) };
    let from = stored.pixels();
    let mut pixels = Vec::with_capacity(from.len());
    for row in 0..rows {
        let start = first + row * in_column;
        pixels.extend((0..columns).map(|column| from[(start + column * in_row) as usize]));
    }
    Luma::new(columns as u32, rows as u32, pixels).unwrap_or(stored)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The letter F, whose eight orientations all differ, as each number stores it (EXIF 2.3, 4.6.4 A).
    #[test]
    fn every_way_of_holding_a_camera_comes_out_upright() {
        let letter = ["###", "#..", "##.", "#.."];
        for (number, stored) in [
            (1, &["###", "#..", "##.", "#.."][..]),
            (2, &["###", "..#", ".##", "..#"]),
            (3, &["..#", ".##", "..#", "###"]),
            (4, &["#..", "##.", "#..", "###"]),
            (5, &["####", "#.#.", "#..."]),
            (6, &["#...", "#.#.", "####"]),
            (7, &["...#", ".#.#", "####"]),
            (8, &["####", ".#.#", "...#"]),
        ] {
            let bytes = stored.concat().into_bytes();
            let picture = Luma::new(stored[0].len() as u32, stored.len() as u32, bytes).unwrap();
            let seen = upright(picture, Orientation::from_exif(number).unwrap());
            assert_eq!(String::from_utf8_lossy(seen.pixels()), letter.concat(), "EXIF orientation {number}");
            assert_eq!((seen.width(), seen.height()), (3, 4), "EXIF orientation {number}");
        }
    }
}
