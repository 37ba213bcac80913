//! What follows from features and tiles.

use super::Comparison;
use super::regions::{self, Regions};
use crate::registration::{Found, Trouble, View};

/// Whether a photo shows the poster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It does.
    Match,
    /// It shows another one, or none.
    Mismatch,
    /// It cannot be told from this photo.
    Unsure,
}

impl Verdict {
    /// The word that users see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Match => "Match",
            Self::Mismatch => "Mismatch",
            Self::Unsure => "Unsure",
        }
    }
}

/// Why it is no plain match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Out of focus, or the camera moved.
    Blurred,
    /// Hardly any light.
    Dark,
    /// Something is in the way, or a part is outside of the photo.
    Occluded,
    /// Another poster, or none.
    WrongPoster,
    /// A poster that differs in a part.
    Sibling,
}

impl Cause {
    /// The word that users see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blurred => "Blurred",
            Self::Dark => "Dark",
            Self::Occluded => "Occluded",
            Self::WrongPoster => "WrongPoster",
            Self::Sibling => "Sibling",
        }
    }
}

/// A poster of which less than this share of the printed tiles is the same is another one.
const SAME_POSTER: f64 = 0.45;
/// What can be seen of a poster is like it by the share of the printed tiles that are the same times the correlation
/// where it is lowest. Below this it is a sibling, from the other on the poster itself; between them nobody should say.
/// `cargo bench --bench accuracy` prints what they make of true pairs and of siblings.
const SIBLING_BELOW: f64 = 0.52;
const MATCH_FROM: f64 = 0.57;
/// A poster that was found scores higher than one that was not, whatever differs.
const LEAST: f64 = 0.05;
/// A poster of which more is hidden is not judged.
const MOST_HIDDEN: f64 = 0.3;
/// Nor one of which less is in the photo.
const LEAST_IN_VIEW: f64 = 0.6;
/// A photo that shows less of what is printed is too soft or too noisy to be compared.
const LEAST_PRINTED: f64 = 0.08;
/// Hidden shares up to this are not worth a word.
const HARDLY_HIDDEN: f64 = 0.01;

impl From<Trouble> for Cause {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Dark => Self::Dark,
            Trouble::Blurred => Self::Blurred,
        }
    }
}

/// For a photo in which the reference's features are not found.
pub(super) fn not_found(view: &View) -> Comparison {
    let (verdict, cause) = match view.trouble() {
        Some(trouble) => (Verdict::Unsure, trouble.into()),
        None => (Verdict::Mismatch, Cause::WrongPoster),
    };
    Comparison { verdict, causes: vec![cause], score: 0.0, corners: None, agreeing: 0 }
}

/// For a photo in which they are found.
pub(super) fn of(view: &View, found: &Found) -> Comparison {
    if found.tiles.same() < SAME_POSTER {
        return not_found(view);
    }
    let regions = regions::of(&found.tiles);
    let likeness = (regions.same * regions.least.max(LEAST)).clamp(0.0, 1.0);
    let (verdict, causes) = judge(&regions, likeness, view.trouble().map(Cause::from));
    let score = likeness * regions.in_view * (1.0 - regions.hidden);
    Comparison { verdict, causes, score, corners: Some(found.corners), agreeing: found.agreeing }
}

fn judge(regions: &Regions, likeness: f64, trouble: Option<Cause>) -> (Verdict, Vec<Cause>) {
    let hidden = regions.hidden > HARDLY_HIDDEN || regions.in_view < 1.0 - HARDLY_HIDDEN;
    let occluded = hidden.then_some(Cause::Occluded);
    let with = |first: Option<Cause>| first.into_iter().chain(occluded).collect();
    if regions.printed < LEAST_PRINTED {
        (Verdict::Unsure, with(Some(Cause::Blurred)))
    } else if regions.hidden > MOST_HIDDEN || regions.in_view < LEAST_IN_VIEW {
        // Out of focus much looks hidden that is not.
        (Verdict::Unsure, with(trouble))
    } else if likeness < MATCH_FROM && trouble.is_some() {
        (Verdict::Unsure, with(trouble))
    } else if likeness < SIBLING_BELOW {
        (Verdict::Mismatch, with(Some(Cause::Sibling)))
    } else if likeness < MATCH_FROM {
        (Verdict::Unsure, with(Some(Cause::Sibling)))
    } else {
        (Verdict::Match, with(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_decides() {
        let whole = Regions { in_view: 1.0, printed: 0.6, hidden: 0.0, same: 0.99, least: 0.9 };
        for (what, regions, verdict, causes) in [
            ("the poster", whole, Verdict::Match, &[][..]),
            ("behind somebody", Regions { hidden: 0.1, ..whole }, Verdict::Match, &[Cause::Occluded]),
            ("behind a crowd", Regions { hidden: 0.4, ..whole }, Verdict::Unsure, &[Cause::Occluded]),
            ("half in the photo", Regions { in_view: 0.5, ..whole }, Verdict::Unsure, &[Cause::Occluded]),
            ("a haze", Regions { printed: 0.05, ..whole }, Verdict::Unsure, &[Cause::Blurred]),
            ("another date", Regions { least: 0.1, ..whole }, Verdict::Mismatch, &[Cause::Sibling]),
            ("something off", Regions { least: 0.55, ..whole }, Verdict::Unsure, &[Cause::Sibling]),
        ] {
            let found = judge(&regions, regions.same * regions.least, None);
            assert_eq!(found, (verdict, causes.to_vec()), "{what}");
        }
        let soft = judge(&Regions { least: 0.1, ..whole }, 0.1, Some(Cause::Blurred));
        assert_eq!(soft, (Verdict::Unsure, vec![Cause::Blurred]), "a blurred photo shows no other date");
    }
}
