//! Is the photo sharp, bright and large enough to be recognised?

use std::sync::Arc;

use imagejob_vision::quality::{Thresholds, assess};
use serde_json::{Map, Value, json};

use super::Found;
use crate::decode::{Cores, Photo};
use crate::outcome::Failure;

pub(super) use imagejob_vision::quality::WORKING_SIDE as WANTED_SIDE;

/// `{verdict, reasons, sharpness, brightness: {mean, p95, clipped}}`; fractions with three digits.
pub(super) async fn run(photo: &Arc<Photo>, cores: &Cores) -> Result<Found, Failure> {
    let photo = Arc::clone(photo);
    let quality = cores.run(move || assess(&photo, &Thresholds::default())).await?;
    let digits = |number: f32| (f64::from(number) * 1e3).round() / 1e3;
    let brightness = quality.brightness;
    let entry = Map::from_iter(
        [
            ("verdict", Value::from(quality.verdict())),
            ("reasons", quality.faults.iter().map(|fault| fault.as_str()).collect()),
            ("sharpness", quality.sharpness.map(digits).into()),
            (
                "brightness",
                json!({"mean": digits(brightness.mean), "p95": brightness.p95, "clipped": digits(brightness.clipped)}),
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    Ok(Found { entry, usable: quality.faults.is_empty() })
}
