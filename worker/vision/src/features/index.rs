//! Which of many pictures a photo's features remind of, without comparing them with all: descriptors are filed under
//! parts of their bits, and those under the same part as one of the photo's are looked at.
//!
//! Two descriptors of one place differ in about one bit of six, so that 16 given bits are the same with 0.84^16 = 6 %,
//! and one of sixteen parts with 64 %. Of descriptors of other places one in thousands shares a part, and then most of
//! its bits differ.

use super::{Descriptor, Features, Pairing};

/// Parts of a descriptor that it is filed under.
const TABLES: usize = 16;

/// A part has 16 bits.
const DRAWERS: usize = 1 << 16;

/// Bits that may differ. Of one place 41 do, give or take 6: these are nearly all of them, and of the many corners of
/// letters that look like each other fewer than [`super::pairings`] takes, which has no others to confuse them with.
const NEAR: u32 = 52;

/// A drawer with more is about no picture: hardly any light, or a straight edge.
const MOST: usize = 256;

/// Features of many pictures, to be found by what they look like.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    pictures: usize,
    tables: Vec<Table>,
}

/// Descriptors by one part of them.
#[derive(Debug, Clone)]
struct Table {
    /// For each part where its drawer begins; one more is the end of the last.
    begins: Vec<u32>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    picture: u16,
    feature: u16,
}

impl Index {
    /// Files the features of up to 65,536 pictures.
    pub(crate) fn of<'a>(pictures: &(impl ExactSizeIterator<Item = &'a Features> + Clone)) -> Self {
        Self { pictures: pictures.len(), tables: (0..TABLES).map(|table| Table::of(table, pictures)).collect() }
    }

    /// For each picture its features, `left`, that look like one of the photo's, `right`: of each feature the nearest
    /// pair.
    pub(crate) fn pairings<'a>(&self, photo: &Features, picture: impl Fn(usize) -> &'a Features) -> Vec<Vec<Pairing>> {
        let mut pairings = vec![Vec::new(); self.pictures];
        let mut near = Vec::new();
        for (right, descriptor) in photo.descriptors.iter().enumerate() {
            near.clear();
            for (i, table) in self.tables.iter().enumerate() {
                near.extend(table.drawer(part(descriptor, i)).iter().filter_map(|&Entry { picture: of, feature }| {
                    let other = &picture(usize::from(of)).descriptors[usize::from(feature)];
                    let distance = distance(descriptor, other);
                    (distance <= NEAR).then_some((of, distance, feature))
                }));
            }
            near.sort_unstable();
            near.dedup_by_key(|(of, ..)| *of); // the nearest of each picture
            for &(of, distance, feature) in &near {
                pairings[usize::from(of)].push(Pairing { left: usize::from(feature), right, distance });
            }
        }
        // The corners of all letters remind of one corner: it is one of them.
        for pairings in &mut pairings {
            pairings.sort_unstable_by_key(|pairing| (pairing.left, pairing.distance, pairing.right));
            pairings.dedup_by_key(|pairing| pairing.left);
        }
        pairings
    }
}

impl Table {
    fn of<'a>(table: usize, pictures: &(impl Iterator<Item = &'a Features> + Clone)) -> Self {
        let parts = || {
            pictures.clone().enumerate().flat_map(move |(picture, features)| {
                let entry = move |feature: usize| Entry { picture: picture as u16, feature: feature as u16 };
                let of = move |(feature, descriptor)| (part(descriptor, table), entry(feature));
                features.descriptors.iter().enumerate().map(of)
            })
        };
        let mut begins = vec![0_u32; DRAWERS + 1];
        for (part, _) in parts() {
            begins[part + 1] += 1;
        }
        for part in 0..DRAWERS {
            begins[part + 1] += begins[part];
        }
        let mut next = begins.clone();
        let mut entries = vec![Entry::default(); begins[DRAWERS] as usize];
        for (part, entry) in parts() {
            entries[next[part] as usize] = entry;
            next[part] += 1;
        }
        Self { begins, entries }
    }

    fn drawer(&self, part: usize) -> &[Entry] {
        let drawer = &self.entries[self.begins[part] as usize..self.begins[part + 1] as usize];
        if drawer.len() > MOST { &[] } else { drawer }
    }
}

/// The 16 bits that a table files by: a quarter of one of the four words.
fn part(descriptor: &Descriptor, table: usize) -> usize {
    (descriptor[table % 4] >> (16 * (table / 4))) as usize & (DRAWERS - 1)
}

fn distance(a: &Descriptor, b: &Descriptor) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix;

    fn features(random: &mut SplitMix) -> Features {
        let word = |random: &mut SplitMix| (0..8).fold(0, |word, _| word << 8 | random.below(256) as u64);
        of((0..200).map(|_| std::array::from_fn(|_| word(random))).collect())
    }

    fn of(descriptors: Vec<Descriptor>) -> Features {
        Features { descriptors, ..Features::default() }
    }

    /// As another camera sees them: each bit is another with 16 %.
    fn seen(features: &Features, random: &mut SplitMix) -> Features {
        let mut seen = features.clone();
        for word in seen.descriptors.iter_mut().flatten() {
            for bit in 0..64 {
                *word ^= u64::from(random.below(100) < 16) << bit;
            }
        }
        seen
    }

    #[test]
    fn of_the_picture_that_is_seen_more_than_half_of_the_features_are_found() {
        let random = &mut SplitMix::new(8);
        let pictures: Vec<Features> = (0..20).map(|_| features(random)).collect();
        let index = Index::of(&pictures.iter());
        for of in 0..pictures.len() {
            let found = index.pairings(&seen(&pictures[of], random), |i| &pictures[i]);
            assert!(found[of].len() > 100, "picture {of}: {}", found[of].len());
            assert!(found[of].iter().all(|pairing| pairing.left == pairing.right), "picture {of}");
            let others = found.iter().enumerate().filter(|(i, _)| *i != of);
            assert!(others.into_iter().all(|(_, found)| found.len() < 2), "picture {of}");
        }
    }

    #[test]
    fn what_looks_like_many_is_paired_with_the_nearest_and_what_looks_like_all_with_none() {
        let (letter, worn, torn) = ([7; 4], [6, 7, 7, 7], [4, 7, 7, 7]);
        let pictures = [of(vec![worn, letter]), of(vec![[u64::MAX; 4]])];
        let found = Index::of(&pictures.iter()).pairings(&of(vec![torn, letter, letter]), |i| &pictures[i]);
        assert_eq!(found[0], [Pairing { left: 0, right: 0, distance: 1 }, Pairing { left: 1, right: 1, distance: 0 }]);
        assert_eq!(found[1], []);
        let plain = of(vec![[0; 4]; 300]);
        assert_eq!(Index::of(&[&plain].into_iter()).pairings(&plain, |_| &plain), [vec![]]);
    }
}
