//! `posterMatch`: true pairs, siblings, strangers, spoilt photos.

use imagejob_truth::camera::{Photograph, Shot, take};
use imagejob_truth::{Picture, Poster};
use imagejob_vision::decode::Photo;
use imagejob_vision::poster::{Comparison, Reference, Verdict, compare, wanted};
use imagejob_vision::registration::{View, WANTED_SIDE};
use imagejob_vision::{Caps, decode};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::figures::{auc, hits_at, quantile};
use crate::gates::Gate::{AtLeast, AtMost};
use crate::gates::{Gates, percent};
use crate::{in_parallel, search, speed};

/// Photographs of each poster, and of siblings of it.
const TRUE_PAIRS: usize = 5;
const SIBLINGS: usize = 6;

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
    jpeg: Vec<u8>,
}

/// Photographs whose recognition is timed.
const TIMED: usize = 60;

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Itself,
    Sibling,
    Dark,
    Blurred,
}

pub(crate) fn run(gates: &mut Gates, seed: u64, posters: u64, set: u64, art: &[Picture]) {
    let numbers: Vec<u64> = (0..posters).collect();
    let subjects = in_parallel(&numbers, |&i| subject(seed << 32 | i, art));
    let indices: Vec<usize> = (0..subjects.len()).collect();
    let taken: Vec<Taken> =
        in_parallel(&indices, |&of| photographs(of, &subjects[of], seed, art)).into_iter().flatten().collect();
    let found = in_parallel(&taken, |taken| compare(&taken.view, &subjects[taken.of].reference, seed));
    let itself: Vec<&Taken> = taken.iter().filter(|taken| taken.what == What::Itself).collect();
    let strangers = in_parallel(&itself, |taken| strangers(taken, &subjects, seed));
    println!("\nposterMatch: {posters} posters");
    let of_kind = |what| -> Vec<&Comparison> {
        taken.iter().zip(&found).filter(|(taken, _)| taken.what == what).map(|(_, found)| found).collect()
    };
    let (own, siblings) = (of_kind(What::Itself), of_kind(What::Sibling));
    let unrelated: Vec<&Comparison> = strangers.iter().flatten().collect();
    for (name, found) in [
        ("true pairs", &own),
        ("siblings", &siblings),
        ("unrelated", &unrelated),
        ("true, too dark", &of_kind(What::Dark)),
        ("true, too blurred", &of_kind(What::Blurred)),
    ] {
        let [right, wrong, unsure] =
            [Verdict::Match, Verdict::Mismatch, Verdict::Unsure].map(|verdict| share(verdict, found));
        println!(
            "  {name:18} {:6} pairs: Match {right:6.2} %   Mismatch {wrong:6.2} %   Unsure {unsure:6.2} %",
            found.len()
        );
    }
    let scores = |found: &[&Comparison]| found.iter().map(|found| found.score).collect::<Vec<f64>>();
    let positives = scores(&own);
    for (name, others) in [("unrelated", scores(&unrelated)), ("siblings", scores(&siblings))] {
        let at = |rate| hits_at(rate, &positives, &others) * 100.0;
        println!("  {name}: AUC {:.5}, TPR {:.2} % at FPR 0.1 %", auc(&positives, &others), at(0.001));
        let least = if name == "siblings" { 97.0 } else { 99.0 };
        gates.check(&format!("TPR at FPR 1 % of {name}, %"), at(0.01), AtLeast(least));
    }
    gates.check("siblings told apart by verdict, %", share(Verdict::Mismatch, &siblings), AtLeast(97.0));
    for (name, found) in [("true pairs", &own), ("siblings", &siblings), ("unrelated", &unrelated)] {
        gates.check(&format!("Unsure of {name}, %"), share(Verdict::Unsure, found), AtMost(3.0));
    }
    let first = own.iter().zip(&strangers).filter(|(own, others)| others.iter().all(|other| other.score < own.score));
    gates.check(
        &format!("the right one of {posters} scores highest, %"),
        percent(first.count(), own.len()),
        AtLeast(99.0),
    );
    let worst = |(taken, found): (&&Taken, &&Comparison)| {
        let corners = found.corners?;
        Some((0..4).map(|i| corners[i].distance(taken.corners[i])).fold(0.0, f64::max))
    };
    let off: Vec<f64> = itself.iter().zip(&own).filter_map(worst).collect();
    println!("  worst corner: median {:.1} px, 95 % within {:.1} px", quantile(&off, 0.5), quantile(&off, 0.95));
    time(gates, seed, &itself, &subjects);
    let photographs: Vec<(usize, &View)> = itself.iter().map(|taken| (taken.of, &taken.view)).collect();
    for set in [posters, set] {
        search::run(gates, seed, set.max(posters), &photographs, art);
    }
}

