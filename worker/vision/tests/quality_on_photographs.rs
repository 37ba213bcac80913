//! Does the verdict hold on photographs? Each is taken again as other cameras would have taken it, half
//! of the time spoilt beyond dispute. Prints its seed and figures.
#![allow(clippy::unwrap_used, missing_docs)]

mod darkroom;

use std::path::Path;

use darkroom::{Picture, Spoilt, shot};
use imagejob_vision::quality::{self, Quality, Thresholds};
use imagejob_vision::{Caps, decode};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

const SEED: u64 = 20;

/// Shots of each photograph: as many good as spoilt.
const SHOTS: [(Spoilt, usize); 5] =
    [(Spoilt::No, 12), (Spoilt::Focus, 4), (Spoilt::Motion, 4), (Spoilt::Darkness, 2), (Spoilt::Glare, 2)];

fn photographs() -> Vec<(String, Picture)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/photos");
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    paths.sort();
    let photographs: Vec<_> = paths
        .iter()
        .map(|path| {
            let photo = decode::luma(&std::fs::read(path).unwrap(), &Caps::default(), u32::MAX).unwrap();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), Picture::of(&photo.luma.shrunk_to(640)))
        })
        .collect();
    assert!(photographs.len() >= 8, "demo/photos holds the photographs");
    photographs
}

fn assess(jpeg: &[u8]) -> Quality {
    let photo = decode::luma(jpeg, &Caps::default(), quality::WORKING_SIDE).unwrap();
    quality::assess(&photo, &Thresholds::default())
}

/// Chance that a good shot measures higher than a spoilt one: the area under the ROC curve.
fn auc(good: &[f32], spoilt: &[f32]) -> f64 {
    let higher = |&one: &f32| spoilt.iter().map(|other| if one > *other { 1.0 } else { 0.0 }).sum::<f64>();
    good.iter().map(higher).sum::<f64>() / (good.len() * spoilt.len()) as f64
}

#[test]
fn good_and_spoilt_photographs_are_told_apart() {
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut seen: Vec<(String, Spoilt, Quality)> = Vec::new();
    for (name, photograph) in photographs() {
        for (spoilt, count) in SHOTS {
            for _ in 0..count {
                let jpeg = photograph.take(&shot(spoilt, &mut rng), &mut rng);
                seen.push((name.clone(), spoilt, assess(&jpeg)));
            }
        }
    }
    println!("seed {SEED}, {} shots", seen.len());
    let figures = |spoilt, figure: fn(&Quality) -> f32| -> Vec<f32> {
        seen.iter().filter(|(_, kind, _)| *kind == spoilt).map(|(_, _, quality)| figure(quality)).collect()
    };
    let sharpness = |quality: &Quality| quality.sharpness.unwrap_or(0.0);
    let light = |quality: &Quality| f32::from(quality.brightness.p95);
    let unclipped = |quality: &Quality| -quality.brightness.clipped;
    for (what, spoilt, figure) in [
        ("focus", Spoilt::Focus, sharpness as fn(&Quality) -> f32),
        ("motion", Spoilt::Motion, sharpness),
        ("darkness", Spoilt::Darkness, light),
        ("glare", Spoilt::Glare, unclipped),
    ] {
        let (good, bad) = (figures(Spoilt::No, figure), figures(spoilt, figure));
        let area = auc(&good, &bad);
        let least = good.iter().copied().reduce(f32::min).unwrap();
        let most = bad.iter().copied().reduce(f32::max).unwrap();
        println!("{what:9} AUC {area:.4}   good from {least:.3}, spoilt to {most:.3}");
        assert!(area >= 0.99, "{what}: {area:.4}");
    }
    for (spoilt, verdict) in [
        (Spoilt::No, "Good"),
        (Spoilt::Focus, "Blurred"),
        (Spoilt::Motion, "Blurred"),
        (Spoilt::Darkness, "Dark"),
        (Spoilt::Glare, "Overexposed"),
    ] {
        let of_kind: Vec<_> = seen.iter().filter(|(_, kind, _)| *kind == spoilt).collect();
        let wrong: Vec<_> = of_kind.iter().filter(|(_, _, quality)| quality.verdict() != verdict).collect();
        for (name, _, quality) in &wrong {
            println!("  {name}, {spoilt:?}: {quality:?}");
        }
        let right = 1.0 - wrong.len() as f64 / of_kind.len() as f64;
        println!("{spoilt:?} is {verdict}: {:.1} %", right * 100.0);
        assert!(right >= 0.97, "{spoilt:?} is {verdict} in {:.1} % only", right * 100.0);
    }
}
