//! Photographs a flat thing: from the front or from the side, in any light, with somebody in the way.

use imagejob_vision::geometry::{Homography, Point, Quad, area, frame};
use rand::Rng;
use rand::rngs::StdRng;

use crate::picture::{Picture, mix};
use crate::poster::Area;

/// What photographer, place and camera do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shot {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Turn about the upright axis, about the level one, and within the picture; radians.
    pub turn: [f64; 3],
    /// Share of the photo that the thing covers, as far as it fits.
    pub coverage: f64,
    /// Shift of its centre from the photo's, in shares of the photo.
    pub shift: [f64; 2],
    /// Factor on levels, per colour.
    pub gain: [f32; 3],
    /// Change of light from one side of the photo to the other, as a factor, and its direction in radians.
    pub gradient: (f32, f64),
    /// A shadow's darkness as a factor and where its edge runs (shares of the photo's width).
    pub shadow: Option<(f32, f64)>,
    /// Deviation of the blur, pixels.
    pub blur: f32,
    /// Length of the movement in pixels, and its direction in radians.
    pub movement: (f32, f64),
    /// Deviation of the noise, grey levels.
    pub noise: f32,
    /// Share of the thing that somebody in the way covers, about.
    pub covered: f64,
    /// 1-100.
    pub jpeg_quality: i32,
}

impl Shot {
    /// As people take them when they are asked to: whole, readable, by daylight or lamps.
    pub fn usual(rng: &mut StdRng) -> Self {
        let (width, height) = if rng.random_bool(0.7) { (1_200, 1_600) } else { (1_600, 1_200) };
        let lamp = rng.random_range(0.6..1.15);
        Self {
            width,
            height,
            turn: [rng.random_range(-0.6..0.6), rng.random_range(-0.4..0.4), rng.random_range(-0.25..0.25)],
            coverage: rng.random_range(0.22..0.7),
            shift: [rng.random_range(-0.06..0.06), rng.random_range(-0.06..0.06)],
            gain: [lamp * rng.random_range(0.9..1.1), lamp, lamp * rng.random_range(0.85..1.1)],
            gradient: (rng.random_range(0.7..1.0), rng.random_range(0.0..std::f64::consts::TAU)),
            shadow: rng.random_bool(0.25).then(|| (rng.random_range(0.55..0.85), rng.random_range(0.2..0.8))),
            blur: rng.random_range(0.4..1.6),
            movement: (rng.random_range(0.0..3.0), rng.random_range(0.0..std::f64::consts::PI)),
            noise: rng.random_range(1.0..7.0),
            covered: if rng.random_bool(0.25) { rng.random_range(0.02..0.12) } else { 0.0 },
            jpeg_quality: rng.random_range(50..=92),
        }
    }
}

impl Shot {
    /// Of a page on a table: nearly from above, filling the photo, nobody in the way.
    pub fn of_a_page(rng: &mut StdRng) -> Self {
        Self {
            width: 1_200,
            height: 1_600,
            turn: [rng.random_range(-0.25..0.25), rng.random_range(-0.3..0.3), rng.random_range(-0.12..0.12)],
            coverage: rng.random_range(0.55..0.85),
            shift: [rng.random_range(-0.02..0.02), rng.random_range(-0.02..0.02)],
            blur: rng.random_range(0.4..1.2),
            movement: (rng.random_range(0.0..2.0), rng.random_range(0.0..std::f64::consts::PI)),
            noise: rng.random_range(1.0..5.0),
            covered: 0.0,
            jpeg_quality: rng.random_range(60..=92),
            ..Self::usual(rng)
        }
    }
}

/// A photograph and where the thing is in it.
#[derive(Debug, Clone)]
pub struct Photograph {
    /// The file.
    pub jpeg: Vec<u8>,
    /// The thing's corners, in pixels.
    pub corners: Quad,
    /// From the flat thing's pixels.
    map: Homography,
    size: Point,
    obstacle: Option<Obstacle>,
}