fn share(verdict: Verdict, found: &[&Comparison]) -> f64 {
    percent(found.iter().filter(|found| found.verdict == verdict).count(), found.len())
}

fn time(gates: &mut Gates, seed: u64, taken: &[&Taken], subjects: &[Subject]) {
    let decoded = |taken: &Taken| decoded(&taken.jpeg, WANTED_SIDE);
    let times: Vec<[f64; 3]> = taken
        .iter()
        .step_by(taken.len().div_ceil(TIMED))
        .map(|taken| {
            let (photo, reference) = (decoded(taken), &subjects[taken.of].reference);
            [
                speed::millis(|| drop(decoded(taken))),
                speed::millis(|| drop(View::of(&photo))),
                speed::millis(|| drop(compare(&taken.view, reference, seed))),
            ]
        })
        .collect();
    let column = |i: usize| times.iter().map(|row| row[i]).collect::<Vec<f64>>();
    let decode = speed::print("decode", &column(0));
    speed::print("features", &column(1));
    speed::print("comparison", &column(2));
    let together: Vec<f64> = times.iter().map(|row| row.iter().sum()).collect();
    let median = speed::print("together", &together);
    println!("  together {:.1} times as long as decoding alone", median / decode);
    gates.check("decode, features and comparison of a photo, ms", median, AtMost(40.0));
}

fn subject(seed: u64, art: &[Picture]) -> Subject {
    let poster = Poster::design(seed, art.len());
    let picture = poster.draw(art);
    let reference = Reference::prepare(&decoded(&picture.to_jpeg(92), u32::MAX)).unwrap();
    Subject { poster, picture, reference }
}

pub(crate) fn decoded(jpeg: &[u8], longer: u32) -> Photo {
    decode::photo(jpeg, &Caps::default(), wanted(longer)).unwrap()
}

fn photographs(of: usize, subject: &Subject, seed: u64, art: &[Picture]) -> Vec<Taken> {
    let rng = &mut StdRng::seed_from_u64(seed << 32 | 1 << 31 | of as u64);
    let any = |rng: &mut StdRng| rng.random_range(0..art.len());
    let mut all = Vec::new();
    for _ in 0..TRUE_PAIRS {
        let shot = Shot::usual(rng);
        let (behind, before) = (any(rng), any(rng));
        all.push(look(of, What::Itself, take(&subject.picture, &art[behind], &art[before], &shot, rng)));
    }
    while all.len() < TRUE_PAIRS + SIBLINGS {
        let (sibling, changed) = subject.poster.sibling(rng.random(), art.len());
        let shot = Shot::usual(rng);
        let (behind, before) = (any(rng), any(rng));
        let photograph = take(&sibling.draw(art), &art[behind], &art[before], &shot, rng);
        // Behind somebody's back siblings are the same.
        if photograph.visible(changed) > 0.95 {
            all.push(look(of, What::Sibling, photograph));
        }
    }
    let usual = Shot::usual(rng);
    let dark = Shot { gain: [0.05; 3], noise: 4.0, ..usual };
    let blurred = Shot { blur: 14.0, ..usual };
    for (what, shot) in [(What::Dark, dark), (What::Blurred, blurred)] {
        let (behind, before) = (any(rng), any(rng));
        all.push(look(of, what, take(&subject.picture, &art[behind], &art[before], &shot, rng)));
    }
    all
}

fn look(of: usize, what: What, photograph: Photograph) -> Taken {
    let view = View::of(&decoded(&photograph.jpeg, WANTED_SIDE));
    Taken { of, what, view, corners: photograph.corners, jpeg: photograph.jpeg }
}

fn strangers(taken: &Taken, subjects: &[Subject], seed: u64) -> Vec<Comparison> {
    let others = subjects.iter().enumerate().filter(|(i, _)| *i != taken.of);
    others.map(|(_, other)| compare(&taken.view, &other.reference, seed)).collect()
}
