//! `posterMatch`: true pairs, siblings, strangers, spoilt photos.

use imagejob_truth::camera::{Photograph, Shot, take};
use imagejob_truth::{Picture, Poster};
use imagejob_vision::poster::{Comparison, Reference, Verdict, compare};
use imagejob_vision::registration::{View, WANTED_SIDE};
use imagejob_vision::{Caps, Luma, decode};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::figures::{auc, hits_at, quantile};
use crate::{in_parallel, millis_on_core};

/// Photographs of each poster, and of siblings of it.
const TRUE_PAIRS: usize = 5;
const SIBLINGS: usize = 3;

struct Subject {
    poster: Poster,
    picture: Picture,
    reference: Reference,
}

/// A photograph, decoded and looked at.
struct Taken {
    /// Index of the poster.
    of: usize,
    what: What,
    view: View,
    corners: imagejob_vision::geometry::Quad,
    /// Milliseconds on a core: decoding, features.
    decode: f64,
    features: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Itself,
    Sibling,
    Dark,
    Blurred,
}

pub(crate) fn run(seed: u64, posters: u64, art: &[Picture]) {
    let numbers: Vec<u64> = (0..posters).collect();
    let subjects = in_parallel(&numbers, |&i| subject(seed << 32 | i, art));
    let indices: Vec<usize> = (0..subjects.len()).collect();
    let taken: Vec<Taken> =
        in_parallel(&indices, |&of| photographs(of, &subjects[of], seed, art)).into_iter().flatten().collect();
    let own = in_parallel(&taken, |taken| {
        let begun = millis_on_core();
        let found = compare(&taken.view, &subjects[taken.of].reference, seed);
        (millis_on_core() - begun, found)
    });
    let of_kind = |what| taken.iter().zip(&own).filter(move |(taken, _)| taken.what == what);
    let scores = |what| -> Vec<f64> { of_kind(what).map(|(_, (_, found))| found.score).collect() };
    let itself: Vec<&Taken> = taken.iter().filter(|taken| taken.what == What::Itself).collect();
    let strangers = in_parallel(&itself, |taken| strangers(taken, &subjects, seed));

    println!("\nposterMatch: {posters} posters");
    let positives = scores(What::Itself);
    let negatives: Vec<f64> = strangers.iter().flatten().map(|found| found.score).collect();
    for (name, others) in [("unrelated", &negatives), ("siblings", &scores(What::Sibling))] {
        println!(
            "  {} true pairs, {} {name}: AUC {:.5}, TPR {:.2} % at FPR 1 %, {:.2} % at 0.1 %",
            positives.len(),
            others.len(),
            auc(&positives, others),
            hits_at(0.01, &positives, others) * 100.0,
            hits_at(0.001, &positives, others) * 100.0,
        );
    }
    for (name, verdicts) in [
        ("true pairs", of_kind(What::Itself).map(|(_, (_, found))| found).collect::<Vec<_>>()),
        ("siblings", of_kind(What::Sibling).map(|(_, (_, found))| found).collect()),
        ("unrelated", strangers.iter().flatten().collect()),
        ("true, too dark", of_kind(What::Dark).map(|(_, (_, found))| found).collect()),
        ("true, too blurred", of_kind(What::Blurred).map(|(_, (_, found))| found).collect()),
    ] {
        let share = |verdict| {
            let count = verdicts.iter().filter(|found| found.verdict == verdict).count();
            count as f64 / verdicts.len() as f64 * 100.0
        };
        println!(
            "  {name:18} Match {:6.2} %   Mismatch {:6.2} %   Unsure {:6.2} %",
            share(Verdict::Match),
            share(Verdict::Mismatch),
            share(Verdict::Unsure)
        );
    }
    let first = itself.iter().zip(&positives).zip(&strangers);
    let first = first.filter(|((_, own), others)| others.iter().all(|other| other.score < **own)).count();
    println!("  the right one of {posters} scores highest: {:.2} %", first as f64 / positives.len() as f64 * 100.0);
    let off: Vec<f64> = of_kind(What::Itself)
        .filter_map(|(taken, (_, found))| {
            let corners = found.corners?;
            Some((0..4).map(|i| corners[i].distance(taken.corners[i])).fold(0.0, f64::max))
        })
        .collect();
    println!("  worst corner: median {:.1} px, 95 % within {:.1} px", quantile(&off, 0.5), quantile(&off, 0.95));
    let times = |of: &dyn Fn(&Taken, f64) -> f64| -> Vec<f64> {
        taken.iter().zip(&own).map(|(taken, (compare, _))| of(taken, *compare)).collect()
    };
    for (name, millis) in [
        ("decode", times(&|taken, _| taken.decode)),
        ("features", times(&|taken, _| taken.features)),
        ("compare", times(&|_, compare| compare)),
        ("together", times(&|taken, compare| taken.decode + taken.features + compare)),
    ] {
        println!(
            "  {name:9} {:5.1} ms median, {:5.1} ms p95, on one core",
            quantile(&millis, 0.5),
            quantile(&millis, 0.95)
        );
    }
}

