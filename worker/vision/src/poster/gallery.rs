//! Which of many posters does a photo show? Those of which most features agree on where they are come first, and the
//! first few are compared.

use std::cmp::Reverse;
use std::sync::Arc;

use super::{Comparison, Reference, compare};
use crate::features::Index;
use crate::registration::View;

/// Posters compared at most, if nobody wants to see more: each takes as long as the one that a message names.
const COMPARED: usize = 8;

/// One with fewer features in agreement, as a share of those of the first, is not compared unless somebody wants to
/// see it. Posters that share a picture come near to each other, siblings nearer still.
const WORTH: f32 = 0.5;

/// Posters, made ready to be looked for in any number of photos.
#[derive(Debug, Clone)]
pub struct Gallery {
    references: Vec<Arc<Reference>>,
    index: Index,
}

/// One of the posters, and what comparing a photo with it found.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Which of the gallery's.
    pub index: usize,
    /// What was found.
    pub comparison: Comparison,
}

impl Gallery {
    /// Of up to 65,536 posters.
    pub fn of(references: Vec<Arc<Reference>>) -> Self {
        let index = Index::of(&references.iter().map(|reference| reference.0.features()));
        Self { references, index }
    }

    /// The posters that the photo most likely shows, the best first: `top` of them, fewer if the gallery has no
    /// more. The same view, gallery and seed always give the same.
    pub fn search(&self, view: &View, top: usize, seed: u64) -> Vec<Candidate> {
        let pairings = self.index.pairings(view.features(), |i| self.references[i].0.features());
        let known = self.references.iter().zip(&pairings);
        let agreeing: Vec<usize> = known.map(|(reference, pairings)| reference.0.agreeing(view, pairings)).collect();
        let mut ranked: Vec<usize> = (0..agreeing.len()).collect();
        ranked.sort_by_key(|&i| Reverse(agreeing[i])); // stable: of equals the first
        let least = ranked.first().map_or(0.0, |&first| WORTH * agreeing[first] as f32);
        let compared = ranked.iter().enumerate().take(COMPARED.max(top));
        let compared = compared.filter(|&(rank, &i)| rank < top || agreeing[i] as f32 >= least);
        let candidate = |(_, &index): (usize, &usize)| Candidate {
            index,
            comparison: compare(view, &self.references[index], seed),
        };
        let mut candidates: Vec<Candidate> = compared.map(candidate).collect();
        candidates.sort_by(|a, b| b.comparison.score.total_cmp(&a.comparison.score));
        candidates.truncate(top);
        candidates
    }
}
