//! How many pairs of features agree on where a thing is, by what each pair says alone.
//!
//! A feature has a place, a size and a direction, so that one pair already tells how the thing is moved, turned and
//! scaled: guesses need no luck, and a few of the surest are enough (Philbin and others, 2007, "Object retrieval with
//! large vocabularies and fast spatial matching"). A slanted view is none of these, hence the wide tolerances; what is
//! asked is which of many things it may be, not where its corners are.

use crate::features::{Features, Pairing};

/// Guesses, from the surest pairs.
const GUESSES: usize = 32;

/// Two pairs may put the thing's centre so far apart, in shares of its longer side: a direction that is 10 degrees off,
/// or a size that is a sixth off, at half a side from the centre, make a tenth each.
const APART: f32 = 0.2;

/// And differ in size by this factor: one level is 1 / 0.7 = 1.43, and the far side of a slanted thing is smaller.
const SCALE: f32 = 1.8;

/// And in direction, radians: 29 degrees.
const TURN: f32 = 0.5;

/// Where a pair puts the thing in the photo.
#[derive(Debug, Clone, Copy)]
struct Guess {
    /// Pixels of the photo.
    centre: [f32; 2],
    /// Pixels of the photo for one of the thing's picture.
    scale: f32,
    /// Radians.
    turn: f32,
}

/// The most pairs that agree with one guess. Of each of the thing's features, `left`, there must be one pair at most.
pub(super) fn largest(pairings: &[Pairing], thing: &Features, size: (f64, f64), photo: &Features) -> usize {
    let middle = [size.0 as f32 / 2.0, size.1 as f32 / 2.0];
    let mut surest: Vec<&Pairing> = pairings.iter().collect();
    surest.sort_by_key(|pairing| pairing.distance); // stable
    let guesses: Vec<Guess> = surest.into_iter().map(|pairing| guess(pairing, thing, middle, photo)).collect();
    let reach = APART * size.0.max(size.1) as f32;
    let agreeing = |one: &Guess| guesses.iter().filter(|other| agree(one, other, reach)).count();
    guesses.iter().take(GUESSES).map(agreeing).max().unwrap_or(0)
}

fn guess(pairing: &Pairing, thing: &Features, middle: [f32; 2], photo: &Features) -> Guess {
    let (known, seen) = (thing.poses[pairing.left], photo.poses[pairing.right]);
    let (from, to) = (thing.points[pairing.left], photo.points[pairing.right]);
    let (scale, turn) = (seen.scale / known.scale, seen.angle - known.angle);
    let (sin, cos) = turn.sin_cos();
    let (x, y) = ((middle[0] - from.x as f32) * scale, (middle[1] - from.y as f32) * scale);
    Guess { centre: [to.x as f32 + x * cos - y * sin, to.y as f32 + x * sin + y * cos], scale, turn }
}

/// `reach` is in pixels of the thing's picture.
fn agree(one: &Guess, other: &Guess, reach: f32) -> bool {
    let [dx, dy] = [0, 1].map(|i| one.centre[i] - other.centre[i]);
    let reach = reach * one.scale;
    dx * dx + dy * dy <= reach * reach
        && one.scale <= SCALE * other.scale
        && other.scale <= SCALE * one.scale
        && (one.turn - other.turn).cos() >= TURN.cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Pose;
    use crate::geometry::Point;
    use crate::random::SplitMix;

    const SIZE: (f64, f64) = (450.0, 640.0);

    /// Features anywhere in a picture, and in a photo of it that is 0.6 times as large, shifted, and held at `turn`:
    /// off as they are in photos, by a pixel, a third of a level and six degrees. Only `right` of the pairs are such.
    fn photographed(pairs: usize, right: usize, turn: f64, random: &mut SplitMix) -> (Features, Features) {
        let (mut thing, mut photo) = (Features::default(), Features::default());
        let (sin, cos) = turn.sin_cos();
        for i in 0..pairs {
            let at = Point { x: random.below(450) as f64, y: random.below(640) as f64 };
            let anywhere = Point { x: random.below(1_000) as f64, y: random.below(750) as f64 };
            let angle = random.below(628) as f64 / 100.0;
            let other_angle = random.below(628) as f64 / 100.0;
            let level = |random: &mut SplitMix| 0.7_f64.powi(-(random.below(6) as i32));
            let scale = level(random);
            let (x, y) = (0.6 * at.x, 0.6 * at.y);
            let there = Point {
                x: 500.0 + x * cos - y * sin + random.normal(),
                y: 300.0 + x * sin + y * cos + random.normal(),
            };
            let off = (0.12 * random.normal()).exp();
            let (there, seen) = if i < right {
                (there, (0.6 * scale * off, angle + turn + 0.1 * random.normal()))
            } else {
                (anywhere, (level(random), other_angle))
            };
            let pose = |(scale, angle): (f64, f64)| Pose { scale: scale as f32, angle: angle as f32 };
            thing.points.push(at);
            thing.poses.push(pose((scale, angle)));
            photo.points.push(there);
            photo.poses.push(pose(seen));
        }
        (thing, photo)
    }

    #[test]
    fn a_thing_that_is_there_has_more_in_agreement_than_one_with_ten_times_as_many_pairs_that_is_not() {
        for seed in 0..20 {
            let random = &mut SplitMix::new(seed);
            let mut found = |pairs, right, turn| {
                let (thing, photo) = photographed(pairs, right, turn, random);
                let pairings: Vec<Pairing> =
                    (0..pairs).map(|i| Pairing { left: i, right: i, distance: i as u32 % 40 }).collect();
                largest(&pairings, &thing, SIZE, &photo)
            };
            let turn = f64::from(seed as u32) * 0.31;
            let (there, elsewhere) = (found(60, 30, turn), found(600, 0, 0.0));
            assert!(there >= 20 && there > elsewhere, "seed {seed}: {there} agree, of the other {elsewhere}");
        }
    }

    #[test]
    fn nothing_agrees_on_nothing() {
        assert_eq!(largest(&[], &Features::default(), SIZE, &Features::default()), 0);
    }
}