impl Photograph {
    /// The share of a part of the thing that nobody is in the way of.
    pub fn visible(&self, part: Area) -> f64 {
        let shown = (0..100).filter(|i| {
            let (x, y) = (f64::from(i % 10) / 9.0, f64::from(i / 10) / 9.0);
            let place =
                Point { x: (part.x + x * part.width) * self.size.x, y: (part.y + y * part.height) * self.size.y };
            let seen = self.map.apply(place);
            !seen.is_some_and(|at| self.obstacle.as_ref().is_some_and(|obstacle| obstacle.hides(at)))
        });
        shown.count() as f64 / 100.0
    }
}

/// Photographs `thing` before `background`; `passer_by` gives the pattern of whoever is in the way.
pub fn take(thing: &Picture, background: &Picture, passer_by: &Picture, shot: &Shot, rng: &mut StdRng) -> Photograph {
    let corners = seen_corners(thing, shot);
    let flat = frame(thing.width as f64, thing.height as f64);
    let back = Homography::fit(corners.into_iter().zip(flat).map(|(from, to)| (from, to, 1.0)))
        .expect("four corners of a convex quadrilateral");
    // Details too fine for the sensor are averaged before it sees them.
    let shrink = (area(&flat) / area(&corners)).sqrt();
    let halvings = shrink.log2().floor().max(0.0) as i32;
    let fine = (0..halvings).fold(thing.clone(), |picture, _| picture.halved());
    let rest = (shrink / f64::from(1 << halvings)) as f32;
    let fine = fine.blurred(0.35 * rest);
    let in_the_way = Obstacle::of(&corners, shot, rng);
    let (width, height) = (shot.width as f64, shot.height as f64);
    let seen = Picture::from_fn(shot.width, shot.height, |at| {
        if in_the_way.as_ref().is_some_and(|obstacle| obstacle.hides(at)) {
            let part = Point { x: at.x / width * passer_by.width as f64, y: at.y / height * passer_by.height as f64 };
            return passer_by.at(part).map(|level| 0.7 * level);
        }
        match back.apply(at) {
            Some(place) if (0.0..flat[2].x).contains(&place.x) && (0.0..flat[2].y).contains(&place.y) => {
                fine.at(place.scaled(1.0 / f64::from(1 << halvings)))
            }
            _ => background
                .at(Point { x: at.x / width * background.width as f64, y: at.y / height * background.height as f64 }),
        }
    });
    let exposed = developed(moved(seen.blurred(shot.blur), shot.movement), shot, rng);
    let map = Homography::fit(flat.into_iter().zip(corners).map(|(from, to)| (from, to, 1.0)))
        .expect("four corners of a convex quadrilateral");
    Photograph { jpeg: exposed.to_jpeg(shot.jpeg_quality), corners, map, size: flat[2], obstacle: in_the_way }
}

/// The corners of the thing turned in space, before a camera two and a half times its size away.
fn seen_corners(thing: &Picture, shot: &Shot) -> Quad {
    let [yaw, pitch, roll] = shot.turn;
    let (half_width, half_height) = (thing.width as f64 / 2.0, thing.height as f64 / 2.0);
    let distance = 2.5 * thing.width.max(thing.height) as f64;
    let seen = |Point { x, y }: Point| {
        let (x, y) = (x - half_width, y - half_height);
        let (x, y) = (x * roll.cos() - y * roll.sin(), x * roll.sin() + y * roll.cos());
        let (x, z) = (x * yaw.cos(), x * yaw.sin());
        let (y, z) = (y * pitch.cos() - z * pitch.sin(), y * pitch.sin() + z * pitch.cos());
        Point { x: x * distance / (distance + z), y: y * distance / (distance + z) }
    };
    let quad = frame(thing.width as f64, thing.height as f64).map(seen);
    let (width, height) = (shot.width as f64, shot.height as f64);
    let extent = |of: fn(&Point) -> f64| {
        let values = quad.iter().map(of);
        values.clone().fold(f64::MIN, f64::max) - values.fold(f64::MAX, f64::min)
    };
    // As large as wanted, unless a corner would leave the photo.
    let wanted = (shot.coverage * width * height / area(&quad)).sqrt();
    let scale = wanted.min(0.96 * width / extent(|p| p.x)).min(0.96 * height / extent(|p| p.y));
    let middle = |of: fn(&Point) -> f64| quad.iter().map(of).sum::<f64>() / 4.0;
    let (center_x, center_y) = (middle(|p| p.x), middle(|p| p.y));
    quad.map(|Point { x, y }| Point {
        x: (x - center_x) * scale + width * (0.5 + shot.shift[0]),
        y: (y - center_y) * scale + height * (0.5 + shot.shift[1]),
    })
}

