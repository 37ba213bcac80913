//! What follows from the ink.

use super::Reading;
use super::page::Ink;
use crate::geometry::Quad;
use crate::registration::{Trouble, View};

/// Whether something is written in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Something is.
    Answered,
    /// Nothing is.
    Empty,
    /// It cannot be told: too faint, or not in the photo.
    Unsure,
}

impl Mark {
    /// The word that users see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "Answered",
            Self::Empty => "Empty",
            Self::Unsure => "Unsure",
        }
    }
}

/// On a page as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Each region is answered.
    Complete,
    /// Some are and some are not.
    Partial,
    /// None is.
    Blank,
    /// It depends on what cannot be told.
    Unsure,
}

impl Verdict {
    /// The word that users see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "Complete",
            Self::Partial => "Partial",
            Self::Blank => "Blank",
            Self::Unsure => "Unsure",
        }
    }
}

/// Why it cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Out of focus, or the camera moved.
    Blurred,
    /// Hardly any light.
    Dark,
    /// The page is not in the photo, or another one is.
    WrongPage,
    /// A region is outside of the photo.
    CutOff,
    /// Something in a region may be faint writing, or what an eraser left.
    Faint,
}

impl Cause {
    /// The word that users see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blurred => "Blurred",
            Self::Dark => "Dark",
            Self::WrongPage => "WrongPage",
            Self::CutOff => "CutOff",
            Self::Faint => "Faint",
        }
    }
}

/// A page of which less than this share of the printed tiles is the same is another one. Low, as
/// handwriting differs from the template too.
pub(super) const SAME_PAGE: f64 = 0.3;

/// Squares of a word's height full of ink: below the first nothing is written, from the second something
/// is.
const INK: (f64, f64) = (0.03, 0.06);

/// Strokes that take less of the light than this may be writing; a photo that shows only darker ones
/// cannot tell an empty region.
const FAINT: f64 = 0.2;

impl From<Trouble> for Cause {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Dark => Self::Dark,
            Trouble::Blurred => Self::Blurred,
        }
    }
}

/// For a photo in which the template's features are not found.
pub(super) fn not_found(view: &View) -> Reading {
    let cause = view.trouble().map_or(Cause::WrongPage, Cause::from);
    Reading { verdict: Verdict::Unsure, causes: vec![cause], marks: Vec::new(), corners: None }
}

/// For a page found at `corners`.
pub(super) fn of(view: &View, corners: Quad, ink: &Ink) -> Reading {
    let marks: Vec<Mark> = ink.regions.iter().map(|region| mark(*region, ink.threshold)).collect();
    let verdict = judge(&marks);
    let mut causes = Vec::new();
    if verdict == Verdict::Unsure {
        causes.extend(view.trouble().map(Cause::from));
        causes.extend(ink.regions.contains(&None).then_some(Cause::CutOff));
        if causes.is_empty() {
            causes.push(Cause::Faint);
        }
    }
    Reading { verdict, causes, marks, corners: Some(corners) }
}

fn mark(ink: Option<f64>, threshold: f64) -> Mark {
    match ink {
        Some(ink) if ink >= INK.1 => Mark::Answered,
        Some(ink) if ink < INK.0 && threshold <= FAINT => Mark::Empty,
        _ => Mark::Unsure,
    }
}

/// One region of each kind makes a page partial, whatever the unsure ones are.
fn judge(marks: &[Mark]) -> Verdict {
    match (marks.contains(&Mark::Answered), marks.contains(&Mark::Empty), marks.contains(&Mark::Unsure)) {
        (true, true, _) => Verdict::Partial,
        (true, false, false) => Verdict::Complete,
        (false, true, false) => Verdict::Blank,
        _ => Verdict::Unsure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsure_regions_matter_only_where_they_could_change_the_verdict() {
        use Mark::{Answered, Empty, Unsure};
        for (marks, expected) in [
            (&[Answered, Answered][..], Verdict::Complete),
            (&[Empty, Empty], Verdict::Blank),
            (&[Answered, Empty, Unsure], Verdict::Partial),
            (&[Answered, Unsure], Verdict::Unsure),
            (&[Empty, Unsure], Verdict::Unsure),
            (&[], Verdict::Unsure),
        ] {
            assert_eq!(judge(marks), expected, "{marks:?}");
        }
    }

    #[test]
    fn a_region_is_empty_only_if_the_photo_would_show_faint_writing() {
        for (ink, threshold, expected) in [
            (Some(0.0), 0.06, Mark::Empty),
            (Some(0.0), 0.3, Mark::Unsure),
            (Some(0.5), 0.3, Mark::Answered),
            (Some(0.04), 0.06, Mark::Unsure),
            (None, 0.06, Mark::Unsure),
        ] {
            assert_eq!(mark(ink, threshold), expected, "{ink:?} at {threshold}");
        }
    }
}
