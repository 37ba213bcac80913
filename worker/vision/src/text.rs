//! Letters as pixels, in the font that is part of the program: Latin, Greek, Cyrillic and simplified Chinese.

use swash::FontRef;
use swash::scale::{Render, ScaleContext, Source};
use thiserror::Error;

use crate::mask::Mask;

/// See its README for what is in it.
const FONT: &[u8] = include_bytes!("../fonts/NotoSansCJKsc-GB2312.otf");

/// Characters of a text; more would be a page, not a mark.
pub const MAX_CHARS: usize = 200;

/// Why a text cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TextError {
    /// The font has no picture of a character.
    #[error("the font has no glyph for {character:?} (U+{:04X}); leave it out, or mark with a picture", *character as u32)]
    GlyphMissing {
        /// The character.
        character: char,
    },
    /// Too long to be read.
    #[error("it has {chars} characters, more than {MAX_CHARS}; shorten it")]
    TooLong {
        /// Its characters.
        chars: usize,
    },
    /// Nothing would be seen.
    #[error("it has no character that is seen")]
    Blank,
}

/// A text of one line whose characters are all in the font.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    glyphs: Vec<u16>,
}

impl Text {
    /// # Errors
    /// Each variant of [`TextError`].
    pub fn new(text: &str) -> Result<Self, TextError> {
        let chars = text.chars().count();
        if chars > MAX_CHARS {
            return Err(TextError::TooLong { chars });
        }
        if text.chars().all(char::is_whitespace) {
            return Err(TextError::Blank);
        }
        let charmap = font().charmap();
        let glyph = |character| match charmap.map(character) {
            0 => Err(TextError::GlyphMissing { character }),
            glyph => Ok(glyph),
        };
        Ok(Self { glyphs: text.chars().map(glyph).collect::<Result<_, _>>()? })
    }

    /// Its width when its characters are `height` pixels high, in whole pixels.
    fn width(&self, height: f32) -> u32 {
        let font = font();
        let metrics = font.glyph_metrics(&[]).scale(height);
        self.glyphs.iter().map(|&glyph| metrics.advance_width(glyph)).sum::<f32>().ceil() as u32
    }

    /// How much of each pixel it covers, with characters of `height` pixels, or as many fewer as it takes to be no
    /// wider than `max_width`.
    pub fn draw(&self, height: u32, max_width: u32) -> Mask {
        let full = self.width(height as f32).max(1);
        let height = height as f32 * (max_width.max(1) as f32 / full as f32).min(1.0);
        let height = height.max(1.0);
        let font = font();
        let metrics = font.metrics(&[]).scale(height);
        let advances = font.glyph_metrics(&[]).scale(height);
        let mut mask =
            Mask::empty(self.width(height).max(1), (metrics.ascent + metrics.descent).ceil().max(1.0) as u32);
        let baseline = metrics.ascent.round() as i32;
        let mut context = ScaleContext::new();
        let mut scaler = context.builder(font).size(height).build();
        let mut pen = 0.0;
        for &glyph in &self.glyphs {
            if let Some(image) = Render::new(&[Source::Outline]).render(&mut scaler, glyph) {
                let placed = image.placement;
                mask.add(pen as i32 + placed.left, baseline - placed.top, placed.width, &image.data);
            }
            pen += advances.advance_width(glyph);
        }
        mask
    }
}

fn font() -> FontRef<'static> {
    FontRef::from_index(FONT, 0).expect("a font that tests read")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn covered(text: &str) -> u64 {
        let mask = Text::new(text).unwrap().draw(40, 10_000);
        mask.coverage().iter().map(|&pixel| u64::from(pixel)).sum::<u64>() / 255
    }

    #[test]
    fn characters_of_several_scripts_are_drawn() {
        for text in ["A", "é", "Ж", "Ω", "7", "中", "龟", "あ", "￥", "—"] {
            assert!(covered(text) > 20, "{text}");
        }
        assert!(covered("龟") > covered("一"), "strokes are counted");
        let mask = Text::new("北京 2026-11-28").unwrap().draw(40, 10_000);
        assert!(mask.height() >= 40 && mask.height() < 80, "{}", mask.height());
        assert!(mask.width() > 200 && mask.width() < 400, "{}", mask.width());
    }

    #[test]
    fn a_text_that_is_too_wide_becomes_smaller() {
        let text = Text::new("一二三四五六七八九十").unwrap();
        let (full, narrow) = (text.draw(40, 10_000), text.draw(40, 200));
        assert_eq!(full.width(), 400);
        assert!(narrow.width() <= 201 && narrow.height() < 40, "{} x {}", narrow.width(), narrow.height());
        assert!(text.draw(40, 1).width() <= 20);
    }

    #[test]
    fn what_cannot_be_drawn_says_why() {
        for (text, error) in [
            ("a𠮷", TextError::GlyphMissing { character: '𠮷' }),
            ("📷", TextError::GlyphMissing { character: '📷' }),
            ("a\nb", TextError::GlyphMissing { character: '\n' }),
            ("", TextError::Blank),
            ("  \u{3000}", TextError::Blank),
        ] {
            assert_eq!(Text::new(text), Err(error), "{text}");
        }
        assert_eq!(Text::new(&"x".repeat(201)), Err(TextError::TooLong { chars: 201 }));
        let sentence = "the font has no glyph for '𠮷' (U+20BB7); leave it out, or mark with a picture";
        assert_eq!(Text::new("𠮷").unwrap_err().to_string(), sentence);
    }
}
