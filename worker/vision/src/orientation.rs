//! How the camera was held, as EXIF says, and pixels turned upright accordingly.
//!
//! A phone stores the sensor's rows as they are and a number from 1 to 8 beside them. Numbers that do
//! not exist count as 1, upright: EXIF lies, and a photo that is turned wrongly can still be judged.

use image::metadata::Orientation;

use crate::header;

/// What the EXIF of a JPEG says.
pub(crate) fn of_jpeg(bytes: &[u8]) -> Orientation {
    header::jpeg_exif(bytes).and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

/// Whether the upright picture's rows are stored as columns.
pub(crate) fn turns(held: Orientation) -> bool {
    matches!(
        held,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    )
}

/// Width, height and pixels of the picture as it is to be looked at. `pixels` are `width` x `height` of `N` bytes.
pub(crate) fn upright<const N: usize>(
    width: u32,
    height: u32,
    pixels: Vec<u8>,
    held: Orientation,
) -> (u32, u32, Vec<u8>) {
    let (wide, tall) = (width as isize, height as isize);
    let last = wide * tall - 1;
    // Where the upright picture's first pixel is stored, and the way from one to the next in its
    // rows and in its columns.
    let (first, in_row, in_column) = match held {
        Orientation::NoTransforms => return (width, height, pixels),
        Orientation::FlipHorizontal => (wide - 1, -1, wide),
        Orientation::Rotate180 => (last, -1, -wide),
        Orientation::FlipVertical => (last + 1 - wide, 1, -wide),
        Orientation::Rotate90FlipH => (0, wide, 1),
        Orientation::Rotate90 => (last + 1 - wide, -wide, 1),
        Orientation::Rotate270FlipH => (last, -wide, -1),
        Orientation::Rotate270 => (wide - 1, wide, -1),
    };
    let (columns, rows) = if turns(held) { (height, width) } else { (width, height) };
    let from = pixels.as_chunks::<N>().0;
    let mut upright = Vec::with_capacity(pixels.len());
    for row in 0..rows as isize {
        let start = first + row * in_column;
        upright.extend((0..columns as isize).flat_map(|column| from[(start + column * in_row) as usize]));
    }
    (columns, rows, upright)
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
            let (wide, tall) = (stored[0].len() as u32, stored.len() as u32);
            let held = Orientation::from_exif(number).unwrap();
            let (width, height, seen) = upright::<1>(wide, tall, stored.concat().into_bytes(), held);
            assert_eq!(String::from_utf8_lossy(&seen), letter.concat(), "EXIF orientation {number}");
            assert_eq!((width, height), (3, 4), "EXIF orientation {number}");
        }
    }
}
