//! Which cells have the colours that the poster has there.
//!
//! Lamps, cameras and printers change colours, but all over a poster in one way: what became of those of the parts that
//! are surely the same tells what became of the others. Somebody who is as bright as the ground behind is mostly of
//! another colour, and print that is as bright as its ground is nothing but colour.

use crate::registration::{Tile, Tiles};

/// Added to levels before a colour is divided by them: the colour of black is noise.
const FLOOR: f64 = 8.0;
/// Cells that must be known before colours say anything.
const ENOUGH: usize = 20;
/// Times that the model is fitted, and known cells that it does not hold for are left out.
const FITS: usize = 3;
/// Of the known cells this share is off by less than what is called noise.
const NOISE_RANK: f64 = 0.8;
/// Known cells count if they are off by no more than so many times the noise, and always if by so many levels.
const KEPT: (f64, f64) = (2.0, 1.0);
/// A colour is another one if it is off by so many times the noise, and by so many levels: JPEG at quality 50 is off by
/// 4 beside an edge.
const OTHER: (f64, f64) = (3.0, 6.0);
/// A colour is the poster's if it is off by no more than so many times the noise, or by so many levels.
const OWN: (f64, f64) = (1.5, 5.0);
/// Only a colour so many levels from grey tells anything by being the poster's: many things are grey.
const COLOURFUL: f64 = 10.0;
/// Through blur, cells of the rim take this share of how the wall behind differs from them.
const BLEEDING: f64 = 0.3;
/// Above this level one of red, green and blue may be cut off, and the colour with it.
const BRIGHT: f64 = 225.0;
/// A photo that keeps less of the reference's colours is a grey one.
const FAINT: f64 = 0.3;
/// A reference whose known cells are this near to grey in the mean, levels, is a grey one, whatever the poster is.
const GREYISH: f64 = 3.0;
/// Colours that are off by more levels than this are others all over: another print, or a filter.
const NOISIEST: f64 = 8.0;
/// The first guess of the model, that nothing changes colours, weighs as much as two cells of level 100 whose colours
/// are a tenth of their light.
const PRIOR: [f64; 3] = [0.2, 0.02, 0.02];

/// What a photo makes of colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Colours {
    /// For blue and for red, as shares of the light: what is added to all, and what is kept of the reference's two.
    model: [[f64; 3]; 2],
    /// Levels.
    noise: f64,
}

impl Colours {
    /// From cells that are surely the same. `None` if there are too few, if the photo or the reference is grey, or if no
    /// one way of changing colours accounts for what became of them.
    pub(super) fn of<'a>(known: impl Iterator<Item = &'a Tile>) -> Option<Self> {
        let known: Vec<&Tile> = known.filter(|cell| cell.tint.is_some() && cell.photo_mean < BRIGHT).collect();
        if known.len() < ENOUGH {
            return None;
        }
        let colourful = |cell: &&Tile| cell.tint.map_or(0.0, |tint| distance(tint.reference, [0.0; 2]).powi(2));
        if (known.iter().map(colourful).sum::<f64>() / known.len() as f64).sqrt() < GREYISH {
            return None;
        }
        let mut kept = known.clone();
        let mut colours = Self { model: fitted(&kept)?, noise: 0.0 };
        for _ in 0..FITS {
            let off = |cell: &Tile| colours.off(cell).unwrap_or(f64::MAX);
            let mut offs: Vec<f64> = known.iter().map(|cell| off(cell)).collect();
            let rank = ((offs.len() - 1) as f64 * NOISE_RANK) as usize;
            let noise = *offs.select_nth_unstable_by(rank, f64::total_cmp).1;
            kept = known.iter().copied().filter(|cell| off(cell) <= (KEPT.0 * noise).max(KEPT.1)).collect();
            colours = Self { model: fitted(&kept)?, noise };
        }
        let [[_, blue, _], [_, _, red]] = colours.model;
        (blue > FAINT && red > FAINT && colours.noise < NOISIEST).then_some(colours)
    }

    /// How far a cell's colour is from what it should be, levels.
    fn off(&self, cell: &Tile) -> Option<f64> {
        let tint = cell.tint?;
        let reference = tint.reference.map(|tint| tint / (cell.reference_mean + FLOOR));
        let light = cell.photo_mean + FLOOR;
        let expected = self.model.map(|[added, blue, red]| light * (added + blue * reference[0] + red * reference[1]));
        Some((tint.photo[0] - expected[0]).hypot(tint.photo[1] - expected[1]))
    }

    /// Whether a plain cell is surely of another colour. Of cells of the rim, the colour of what is `beyond`.
    pub(super) fn is_other(&self, cell: &Tile, beyond: Option<[f64; 2]>) -> bool {
        let difference = cell.tint.zip(beyond).map_or(0.0, |(tint, beyond)| distance(tint.photo, beyond));
        let limit = (OTHER.0 * self.noise).max(OTHER.1) + BLEEDING * difference;
        cell.photo_mean < BRIGHT && self.off(cell).is_some_and(|off| off > limit)
    }

    /// Whether a plain cell is surely of the poster's colour, which few other things have.
    pub(super) fn is_own(&self, cell: &Tile) -> bool {
        let light = cell.photo_mean + FLOOR;
        let grey = self.model.map(|[added, ..]| added * light);
        let is_colourful = cell.tint.is_some_and(|tint| distance(tint.photo, grey) > COLOURFUL);
        is_colourful && self.off(cell).is_some_and(|off| off < (OWN.0 * self.noise).max(OWN.1))
    }
}

