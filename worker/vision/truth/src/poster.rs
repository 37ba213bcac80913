//! Posters: photographs, blocks of colour, lettering and emblems on a ground. A sibling differs from
//! its poster in one of them.

use imagejob_vision::geometry::Point;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::lettering::Glyph;
use crate::picture::{Picture, Rgb, mix};

/// A rectangle in shares of the poster's width and height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// From the left.
    pub x: f64,
    /// From above.
    pub y: f64,
    /// Share of the width.
    pub width: f64,
    /// Share of the height.
    pub height: f64,
}

/// What makes a poster. Two posters of one design look the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Poster {
    /// Pixels.
    width: usize,
    /// Pixels.
    height: usize,
    ground: [Rgb; 2],
    elements: Vec<Element>,
}

#[derive(Debug, Clone, PartialEq)]
struct Element {
    at: Area,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// A part of one of the photographs, by its index.
    Photograph {
        of: usize,
        part: Area,
    },
    Block {
        colour: Rgb,
    },
    /// One line.
    Lettering {
        glyphs: Vec<u32>,
        colour: Rgb,
    },
    /// Rings and rays.
    Emblem {
        seed: u32,
        colour: Rgb,
        ground: Rgb,
    },
}

fn colour(rng: &mut StdRng, levels: std::ops::Range<f32>) -> Rgb {
    std::array::from_fn(|_| rng.random_range(levels.clone()))
}

/// A part of a photograph, not less than a third of its width, so that there is something to see.
fn part(rng: &mut StdRng) -> Area {
    let (width, height) = (rng.random_range(0.35..0.9), rng.random_range(0.35..0.9));
    Area { x: rng.random_range(0.0..1.0 - width), y: rng.random_range(0.0..1.0 - height), width, height }
}

fn line(rng: &mut StdRng, at: Area, aspect: f64, colour: Rgb) -> Element {
    // As many square glyphs as fit the line.
    let count = (at.width / (at.height * aspect)).floor().max(1.0) as usize;
    Element { at, kind: Kind::Lettering { glyphs: (0..count).map(|_| rng.random()).collect(), colour } }
}

impl Poster {
    /// One of 2^64 designs with parts of `photographs` photographs.
    pub fn design(seed: u64, photographs: usize) -> Self {
        let rng = &mut StdRng::seed_from_u64(seed);
        let (width, height) = *[(720, 1_000), (720, 960), (760, 1_000), (1_000, 720)].choose(rng).expect("not empty");
        let aspect = height as f64 / width as f64;
        let dark = rng.random_bool(0.4);
        let (grounds, inks) = if dark { (10.0..110.0, 170.0..255.0) } else { (150.0..250.0, 0.0..110.0) };
        let ground = [colour(rng, grounds.clone()), colour(rng, grounds)];
        let mut elements = Vec::new();
        let picture_height = rng.random_range(0.3..0.55);
        let top = rng.random_range(0.05..0.2);
        let of = rng.random_range(0..photographs);
        let picture = Area {
            x: rng.random_range(0.04..0.1),
            y: top,
            width: rng.random_range(0.78..0.88),
            height: picture_height,
        };
        elements.push(Element { at: picture, kind: Kind::Photograph { of, part: part(rng) } });
        // The headline, over the picture or under it.
        let size = rng.random_range(0.08..0.12);
        let y = if rng.random_bool(0.3) { top + picture_height - size - 0.03 } else { top + picture_height + 0.03 };
        let ink = colour(rng, inks.clone());
        let headline = Area { x: 0.08, y, width: rng.random_range(0.5..0.84), height: size };
        elements.push(line(rng, headline, aspect, ink));
        // An inset picture and lines of small print beside it.
        let lower = top + picture_height + 0.03 + size + 0.03;
        let inset_height = (0.93 - lower).clamp(0.12, 0.22);
        let (inset_x, lines_x) = if rng.random_bool(0.5) { (0.07, 0.45) } else { (0.63, 0.07) };
        let inset = Area { x: inset_x, y: lower, width: rng.random_range(0.25..0.32), height: inset_height };
        let other = rng.random_range(0..photographs);
        elements.push(Element { at: inset, kind: Kind::Photograph { of: other, part: part(rng) } });
        for row in 0..rng.random_range(2..5) {
            let at =
                Area { x: lines_x, y: lower + 0.042 * f64::from(row), width: rng.random_range(0.3..0.5), height: 0.03 };
            elements.push(line(rng, at, aspect, ink));
        }
        // A price on a block, and an emblem.
        let price = Area { x: lines_x, y: lower + inset_height - 0.075, width: 0.3, height: 0.075 };
        let block = colour(rng, inks.clone());
        elements.push(Element { at: price, kind: Kind::Block { colour: block } });
        let inner = Area { x: price.x + 0.015, y: price.y + 0.01, width: 0.27, height: 0.055 };
        elements.push(line(rng, inner, aspect, ground[0]));
        let side = rng.random_range(0.09..0.13);
        let at = Area { x: 0.9 - side, y: 0.03, width: side, height: side / aspect };
        elements.push(Element { at, kind: Kind::Emblem { seed: rng.random(), colour: ink, ground: ground[0] } });
        Self { width, height, ground, elements }
    }

