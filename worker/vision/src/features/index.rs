//! Which of many pictures a photo's features remind of, without comparing them with all: descriptors are filed under
//! parts of their bits, and those under the same part as one of the photo's are looked at.
//!
//! Two descriptors of one place differ in about one bit of six, so that 16 given bits are the same with 0.84^16 = 6 %,
//! and one of eight parts with 40 %: of a hundred pairs forty are found, and a handful says which picture it is.
//! Of descriptors of other places one in thousands shares a part, and then most of its bits differ.

use super::{Descriptor, Features};

/// Parts of a descriptor that it is filed under.
const TABLES: usize = 8;

/// A part has 16 bits.
const DRAWERS: usize = 1 << 16;

/// Bits that may differ for a vote.
const NEAR: u32 = 60;

/// A drawer with more is about no picture: hardly any light, or a straight edge.
const MOST: usize = 256;

/// Features of many pictures, to be voted for.
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
    pub(crate) fn of<'a>(pictures: impl ExactSizeIterator<Item = &'a Features> + Clone) -> Self {
        Self { pictures: pictures.len(), tables: (0..TABLES).map(|table| Table::of(table, pictures.clone())).collect() }
    }

    /// For each picture how many of the photo's features look like one of it; one that looks like features of several
    /// pictures is shared among them.
    pub(crate) fn votes<'a>(&self, photo: &Features, picture: impl Fn(usize) -> &'a Features) -> Vec<f32> {
        let mut votes = vec![0.0; self.pictures];
        let mut voted = Vec::new();
        for descriptor in &photo.descriptors {
            voted.clear();
            for (i, table) in self.tables.iter().enumerate() {
                let drawer = table.drawer(part(descriptor, i));
                let near = drawer.iter().filter(|entry| {
                    let other = &picture(usize::from(entry.picture)).descriptors[usize::from(entry.feature)];
                    distance(descriptor, other) <= NEAR
                });
                voted.extend(near.map(|entry| entry.picture));
            }
            voted.sort_unstable();
            voted.dedup();
            for &picture in &voted {
                votes[usize::from(picture)] += 1.0 / voted.len() as f32;
            }
        }
        votes
    }
}

impl Table {
    fn of<'a>(table: usize, pictures: impl Iterator<Item = &'a Features> + Clone) -> Self {
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

/// The 16 bits that a table files by: the lower or upper quarter of one of the four words.
fn part(descriptor: &Descriptor, table: usize) -> usize {
    (descriptor[table % 4] >> (48 * (table / 4))) as usize & (DRAWERS - 1)
}

fn distance(a: &Descriptor, b: &Descriptor) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;
    use crate::random::SplitMix;

    fn features(random: &mut SplitMix) -> Features {
        let word = |random: &mut SplitMix| (0..8).fold(0, |word, _| word << 8 | random.below(256) as u64);
        let descriptors: Vec<Descriptor> = (0..200).map(|_| std::array::from_fn(|_| word(random))).collect();
        Features { points: vec![Point::default(); descriptors.len()], descriptors }
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
    fn the_picture_that_is_seen_has_the_votes_of_two_features_in_five() {
        let random = &mut SplitMix::new(8);
        let pictures: Vec<Features> = (0..20).map(|_| features(random)).collect();
        let index = Index::of(pictures.iter());
        for of in 0..pictures.len() {
            let votes = index.votes(&seen(&pictures[of], random), |i| &pictures[i]);
            assert!(votes[of] > 0.25 * 200.0, "picture {of}: {votes:?}");
            let others = votes.iter().enumerate().filter(|(i, _)| *i != of);
            assert!(others.into_iter().all(|(_, &votes)| votes < 2.0), "picture {of}: {votes:?}");
        }
    }

    #[test]
    fn a_feature_of_two_pictures_counts_half_for_each_and_one_of_all_for_none() {
        let random = &mut SplitMix::new(9);
        let (one, other) = (features(random), features(random));
        let pictures = [one.clone(), one.clone(), other];
        let votes = Index::of(pictures.iter()).votes(&one, |i| &pictures[i]);
        assert_eq!(votes, [100.0, 100.0, 0.0]);
        let plain = Features { points: one.points.clone(), descriptors: vec![[0; 4]; 200] };
        let pictures = [plain.clone(), plain.clone()];
        assert_eq!(Index::of(pictures.iter()).votes(&plain, |i| &pictures[i]), [0.0; 2]);
    }
}