/// The tiles, compared by their colours as well as by their brightness.
pub(super) fn with_colours(tiles: &Tiles) -> Tiles {
    let whole = |tile: &Option<Tile>| tile.as_ref().map(compared);
    Tiles { parts: tiles.parts.iter().map(whole).collect(), ..tiles.clone() }
}

/// Brightness, blue and red are three levels of each pixel: variances of all add up, and what varies together.
fn compared(tile: &Tile) -> Tile {
    let Some(tint) = tile.tint else { return *tile };
    let [reference_contrast, photo_contrast] =
        [(tile.reference_contrast, tint.variances[0]), (tile.photo_contrast, tint.variances[1])]
            .map(|(contrast, variance)| (contrast.powi(2) + variance).sqrt());
    let covariance = tile.correlation * tile.reference_contrast * tile.photo_contrast + tint.covariance;
    let scale = reference_contrast * photo_contrast;
    let correlation = if scale > 1e-6 { covariance / scale } else { 0.0 };
    Tile { reference_contrast, photo_contrast, correlation, ..*tile }
}

/// Levels between two colours.
pub(super) fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Least squares of both colours as shares of the light; the more light, the more a cell counts.
fn fitted(cells: &[&Tile]) -> Option<[[f64; 3]; 2]> {
    let mut normal = [[0.0; 3]; 3];
    // The guess: of blue all blue is kept, of red all red, and nothing is added.
    let mut right = [[0.0, PRIOR[1], 0.0], [0.0, 0.0, PRIOR[2]]];
    for (i, weight) in PRIOR.into_iter().enumerate() {
        normal[i][i] = weight;
    }
    for cell in cells {
        let tint = cell.tint?;
        let light = cell.photo_mean + FLOOR;
        let [blue, red] = tint.reference.map(|tint| tint / (cell.reference_mean + FLOOR));
        let row = [1.0, blue, red];
        let weight = light / 100.0;
        for i in 0..3 {
            for j in 0..3 {
                normal[i][j] += weight * row[i] * row[j];
            }
            for (right, photo) in right.iter_mut().zip(tint.photo) {
                right[i] += weight * row[i] * photo / light;
            }
        }
    }
    Some([solved(&normal, right[0])?, solved(&normal, right[1])?])
}