fn subject(seed: u64, art: &[Picture]) -> Subject {
    let poster = Poster::design(seed, art.len());
    let picture = poster.draw(art);
    let reference = Reference::prepare(&luma(&picture)).unwrap();
    Subject { poster, picture, reference }
}

fn luma(picture: &Picture) -> Luma {
    decode::luma(&picture.to_jpeg(92), &Caps::default(), u32::MAX).unwrap().luma
}

fn photographs(of: usize, subject: &Subject, seed: u64, art: &[Picture]) -> Vec<Taken> {
    let rng = &mut StdRng::seed_from_u64(seed << 32 | 1 << 31 | of as u64);
    let any = |rng: &mut StdRng| rng.random_range(0..art.len());
    let mut all = Vec::new();
    for _ in 0..TRUE_PAIRS {
        let shot = Shot::usual(rng);
        let (behind, before) = (any(rng), any(rng));
        all.push(look(of, What::Itself, &take(&subject.picture, &art[behind], &art[before], &shot, rng)));
    }
    while all.len() < TRUE_PAIRS + SIBLINGS {
        let (sibling, changed) = subject.poster.sibling(rng.random(), art.len());
        let shot = Shot::usual(rng);
        let (behind, before) = (any(rng), any(rng));
        let photograph = take(&sibling.draw(art), &art[behind], &art[before], &shot, rng);
        // Behind somebody's back siblings are the same.
        if photograph.visible(changed) > 0.95 {
            all.push(look(of, What::Sibling, &photograph));
        }
    }
    let usual = Shot::usual(rng);
    let dark = Shot { gain: [0.05; 3], noise: 4.0, ..usual };
    let blurred = Shot { blur: 14.0, ..usual };
    for (what, shot) in [(What::Dark, dark), (What::Blurred, blurred)] {
        let (behind, before) = (any(rng), any(rng));
        all.push(look(of, what, &take(&subject.picture, &art[behind], &art[before], &shot, rng)));
    }
    all
}

fn look(of: usize, what: What, photograph: &Photograph) -> Taken {
    let begun = millis_on_core();
    let photo = decode::luma(&photograph.jpeg, &Caps::default(), WANTED_SIDE).unwrap();
    let decoded = millis_on_core();
    let view = View::of(&photo);
    Taken { of, what, view, corners: photograph.corners, decode: decoded - begun, features: millis_on_core() - decoded }
}

fn strangers(taken: &Taken, subjects: &[Subject], seed: u64) -> Vec<Comparison> {
    let others = subjects.iter().enumerate().filter(|(i, _)| *i != taken.of);
    others.map(|(_, other)| compare(&taken.view, &other.reference, seed)).collect()
}
