//! Puts a text or a picture onto a picture.

use crate::Picture;
use crate::picture::{Channels, Size, over};
use crate::text::Text;

/// Where a mark stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Anchor {
    /// From left to right.
    pub horizontal: Along,
    /// From top to bottom.
    pub vertical: Along,
}

/// Where along a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Along {
    /// Left, or top.
    Start,
    /// In the middle.
    Center,
    /// Right, or bottom.
    End,
}

/// How a mark is put onto a picture. What is relative stays the same to the eye, however large the picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Style {
    /// Where it stands.
    pub anchor: Anchor,
    /// Of a text: height of its characters, percent of the picture's shorter side. Of a picture: its width, percent of
    /// the picture's.
    pub size_percent: u32,
    /// Between the mark and the edges, percent of the picture's shorter side.
    pub margin_percent: u32,
    /// 100 hides what is below.
    pub opacity_percent: u32,
}

/// What is put onto a picture.
#[derive(Debug, Clone, Copy)]
pub enum Mark<'a> {
    /// White letters with a dark edge, to be read on any ground.
    Text(&'a Text),
    /// Another picture; what is transparent in it stays so.
    Picture(&'a Picture),
}

/// The picture with the mark on it.
#[must_use]
pub fn marked(picture: Picture, mark: Mark<'_>, style: &Style) -> Picture {
    let canvas = Canvas { margin: share(shorter(picture.size()), style.margin_percent), picture, style };
    match mark {
        Mark::Text(text) => canvas.with_text(text),
        Mark::Picture(mark) => canvas.with_picture(mark),
    }
}

struct Canvas<'a> {
    picture: Picture,
    /// Pixels.
    margin: u32,
    style: &'a Style,
}

impl Canvas<'_> {
    fn with_text(mut self, text: &Text) -> Picture {
        let size = self.picture.size();
        let height = share(shorter(size), self.style.size_percent).max(1);
        let letters = text.draw(height, size.width.saturating_sub(2 * self.margin).max(1));
        // An edge of a sixteenth of the letters' height, or it would not be seen in a small picture.
        let edge = (letters.height() / 16).max(1);
        let shade = letters.grown(edge);
        let (left, top) = self.corner(Size { width: letters.width(), height: letters.height() });
        for (i, &shaded) in shade.coverage().iter().enumerate().filter(|(_, shaded)| **shaded > 0) {
            let (x, y) = (i as u32 % shade.width(), i as u32 / shade.width());
            let lit = letters.level(x as i32 - edge as i32, y as i32 - edge as i32);
            // Letters hide their edge first, or it would dim them where both are half transparent.
            let opacity = over(shaded, 255, lit);
            let white = (u32::from(lit) * 255).checked_div(u32::from(opacity)).unwrap_or(0) as u8;
            self.blend((left + x as i32 - edge as i32, top + y as i32 - edge as i32), [white; 3], opacity);
        }
        self.picture
    }

    fn with_picture(mut self, mark: &Picture) -> Picture {
        let size = self.picture.size();
        let wanted = share(size.width, self.style.size_percent).max(1);
        let tall = u64::from(mark.height()) * u64::from(wanted) / u64::from(mark.width());
        let room = size.height.saturating_sub(2 * self.margin).max(1);
        let (width, height) = match u32::try_from(tall) {
            Ok(tall) if tall <= room => (wanted, tall.max(1)),
            // Higher than the picture: its height decides.
            _ => ((u64::from(mark.width()) * u64::from(room) / u64::from(mark.height())).max(1) as u32, room),
        };
        let mark = mark.clone().resized(Size { width, height });
        let (left, top) = self.corner(mark.size());
        let count = mark.channels().count();
        for (i, pixel) in mark.pixels().chunks_exact(count).enumerate() {
            let place = (left + (i as u32 % width) as i32, top + (i as u32 / width) as i32);
            let opacity = pixel.get(3).copied().unwrap_or(255);
            self.blend(place, [pixel[0], pixel[1], pixel[2]], opacity);
        }
        self.picture
    }

    /// The upper left pixel of a mark of this size; outside if the picture is too small for it.
    fn corner(&self, mark: Size) -> (i32, i32) {
        let margin = self.margin as i32;
        let along = |anchor, whole: u32, part: u32| match anchor {
            Along::Start => margin,
            Along::Center => (whole as i32 - part as i32) / 2,
            Along::End => whole as i32 - part as i32 - margin,
        };
        let Anchor { horizontal, vertical } = self.style.anchor;
        let size = self.picture.size();
        (along(horizontal, size.width, mark.width), along(vertical, size.height, mark.height))
    }

    fn blend(&mut self, (x, y): (i32, i32), colour: [u8; 3], opacity: u8) {
        let opacity = (u32::from(opacity) * self.style.opacity_percent / 100).min(255) as u8;
        let channels = self.picture.channels();
        let Some(pixel) = self.picture.pixel_mut(x, y) else { return };
        // What is below counts as far as it is seen itself.
        let weight = match channels {
            Channels::Rgb => opacity,
            Channels::Rgba => {
                let seen = over(pixel[3], 255, opacity);
                let weight = (u32::from(opacity) * 255).checked_div(u32::from(seen)).unwrap_or(0) as u8;
                pixel[3] = seen;
                weight
            }
        };
        for (ground, colour) in pixel.iter_mut().zip(colour) {
            *ground = over(*ground, colour, weight);
        }
    }
}

