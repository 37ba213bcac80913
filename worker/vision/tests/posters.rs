//! A small version of what `cargo bench --bench accuracy` measures on thousands of pairs: posters photographed
//! by hand are found, strangers are not, and siblings are told apart. Prints its seed.
#![allow(clippy::unwrap_used, missing_docs)]

use imagejob_truth::camera::{Shot, take};
use imagejob_truth::{Picture, Poster};
use imagejob_vision::decode::Photo;
use imagejob_vision::poster::{Cause, Comparison, Reference, Verdict, compare, wanted};
use imagejob_vision::registration::{View, WANTED_SIDE};
use imagejob_vision::{Caps, decode};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const SEED: u64 = 11;
const POSTERS: usize = 5;

fn art() -> Vec<Picture> {
    let photograph = |name| {
        let path = format!("{}/../../demo/photos/{name}.jpg", env!("CARGO_MANIFEST_DIR"));
        Picture::of_jpeg(&std::fs::read(path).unwrap())
    };
    ["astronaut", "coffee", "flower", "rocket", "temple"].map(photograph).into()
}

fn decoded(jpeg: &[u8], longer: u32) -> Photo {
    decode::photo(jpeg, &Caps::default(), wanted(longer)).unwrap()
}

fn reference(picture: &Picture) -> Reference {
    Reference::prepare(&decoded(&picture.to_jpeg(92), u32::MAX)).unwrap()
}

fn seen(poster: &Picture, shot: &Shot, art: &[Picture], rng: &mut StdRng) -> View {
    let (behind, before) = (rng.random_range(0..art.len()), rng.random_range(0..art.len()));
    let photograph = take(poster, &art[behind], &art[before], shot, rng);
    View::of(&decoded(&photograph.jpeg, WANTED_SIDE))
}

#[test]
fn posters_are_found_strangers_are_not_and_siblings_are_told_apart() {
    println!("seed {SEED}");
    let art = art();
    let rng = &mut StdRng::seed_from_u64(SEED);
    let posters: Vec<Poster> = (0..POSTERS).map(|i| Poster::design(SEED << 8 | i as u64, art.len())).collect();
    let pictures: Vec<Picture> = posters.iter().map(|poster| poster.draw(&art)).collect();
    let references: Vec<Reference> = pictures.iter().map(reference).collect();
    // One more mistake than the bench's error rate makes likely.
    let (mut found, mut told) = (0, 0);
    for of in 0..POSTERS {
        let photo = seen(&pictures[of], &Shot::usual(rng), &art, rng);
        for (i, reference) in references.iter().enumerate() {
            let comparison = compare(&photo, reference, SEED);
            println!(
                "photo of {of}, poster {i}: {:?} {:?} {:.3}",
                comparison.verdict, comparison.causes, comparison.score
            );
            if i == of {
                found += usize::from(comparison.verdict == Verdict::Match);
            } else {
                assert_eq!(comparison.verdict, Verdict::Mismatch, "photo of {of}, poster {i}: {comparison:?}");
            }
        }
        let (sibling, _) = posters[of].sibling(rng.random(), art.len());
        let alone = Shot { covered: 0.0, ..Shot::usual(rng) };
        let comparison = compare(&seen(&sibling.draw(&art), &alone, &art, rng), &references[of], SEED);
        println!("sibling of {of}: {:?} {:?} {:.3}", comparison.verdict, comparison.causes, comparison.score);
        told += usize::from(comparison.verdict != Verdict::Match);
    }
    assert!(found >= POSTERS - 1, "{found} of {POSTERS} found");
    assert!(told >= POSTERS - 1, "{told} of {POSTERS} siblings told apart");
}

#[test]
fn what_cannot_be_seen_has_no_verdict_and_a_cause() {
    let art = art();
    let rng = &mut StdRng::seed_from_u64(SEED);
    let poster = Poster::design(SEED, art.len()).draw(&art);
    let reference = reference(&poster);
    let usual = Shot { covered: 0.0, ..Shot::usual(rng) };
    for (shot, cause) in
        [(Shot { gain: [0.04; 3], noise: 4.0, ..usual }, Cause::Dark), (Shot { blur: 20.0, ..usual }, Cause::Blurred)]
    {
        let Comparison { verdict, causes, .. } = compare(&seen(&poster, &shot, &art, rng), &reference, SEED);
        assert_eq!((verdict, causes.first()), (Verdict::Unsure, Some(&cause)), "{cause:?}: {causes:?}");
    }
}

#[test]
fn a_plain_picture_is_no_reference() {
    let plain = Picture::from_fn(300, 400, |_| [200.0; 3]).to_jpeg(92);
    let sentence = Reference::prepare(&decoded(&plain, u32::MAX)).unwrap_err().to_string();
    assert!(sentence.contains("0 features, at least 60 are needed"), "{sentence}");
}
