//! Does the photo show the poster that its message names?

use std::sync::Arc;

use imagejob_vision::poster::{Comparison, Reference, Verdict, compare, wanted};
use imagejob_vision::registration::View;
use imagejob_vision::{Caps, decode};
use serde_json::{Map, Value, json};

use super::{Found, Item};
use crate::decode::{Cores, Photo};
use crate::outcome::Failure;
use crate::references::References;

/// Larger references are decoded at a fraction of their size.
pub(super) const REFERENCE_SIDE: u32 = 1_000;

/// The search is random and always the same, so that a photo that is looked at twice has one verdict.
pub(super) const SEED: u64 = 1;

/// A step with its references.
pub(super) struct PosterMatch {
    pub(super) pattern: String,
    pub(super) references: References<Reference>,
}

impl PosterMatch {
    /// `{verdict, causes, score, reference, corners}`; corners in pixels of the upright photo.
    pub(super) async fn run(&self, item: &Item, photo: &Arc<Photo>, cores: &Cores) -> Result<Found, Failure> {
        let uri = item.variables.expand(&self.pattern)?;
        let prepare = |bytes: &bytes::Bytes| {
            let poster =
                decode::photo(bytes, &Caps::default(), wanted(REFERENCE_SIDE)).map_err(|error| error.to_string())?;
            Reference::prepare(&poster).map_err(|error| error.to_string())
        };
        let reference = self.references.get(&uri, &uri, cores, prepare).await?;
        let photo = Arc::clone(photo);
        let found = cores.run(move || compare(&View::of(&photo), &reference, SEED)).await?;
        Ok(Found { entry: entry(&found, &uri), usable: found.verdict == Verdict::Match })
    }
}

/// `{verdict, causes, score, reference, corners}` of one comparison.
pub(super) fn entry(found: &Comparison, uri: &str) -> Map<String, Value> {
    let tenths = |pixels: f64| (pixels * 10.0).round() / 10.0;
    let corners = found.corners.map(|corners| corners.map(|corner| [tenths(corner.x), tenths(corner.y)]));
    let causes: Vec<&str> = found.causes.iter().map(|cause| cause.as_str()).collect();
    Map::from_iter(
        [
            ("verdict", Value::from(found.verdict.as_str())),
            ("causes", causes.into()),
            ("score", thousandths(found.score).into()),
            ("reference", uri.into()),
            ("corners", json!(corners)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

pub(super) fn thousandths(score: f64) -> f64 {
    (score * 1e3).round() / 1e3
}
