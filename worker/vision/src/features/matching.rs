//! Which features of two pictures may be the same: each the other's nearest, and nearer than any that
//! lies elsewhere.

use super::Features;
use crate::geometry::Point;

/// More differing bits than this are no resemblance.
const FARTHEST: u32 = 80;

/// The same for half of the bits, with room for chance: of 128 bits of different places 64 differ, give or take 6.
const FARTHEST_HALF: u32 = 48;

/// How near the nearest of some hundred features of other places is at least taken to be.
const UNRELATED: u32 = 92;

/// The nearest must be nearer than this share of the next one elsewhere.
const RATIO: f64 = 0.88;

/// Features this near to each other, pixels, are one place seen at two scales and do not compete.
const SAME_PLACE: f64 = 8.0;

/// Two features that may be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pairing {
    /// Index among the features of the one picture.
    pub(crate) left: usize,
    /// Index among those of the other.
    pub(crate) right: usize,
    /// Bits that differ.
    pub(crate) distance: u32,
}

/// The pairs of features that resemble each other more than anything else, the surest first.
pub(crate) fn pairings(left: &Features, right: &Features) -> Vec<Pairing> {
    let mut to_right = vec![Nearest::NONE; left.points.len()];
    let mut to_left = vec![Nearest::NONE; right.points.len()];
    let halves: Vec<[u64; 2]> = right.descriptors.iter().map(|&[a, b, _, _]| [a, b]).collect();
    let mut distances = vec![0; right.points.len()];
    for (i, (descriptor, to_right)) in left.descriptors.iter().zip(&mut to_right).enumerate() {
        for (distance, half) in distances.iter_mut().zip(&halves) {
            *distance = (descriptor[0] ^ half[0]).count_ones() + (descriptor[1] ^ half[1]).count_ones();
        }
        // Hardly any is near: most runs of sixteen are passed over whole.
        for (run, near) in distances.chunks(16).enumerate() {
            if near.iter().fold(u32::MAX, |least, &distance| least.min(distance)) > FARTHEST_HALF {
                continue;
            }
            for (j, &half) in (run * 16..).zip(near).filter(|&(_, &half)| half <= FARTHEST_HALF) {
                let other = &right.descriptors[j];
                let distance = half + (descriptor[2] ^ other[2]).count_ones() + (descriptor[3] ^ other[3]).count_ones();
                to_right.consider(j, distance, &right.points);
                to_left[j].consider(i, distance, &left.points);
            }
        }
    }
    let mutual = to_right.iter().enumerate().filter_map(|(i, nearest)| {
        let clear = nearest.is_clear() && to_left[nearest.index].is_clear();
        let pairing = Pairing { left: i, right: nearest.index, distance: nearest.distance };
        (clear && to_left[nearest.index].index == i).then_some(pairing)
    });
    let mut pairings: Vec<Pairing> = mutual.collect();
    pairings.sort_by_key(|pairing| pairing.distance);
    pairings
}

/// The nearest feature so far, and how near the next one elsewhere is.
#[derive(Debug, Clone, Copy)]
struct Nearest {
    index: usize,
    distance: u32,
    next: u32,
}

impl Nearest {
    const NONE: Self = Self { index: 0, distance: u32::MAX, next: UNRELATED };

    fn consider(&mut self, index: usize, distance: u32, points: &[Point]) {
        if distance >= self.next {
            return;
        }
        let elsewhere = points[index].distance(points[self.index]) > SAME_PLACE;
        if distance < self.distance {
            if elsewhere {
                self.next = self.distance.min(self.next);
            }
            self.index = index;
            self.distance = distance;
        } else if elsewhere {
            self.next = distance;
        }
    }

    /// Near, and no other place is nearly as near.
    fn is_clear(&self) -> bool {
        self.distance <= FARTHEST && f64::from(self.distance) < RATIO * f64::from(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::super::descriptor::Descriptor;
    use super::*;

    fn features(of: &[(f64, Descriptor)]) -> Features {
        Features {
            points: of.iter().map(|&(x, _)| Point { x, y: 0.0 }).collect(),
            descriptors: of.iter().map(|&(_, descriptor)| descriptor).collect(),
            ..Features::default()
        }
    }

    #[test]
    fn mutual_clear_and_near() {
        let far = [u64::MAX; 4];
        let cases = [
            ("the same", vec![(0.0, [7; 4]), (99.0, far)], true),
            ("80 bits differ", vec![(0.0, [7 ^ 0xFF_FFFF << 8, 7 ^ 0xFF_FFFF << 8, 7 ^ 0xFFFF_FFFF << 8, 7])], true),
            (
                "96 bits differ",
                vec![(0.0, [7 ^ 0xFFFF_FFFF << 8, 7 ^ 0xFFFF_FFFF << 8, 7 ^ 0xFFFF_FFFF << 8, 7])],
                false,
            ),
            ("another place looks alike", vec![(0.0, [7; 4]), (99.0, [7; 4])], false),
            ("the same place at another scale", vec![(0.0, [7; 4]), (5.0, [6, 7, 7, 7])], true),
        ];
        for (what, right, expected) in cases {
            let found = pairings(&features(&[(0.0, [7; 4])]), &features(&right));
            assert_eq!(found.len(), usize::from(expected), "{what}: {found:?}");
        }
    }

    #[test]
    fn of_two_that_choose_the_same_one_it_chooses_the_nearer() {
        let left = features(&[(0.0, [0xF, 0, 0, 0]), (50.0, [1, 0, 0, 0])]);
        let right = features(&[(0.0, [0; 4])]);
        assert_eq!(pairings(&left, &right), [Pairing { left: 1, right: 0, distance: 1 }]);
    }
}
