//! A photo in grey that coloured lines and words are drawn onto.

use anyhow::Context as _;
use imagejob_vision::Luma;
use imagejob_vision::geometry::Point;
use turbojpeg::{Image, PixelFormat, Subsamp};

use super::lettering;

/// Red, green, blue.
pub(super) type Colour = [u8; 3];

const WHITE: Colour = [255; 3];

pub(super) struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<Colour>,
}

impl Picture {
    pub(super) fn of(photo: &Luma) -> Self {
        let pixels = photo.pixels().iter().map(|&level| [level; 3]).collect();
        Self { width: photo.width() as usize, height: photo.height() as usize, pixels }
    }

    /// Closed lines through `corners`, `thickness` pixels wide; what is outside of the picture is left out.
    pub(super) fn outline(&mut self, corners: &[Point], thickness: f64, colour: Colour) {
        for (from, to) in corners.iter().zip(corners.iter().cycle().skip(1)) {
            // A step is half a pixel, so that no pixel is missed; nothing is drawn that is further than it can be seen.
            let steps = (2.0 * from.distance(*to)).ceil().clamp(1.0, 100_000.0);
            for step in 0..=steps as u32 {
                let share = f64::from(step) / steps;
                let at = Point { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
                self.fill(at.x - thickness / 2.0, at.y - thickness / 2.0, thickness, thickness, colour);
            }
        }
    }

    /// One line of words in white on a colour, from its upper left; returns the first row below it.
    pub(super) fn words(&mut self, words: &str, left: f64, top: f64, pixel: f64, colour: Colour) -> f64 {
        let count = words.chars().count() as f64;
        let (across, down) = (lettering::WIDTH as f64 + 1.0, lettering::HEIGHT as f64 + 2.0);
        self.fill(left, top, (count * across + 1.0) * pixel, down * pixel, colour);
        for (number, letter) in words.chars().enumerate() {
            let (x, y) = (left + (number as f64 * across + 1.0) * pixel, top + pixel);
            for (column, row) in lettering::ink(letter) {
                self.fill(x + column as f64 * pixel, y + row as f64 * pixel, pixel, pixel, WHITE);
            }
        }
        top + down * pixel
    }

    fn fill(&mut self, left: f64, top: f64, width: f64, height: f64, colour: Colour) {
        let within = |from: f64, length: f64, end: usize| {
            let clamp = |value: f64| value.round().clamp(0.0, end as f64) as usize;
            clamp(from)..clamp(from + length)
        };
        let columns = within(left, width, self.width);
        for y in within(top, height, self.height) {
            self.pixels[y * self.width..][columns.clone()].fill(colour);
        }
    }

    pub(super) fn to_jpeg(&self, quality: i32) -> anyhow::Result<Vec<u8>> {
        let image = Image {
            pixels: self.pixels.as_flattened(),
            width: self.width,
            pitch: self.width * 3,
            height: self.height,
            format: PixelFormat::RGB,
        };
        Ok(turbojpeg::compress(image, quality, Subsamp::Sub2x2).context("JPEG encoding failed")?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const RED: Colour = [255, 0, 0];

    fn grey() -> Picture {
        Picture::of(&Luma::new(20, 10, vec![9; 200]).unwrap())
    }

    fn rows(picture: &Picture) -> Vec<String> {
        let letter = |pixel: &Colour| match *pixel {
            RED => '+',
            WHITE => '#',
            _ => '.',
        };
        picture.pixels.chunks(picture.width).map(|row| row.iter().map(letter).collect()).collect()
    }

    #[test]
    fn an_outline_goes_around_and_may_leave_the_picture() {
        let mut picture = grey();
        picture.outline(&[(2.5, 1.5), (40.5, 1.5), (40.5, 7.5), (2.5, 7.5)].map(|(x, y)| Point { x, y }), 1.0, RED);
        let seen = rows(&picture);
        assert_eq!(seen[1], "..++++++++++++++++++");
        assert_eq!(seen[4], "..+.................");
        assert_eq!((&seen[7], &seen[8]), (&seen[1], &seen[0]));
        picture.outline(&[Point { x: -1e300, y: f64::NAN }, Point { x: 1e300, y: 5.0 }], 1.0, RED);
    }

    #[test]
    fn words_stand_on_their_colour() {
        let mut picture = grey();
        assert!((picture.words("TL", 1.0, 1.0, 1.0, RED) - 8.0).abs() < 1e-9);
        let seen = rows(&picture);
        assert_eq!(
            seen[1..9],
            [
                ".+++++++++..........",
                ".+###+#+++..........",
                ".++#++#+++..........",
                ".++#++#+++..........",
                ".++#++#+++..........",
                ".++#++###+..........",
                ".+++++++++..........",
                "....................",
            ]
        );
    }
}