/// Somebody's head and shoulders from below, or an arm from the side: an ellipse that reaches in from an
/// edge of the thing.
#[derive(Debug, Clone, Copy)]
struct Obstacle {
    center: Point,
    radii: Point,
}

impl Obstacle {
    fn of(corners: &Quad, shot: &Shot, rng: &mut StdRng) -> Option<Self> {
        if shot.covered <= 0.0 {
            return None;
        }
        // Half of an ellipse lies within the thing.
        let wanted = shot.covered * area(corners);
        let shape: f64 = rng.random_range(0.6..1.6);
        let radius = (2.0 * wanted / (std::f64::consts::PI * shape)).sqrt();
        let edge = rng.random_range(1..4);
        let (from, to) = (corners[edge], corners[(edge + 1) % 4]);
        let along = rng.random_range(0.2..0.8);
        let center = Point { x: from.x + (to.x - from.x) * along, y: from.y + (to.y - from.y) * along };
        Some(Self { center, radii: Point { x: radius, y: radius * shape } })
    }

    fn hides(&self, at: Point) -> bool {
        ((at.x - self.center.x) / self.radii.x).powi(2) + ((at.y - self.center.y) / self.radii.y).powi(2) < 1.0
    }
}

fn moved(picture: Picture, (length, angle): (f32, f64)) -> Picture {
    if length < 1.0 {
        return picture;
    }
    let (dy, dx) = angle.sin_cos();
    let steps = (2.0 * length).ceil() as i32;
    let tap = |i: i32| {
        let along = f64::from(length) * (f64::from(i) / f64::from(steps) - 0.5);
        ((dx * along).round() as isize, (dy * along).round() as isize, 1.0)
    };
    picture.smeared(&(0..=steps).map(tap).collect::<Vec<_>>())
}

/// Light and noise.
fn developed(mut picture: Picture, shot: &Shot, rng: &mut StdRng) -> Picture {
    let (dark, direction) = shot.gradient;
    let (dy, dx) = direction.sin_cos();
    let (width, height) = (picture.width as f64, picture.height as f64);
    let mut draws = Noise(rng.random());
    for (i, pixel) in picture.pixels.iter_mut().enumerate() {
        let (x, y) = ((i as f64 % width) / width - 0.5, (i as f64 / width) / height - 0.5);
        let across = ((x * dx + y * dy) * 0.7 + 0.5).clamp(0.0, 1.0) as f32;
        let mut light = 1.0 + (dark - 1.0) * across;
        if let Some((shade, edge)) = shot.shadow {
            // Slanted, a tenth of the photo soft.
            let inside = ((x + 0.5 - edge + 0.3 * y) / 0.1 + 0.5).clamp(0.0, 1.0) as f32;
            light *= 1.0 + (shade - 1.0) * inside;
        }
        let noise = draws.next() * shot.noise;
        *pixel = std::array::from_fn(|c| pixel[c] * shot.gain[c] * light + noise);
        *pixel = mix(*pixel, pixel.map(|level| level.min(255.0)), 1.0);
    }
    picture
}

/// About normal, mean 0, deviation 1; a million draws of a cryptographic generator would be most of the
/// time of a photograph.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let sum: f32 = [0, 16, 32, 48].map(|bits| f32::from((self.0 >> bits) as u16) / 65_536.0).iter().sum();
        (sum - 2.0) * 3.0_f32.sqrt()
    }
}