fn shorter(size: Size) -> u32 {
    size.width.min(size.height)
}

fn share(length: u32, percent: u32) -> u32 {
    (u64::from(length) * u64::from(percent) / 100) as u32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GREY: [u8; 3] = [128; 3];

    fn plain(width: u32, height: u32, pixel: &[u8]) -> Picture {
        let channels = if pixel.len() == 4 { Channels::Rgba } else { Channels::Rgb };
        Picture::new(width, height, channels, pixel.repeat((width * height) as usize)).unwrap()
    }

    fn style(horizontal: Along, vertical: Along) -> Style {
        let anchor = Anchor { horizontal, vertical };
        Style { anchor, size_percent: 10, margin_percent: 5, opacity_percent: 100 }
    }

    /// Left, top, right and bottom of what differs from a grey picture.
    fn touched(picture: &Picture) -> (u32, u32, u32, u32) {
        let differs = picture.pixels().chunks_exact(3).enumerate().filter(|(_, pixel)| **pixel != GREY);
        let places = differs.map(|(i, _)| (i as u32 % picture.width(), i as u32 / picture.width()));
        places.fold((u32::MAX, u32::MAX, 0, 0), |(l, t, r, b), (x, y)| (l.min(x), t.min(y), r.max(x), b.max(y)))
    }

    #[test]
    fn marks_stand_where_they_are_anchored() {
        let mark = plain(10, 5, &[255, 0, 0]);
        for (horizontal, left) in [(Along::Start, 5), (Along::Center, 90), (Along::End, 175)] {
            for (vertical, top) in [(Along::Start, 5), (Along::Center, 45), (Along::End, 85)] {
                let seen = marked(plain(200, 100, &GREY), Mark::Picture(&mark), &style(horizontal, vertical));
                assert_eq!(touched(&seen), (left, top, left + 19, top + 9), "{horizontal:?} {vertical:?}");
            }
        }
    }

    #[test]
    fn texts_are_white_with_a_dark_edge_and_differ() {
        let [first, second] = ["北京 7", "北京 8"].map(|text| {
            let text = Text::new(text).unwrap();
            marked(plain(400, 300, &GREY), Mark::Text(&text), &style(Along::End, Along::End))
        });
        assert_ne!(first, second);
        let (left, top, right, bottom) = touched(&first);
        assert!(left > 250 && top > 200 && right < 390 && bottom < 290, "{left} {top} {right} {bottom}");
        let count = |picture: &Picture, colour: [u8; 3]| {
            picture.pixels().chunks_exact(3).filter(|pixel| **pixel == colour).count()
        };
        assert!(count(&first, [255; 3]) > 50 && count(&first, [0; 3]) > 50);
        // Half transparent, a letter is half white whatever edge it has.
        let text = Text::new("北京 7").unwrap();
        let half = Style { opacity_percent: 50, ..style(Along::End, Along::End) };
        let glass = marked(plain(400, 300, &[0; 3]), Mark::Text(&text), &half);
        assert!(count(&glass, [127; 3]) >= count(&first, [255; 3]));
    }

    #[test]
    fn opacity_mixes_and_transparency_stays() {
        let half = Style { opacity_percent: 50, ..style(Along::Start, Along::Start) };
        let seen = marked(plain(100, 100, &[0, 0, 0]), Mark::Picture(&plain(1, 1, &[255; 3])), &half);
        let lit = seen.pixels().iter().max().copied().unwrap();
        assert!(lit.abs_diff(127) <= 1, "{lit}");
        let clear = marked(plain(100, 100, &GREY), Mark::Picture(&plain(4, 4, &[9, 9, 9, 0])), &half);
        assert_eq!(clear, plain(100, 100, &GREY));
        let glass = marked(plain(100, 100, &[9, 9, 9, 0]), Mark::Picture(&plain(1, 1, &[255, 0, 0])), &half);
        let pixel = &glass.pixels()[(6 * 100 + 6) * 4..][..4];
        assert_eq!(pixel, [255, 0, 0, 127], "red as seen through half of it");
    }

    #[test]
    fn a_mark_larger_than_its_picture_is_made_to_fit() {
        let whole = Style { size_percent: 100, margin_percent: 0, ..style(Along::Center, Along::Center) };
        let text = Text::new("一个很长很长的水印").unwrap();
        let high = plain(1, 1_000, &[255, 0, 0]);
        for size in [(1, 1), (3, 200), (200, 3)] {
            let picture = plain(size.0, size.1, &GREY);
            for mark in [Mark::Text(&text), Mark::Picture(&high)] {
                assert_eq!(marked(picture.clone(), mark, &whole).size(), picture.size());
            }
        }
    }
}
