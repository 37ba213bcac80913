//! `quality`: out of focus, moved, dark, glaring.

use imagejob_vision::quality::{Quality, Thresholds, WORKING_SIDE, assess};
use imagejob_vision::{Caps, decode};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::darkroom::{Picture, Spoilt, shot};
use crate::figures::auc;
use crate::gates::Gate::AtLeast;
use crate::gates::{Gates, percent};
use crate::in_parallel;

/// Shots of each photograph, good and of each kind.
const SHOTS: usize = 30;

/// How a measure tells good shots from spoilt ones: higher is better.
type Measure = fn(&Quality) -> f64;

const KINDS: [(&str, Spoilt, Measure); 4] = [
    ("out of focus", Spoilt::Focus, |quality| f64::from(quality.sharpness.unwrap_or(0.0))),
    ("moved", Spoilt::Motion, |quality| f64::from(quality.sharpness.unwrap_or(0.0))),
    ("dark", Spoilt::Darkness, |quality| f64::from(quality.brightness.p95)),
    ("glaring", Spoilt::Glare, |quality| f64::from(-quality.brightness.clipped)),
];

pub(crate) fn run(gates: &mut Gates, seed: u64, photographs: &[Picture]) {
    let indices: Vec<usize> = (0..photographs.len()).collect();
    let assessed = |spoilt: Spoilt| -> Vec<Quality> {
        let of = |&i: &usize| -> Vec<Quality> {
            let rng = &mut StdRng::seed_from_u64(seed << 32 | (spoilt as u64) << 16 | i as u64);
            (0..SHOTS).map(|_| look(&photographs[i].take(&shot(spoilt, rng), rng))).collect()
        };
        in_parallel(&indices, of).into_iter().flatten().collect()
    };
    println!("\nquality: {} photographs, {SHOTS} shots of each kind", photographs.len());
    let good = assessed(Spoilt::No);
    for (name, spoilt, measure) in KINDS {
        let bad = assessed(spoilt);
        let of = |shots: &[Quality]| shots.iter().map(measure).collect::<Vec<_>>();
        let told = bad.iter().filter(|quality| !quality.faults.is_empty()).count();
        println!("  {name}: {:.1} % of {} have a fault", percent(told, bad.len()), bad.len());
        gates.check(&format!("AUC, good and {name}"), auc(&of(&good), &of(&bad)), AtLeast(0.99));
    }
    let fine = good.iter().filter(|quality| quality.faults.is_empty()).count();
    println!("  good: {:.1} % of {} have none", percent(fine, good.len()), good.len());
}

fn look(jpeg: &[u8]) -> Quality {
    assess(&decode::luma(jpeg, &Caps::default(), WORKING_SIDE).unwrap(), &Thresholds::default())
}