    /// The same poster with another headline, price, inset picture or emblem, and where that is.
    #[must_use]
    pub fn sibling(&self, seed: u64, photographs: usize) -> (Self, Area) {
        let rng = &mut StdRng::seed_from_u64(seed);
        // By their order in the design: headline, inset, price (the last line), emblem (the last element).
        let last = self.elements.len() - 1;
        let changed = *[1, 2, last - 1, last].choose(rng).expect("not empty");
        let mut sibling = self.clone();
        let element = &mut sibling.elements[changed];
        match &mut element.kind {
            Kind::Photograph { of, part } => {
                *of = (*of + rng.random_range(1..photographs)) % photographs;
                *part = self::part(rng);
            }
            Kind::Lettering { glyphs, .. } => glyphs.iter_mut().for_each(|glyph| *glyph = rng.random()),
            Kind::Emblem { seed, .. } => *seed = rng.random(),
            Kind::Block { colour } => *colour = self::colour(rng, 0.0..255.0),
        }
        let at = element.at;
        (sibling, at)
    }

    /// Its pixels.
    pub fn draw(&self, photographs: &[Picture]) -> Picture {
        let (width, height) = (self.width as f64, self.height as f64);
        let mut picture = Picture::from_fn(self.width, self.height, |Point { y, .. }| {
            mix(self.ground[0], self.ground[1], (y / height) as f32)
        });
        for Element { at, kind } in &self.elements {
            let (left, top) = (at.x * width, at.y * height);
            let (wide, tall) = (at.width * width, at.height * height);
            let painted = kind.prepare();
            for y in top as usize..((top + tall) as usize).min(self.height) {
                for x in left as usize..((left + wide) as usize).min(self.width) {
                    // In pixels from the element's corner.
                    let place = Point { x: x as f64 + 0.5 - left, y: y as f64 + 0.5 - top };
                    let pixel = &mut picture.pixels[y * self.width + x];
                    *pixel = painted.over(*pixel, place, Point { x: wide, y: tall }, photographs);
                }
            }
        }
        picture
    }
}

/// An element with its glyphs made, so that they are not made for each pixel.
enum Painted<'a> {
    Photograph { of: usize, part: &'a Area },
    Block(Rgb),
    Lettering(Vec<Glyph>, Rgb),
    Emblem { glyph: Glyph, rings: f64, colour: Rgb, ground: Rgb },
}

impl Kind {
    fn prepare(&self) -> Painted<'_> {
        match self {
            Self::Photograph { of, part } => Painted::Photograph { of: *of, part },
            Self::Block { colour } => Painted::Block(*colour),
            Self::Lettering { glyphs, colour } => {
                Painted::Lettering(glyphs.iter().map(|&seed| Glyph::of(seed)).collect(), *colour)
            }
            Self::Emblem { seed, colour, ground } => Painted::Emblem {
                glyph: Glyph::of(*seed),
                rings: f64::from(2 + seed % 3),
                colour: *colour,
                ground: *ground,
            },
        }
    }
}

impl Painted<'_> {
    /// The pixel at a place of an element of this size, both in pixels, painted over what was there.
    fn over(&self, below: Rgb, at: Point, size: Point, photographs: &[Picture]) -> Rgb {
        match self {
            Self::Photograph { of, part } => {
                let photograph = &photographs[*of];
                photograph.at(Point {
                    x: (part.x + part.width * at.x / size.x) * photograph.width as f64,
                    y: (part.y + part.height * at.y / size.y) * photograph.height as f64,
                })
            }
            Self::Block(colour) => *colour,
            Self::Lettering(glyphs, colour) => {
                let column = (at.x / size.y) as usize;
                let Some(glyph) = glyphs.get(column) else { return below };
                let place = Point { x: at.x / size.y - column as f64, y: at.y / size.y };
                mix(below, *colour, glyph.ink(place, 1.2 / size.y))
            }
            Self::Emblem { glyph, rings, colour, ground } => {
                let place = Point { x: at.x / size.x, y: at.y / size.y };
                let radius = (place.x - 0.5).hypot(place.y - 0.5) * 2.0;
                if radius > 1.0 {
                    return below;
                }
                let ring = (radius * rings * std::f64::consts::PI).cos() > 0.75;
                let ink = if ring { 1.0 } else { glyph.ink(place, 1.2 / size.y) };
                mix(*ground, *colour, ink)
            }
        }
    }
}
