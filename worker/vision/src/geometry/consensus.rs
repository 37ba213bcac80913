//! The map that most pairs of points agree on, where many pairs are wrong (RANSAC): guess from four
//! pairs, count who agrees, keep the best guess, stop when a better one is unlikely.

use super::{Homography, Point};
use crate::random::SplitMix;

/// Pixels between where a pair's point is and where the map puts it, up to which the pair agrees.
const TOLERANCE: f64 = 4.0;

/// Guesses at most: enough to draw four right pairs once, with 99 %, where 22 % are right.
const MOST: u32 = 2_000;

/// What is left to chance: of a thousand searches one may miss the best map.
const MISS: f64 = 1e-3;

/// A map and the pairs that agree with it.
#[derive(Debug, Clone)]
pub(crate) struct Consensus {
    pub(crate) map: Homography,
    /// Indices of the pairs.
    pub(crate) agreeing: Vec<usize>,
}

/// The map from the first to the second of each pair with which most agree. `pairs` are the surest first:
/// guesses are drawn from the first few, then from more. Maps that are not `plausible` do not count.
pub(crate) fn consensus(
    pairs: &[(Point, Point)],
    seed: u64,
    plausible: impl Fn(&Homography) -> bool,
) -> Option<Consensus> {
    if pairs.len() < 4 {
        return None;
    }
    let mut random = SplitMix::new(seed);
    let mut best: Option<(f64, Homography)> = None;
    let mut needed = MOST;
    let mut guess = 0;
    while guess < needed {
        let pool = (8 + guess as usize / 4).min(pairs.len());
        guess += 1;
        let drawn: [usize; 4] = std::array::from_fn(|_| random.below(pool));
        let Some(map) = through(pairs, drawn).filter(&plausible) else { continue };
        let least = best.as_ref().map_or(f64::INFINITY, |(least, _)| *least);
        let cost = cost(pairs, &map, least);
        if cost >= least {
            continue;
        }
        let (cost, map) = refined(pairs, cost, map);
        if plausible(&map) {
            let share = agreeing(pairs, &map).len() as f64 / pairs.len() as f64;
            needed = needed.min(guesses_for(share));
            best = Some((cost, map));
        }
    }
    let (_, map) = best?;
    Some(Consensus { agreeing: agreeing(pairs, &map), map })
}

/// The map through four pairs, unless one is drawn twice or they would turn the picture over.
fn through(pairs: &[(Point, Point)], drawn: [usize; 4]) -> Option<Homography> {
    let [a, b, c, d] = drawn;
    if a == b || a == c || a == d || b == c || b == d || c == d {
        return None;
    }
    // Of any three corners, both pictures must have them in the same order around.
    let turn = |[a, b, c]: [Point; 3]| ((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)) > 0.0;
    for corners in [[a, b, c], [a, b, d], [a, c, d], [b, c, d]] {
        if turn(corners.map(|i| pairs[i].0)) != turn(corners.map(|i| pairs[i].1)) {
            return None;
        }
    }
    Homography::fit(drawn.iter().map(|&i| (pairs[i].0, pairs[i].1, 1.0)))
}

/// Squared pixels.
fn error(map: &Homography, (from, to): &(Point, Point)) -> f64 {
    map.apply(*from).map_or(f64::INFINITY, |Point { x, y }| (x - to.x).powi(2) + (y - to.y).powi(2))
}

/// Squared errors, none counting more than the tolerance; no longer added up from `least` on.
fn cost(pairs: &[(Point, Point)], map: &Homography, least: f64) -> f64 {
    let mut sum = 0.0;
    for pair in pairs {
        sum += error(map, pair).min(TOLERANCE * TOLERANCE);
        if sum >= least {
            break;
        }
    }
    sum
}

fn agreeing(pairs: &[(Point, Point)], map: &Homography) -> Vec<usize> {
    (0..pairs.len()).filter(|&i| error(map, &pairs[i]) < TOLERANCE * TOLERANCE).collect()
}

/// Fitted to all that agree, while that makes it better.
fn refined(pairs: &[(Point, Point)], cost: f64, map: Homography) -> (f64, Homography) {
    let (mut cost, mut map) = (cost, map);
    for _ in 0..4 {
        let agreeing = agreeing(pairs, &map);
        let fitted = Homography::fit(agreeing.iter().map(|&i| (pairs[i].0, pairs[i].1, 1.0)));
        let Some(fitted) = fitted else { break };
        let fitted_cost = self::cost(pairs, &fitted, cost);
        if fitted_cost >= cost {
            break;
        }
        (cost, map) = (fitted_cost, fitted);
    }
    (cost, map)
}

/// Guesses after which four right pairs have been drawn but for a chance of [`MISS`]: with a share of
/// 0.5 of right ones, ln 0.001 / ln (1 - 0.5^4) = 107.03, so 108.
fn guesses_for(share: f64) -> u32 {
    let right = share.powi(4).clamp(1e-9, 1.0 - 1e-9);
    (MISS.ln() / (1.0 - right).ln()).ceil() as u32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn noisy(right: usize, wrong: usize, seed: u64) -> (Homography, Vec<(Point, Point)>) {
        let mut random = SplitMix::new(seed);
        let map = Homography::scale(0.7, 0.8);
        let place = |random: &mut SplitMix| Point { x: random.below(800) as f64, y: random.below(600) as f64 };
        let mut pairs: Vec<_> = (0..right)
            .map(|_| {
                let from = place(&mut random);
                let to = map.apply(from).unwrap();
                (from, Point { x: to.x + random.normal(), y: to.y + random.normal() })
            })
            .collect();
        pairs.extend((0..wrong).map(|_| (place(&mut random), place(&mut random))));
        // In any order, as descriptors are no judges here.
        for i in (1..pairs.len()).rev() {
            pairs.swap(i, random.below(i + 1));
        }
        (map, pairs)
    }

    #[test]
    fn the_right_map_is_found_among_twice_as_many_wrong_pairs() {
        for seed in 0..20 {
            let (map, pairs) = noisy(40, 80, seed);
            let found = consensus(&pairs, seed, |_| true).unwrap();
            assert!((38..=46).contains(&found.agreeing.len()), "seed {seed}: {} agree", found.agreeing.len());
            let middle = Point { x: 400.0, y: 300.0 };
            let off = found.map.apply(middle).unwrap().distance(map.apply(middle).unwrap());
            assert!(off < 1.0, "seed {seed}: {off} pixels off");
        }
    }

    #[test]
    fn the_same_seed_finds_the_same_map() {
        let (_, pairs) = noisy(30, 60, 5);
        let found = || consensus(&pairs, 9, |_| true).unwrap().map;
        assert_eq!(found(), found());
    }

    #[test]
    fn too_few_pairs_or_no_plausible_map_is_none() {
        let (_, pairs) = noisy(40, 0, 1);
        assert!(consensus(&pairs[..3], 1, |_| true).is_none());
        assert!(consensus(&pairs, 1, |_| false).is_none());
    }

    #[test]
    fn more_wrong_pairs_take_more_guesses() {
        assert_eq!(guesses_for(0.5), 108);
        assert_eq!(guesses_for(1.0), 1);
        assert!(guesses_for(0.2) > 4_000);
    }
}