/// By Cramer's rule.
fn solved(rows: &[[f64; 3]; 3], right: [f64; 3]) -> Option<[f64; 3]> {
    let determinant = |[a, b, c]: [[f64; 3]; 3]| {
        a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0])
    };
    let whole = determinant(*rows);
    let with = |column: usize| {
        let mut rows = *rows;
        for (row, value) in rows.iter_mut().zip(right) {
            row[column] = value;
        }
        determinant(rows) / whole
    };
    (whole.abs() > 1e-12).then(|| [0, 1, 2].map(with))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::registration::Tints;

    /// A cell whose colour in the reference is this far from grey, as a lamp shows it that dims all by a third and
    /// adds a twentieth of the light to red.
    fn cell(level: f64, reference: [f64; 2]) -> Tile {
        let photo_mean = 0.66 * (level + FLOOR) - FLOOR;
        let photo = [0.66 * reference[0], 0.66 * reference[1] + 0.05 * (photo_mean + FLOOR)];
        let tint = Some(Tints { reference, photo, variances: [0.0; 2], covariance: 0.0 });
        Tile { reference_contrast: 0.0, photo_contrast: 1.0, reference_mean: level, photo_mean, correlation: 0.0, tint }
    }

    fn poster() -> Vec<Tile> {
        let tint = |i: i32| [f64::from(i % 7 * 8 - 24), f64::from(i % 5 * 10 - 20)];
        (0..60).map(|i| cell(f64::from(60 + i), tint(i))).collect()
    }

    fn seen_as(photo: [f64; 2], of: Tile) -> Tile {
        Tile { tint: of.tint.map(|tint| Tints { photo, ..tint }), ..of }
    }

    #[test]
    fn a_lamp_changes_all_colours_and_somebody_has_his_own() {
        let mut known = poster();
        known[7] = seen_as([40.0, -40.0], known[7]); // one that is not the same after all
        let colours = Colours::of(known.iter()).unwrap();
        let ground = cell(100.0, [-20.0, 15.0]);
        assert!(colours.off(&ground).unwrap() < 1.0 && colours.is_own(&ground) && !colours.is_other(&ground, None));
        let somebody = seen_as([0.0, 20.0], ground);
        assert!(colours.is_other(&somebody, None) && !colours.is_own(&somebody));
        let grey = cell(100.0, [0.0, 0.0]);
        assert!(!colours.is_own(&grey) && !colours.is_other(&grey, None), "grey may be anything");
    }

    #[test]
    fn a_wall_bleeds_into_the_rim_and_somebody_hides_the_wall_too() {
        let colours = Colours::of(poster().iter()).unwrap();
        let ground = cell(100.0, [-20.0, 15.0]);
        let [blue, red] = ground.tint.unwrap().photo;
        let reddish = seen_as([blue, red + 10.0], ground);
        assert!(!colours.is_other(&reddish, Some([blue, red + 40.0])), "a quarter of a red wall");
        assert!(colours.is_other(&reddish, Some([blue, red + 12.0])), "of that colour on both sides of the edge");
    }

    #[test]
    fn a_grey_photo_or_reference_of_a_coloured_poster_tells_nothing() {
        let grey: Vec<Tile> = poster().into_iter().map(|cell| seen_as([1.0, -1.0], cell)).collect();
        assert_eq!(Colours::of(grey.iter()), None);
        assert_eq!(Colours::of(poster()[..19].iter()), None, "too few cells");
        let seen = |cell: &Tile| cell.tint.unwrap().photo;
        let copied: Vec<Tile> =
            poster().iter().map(|tile| seen_as(seen(tile), cell(tile.reference_mean, [0.5; 2]))).collect();
        assert_eq!(Colours::of(copied.iter()), None, "a grey copy of a coloured poster is the reference");
        let anyhow =
            |(i, cell): (usize, Tile)| seen_as([(i * 37 % 61) as f64 - 30.0, (i * 23 % 53) as f64 - 26.0], cell);
        let filtered: Vec<Tile> = poster().into_iter().enumerate().map(anyhow).collect();
        assert_eq!(Colours::of(filtered.iter()), None, "others all over");
    }

    #[test]
    fn print_as_bright_as_its_ground_is_told_by_its_colour() {
        let tints = Tints { reference: [0.0; 2], photo: [0.0; 2], variances: [400.0, 100.0], covariance: -150.0 };
        let flat = Tile { reference_contrast: 2.0, photo_contrast: 2.0, correlation: 0.5, ..cell(100.0, [0.0; 2]) };
        let other = compared(&Tile { tint: Some(tints), ..flat });
        // 0.5 x 2 x 2 - 150 of sqrt(404 x 104).
        assert!((other.correlation + 148.0 / (404.0_f64 * 104.0).sqrt()).abs() < 1e-9, "{other:?}");
        let grey = Tile { tint: None, ..flat };
        assert_eq!(compared(&grey), grey, "brightness alone");
    }
}
