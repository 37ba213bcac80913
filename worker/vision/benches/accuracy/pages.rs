//! `homework`: answered, empty and rubbed-out regions, whole pages.

use imagejob_truth::camera::{Shot, take};
use imagejob_truth::page::{Answer, fold};
use imagejob_truth::{Page, Picture};
use imagejob_vision::homework::{Mark, Reading, Region, Template, Verdict, read};
use imagejob_vision::registration::{View, WANTED_SIDE};
use imagejob_vision::{Caps, decode};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::gates::Gate::{AtLeast, AtMost};
use crate::gates::{Gates, percent};
use crate::{in_parallel, speed};

/// Photographs of each page.
const PHOTOGRAPHS: usize = 10;

struct Graded {
    answers: Vec<Answer>,
    reading: Reading,
    jpeg: Vec<u8>,
}

/// Pages whose reading is timed.
const TIMED: usize = 30;

pub(crate) fn run(gates: &mut Gates, seed: u64, pages: u64, art: &[Picture]) {
    let numbers: Vec<u64> = (0..pages).collect();
    let graded: Vec<Graded> = in_parallel(&numbers, |&i| grade(seed << 32 | i, art)).into_iter().flatten().collect();
    println!("\nhomework: {pages} templates, {} pages", graded.len());
    let found = graded.iter().filter(|graded| !graded.reading.marks.is_empty());
    let regions: Vec<(Answer, Mark)> =
        found.flat_map(|graded| graded.answers.iter().copied().zip(graded.reading.marks.iter().copied())).collect();
    for answer in [Answer::Empty, Answer::Erased, Answer::Pen, Answer::Pencil] {
        let of: Vec<Mark> = regions.iter().filter(|(a, _)| *a == answer).map(|(_, mark)| *mark).collect();
        let share = |mark| of.iter().filter(|m| **m == mark).count() as f64 / of.len() as f64 * 100.0;
        println!(
            "  {:7} {:5} regions: Answered {:6.2} %   Empty {:6.2} %   Unsure {:6.2} %",
            format!("{answer:?}"),
            of.len(),
            share(Mark::Answered),
            share(Mark::Empty),
            share(Mark::Unsure)
        );
    }
    let right = |answer: Answer, mark: Mark| match answer {
        Answer::Empty | Answer::Erased => mark == Mark::Empty,
        Answer::Pen | Answer::Pencil => mark == Mark::Answered,
    };
    let judged: Vec<_> = regions.iter().filter(|(_, mark)| *mark != Mark::Unsure).collect();
    let correct = judged.iter().filter(|(answer, mark)| right(*answer, *mark)).count();
    gates.check(
        &format!("regions right of the {} that were judged, %", judged.len()),
        percent(correct, judged.len()),
        AtLeast(99.0),
    );
    gates.check("regions unsure, %", percent(regions.len() - judged.len(), regions.len()), AtMost(5.0));
    let unsure = graded.iter().filter(|graded| graded.reading.verdict == Verdict::Unsure).count();
    let exact = graded.iter().filter(|graded| graded.reading.verdict == truth(&graded.answers)).count();
    gates.check("pages right, of all, %", percent(exact, graded.len()), AtLeast(95.0));
    gates.check("pages unsure or not found, %", percent(unsure, graded.len()), AtMost(5.0));
    let millis: Vec<f64> = graded
        .iter()
        .enumerate()
        .step_by(graded.len().div_ceil(TIMED))
        .map(|(i, graded)| {
            let (template, _) = template(seed << 32 | (i / PHOTOGRAPHS) as u64);
            speed::millis(|| {
                let photo = decode::luma(&graded.jpeg, &Caps::default(), WANTED_SIDE).unwrap();
                drop(read(&View::of(&photo), &template, seed));
            })
        })
        .collect();
    speed::print("decode, features and reading", &millis);
}

/// The page of a seed and its template.
fn template(seed: u64) -> (Template, Page) {
    let page = Page::design(seed);
    let regions: Vec<Region> =
        page.places().into_iter().map(|[x, y, width, height]| Region { x, y, width, height }).collect();
    let blank = decode::luma(&page.blank().to_jpeg(95), &Caps::default(), u32::MAX).unwrap().luma;
    (Template::prepare(&blank, &regions).unwrap(), page)
}

fn truth(answers: &[Answer]) -> Verdict {
    let written = answers.iter().filter(|answer| matches!(answer, Answer::Pen | Answer::Pencil)).count();
    match written {
        0 => Verdict::Blank,
        count if count == answers.len() => Verdict::Complete,
        _ => Verdict::Partial,
    }
}

fn grade(seed: u64, art: &[Picture]) -> Vec<Graded> {
    let (template, page) = template(seed);
    let rng = &mut StdRng::seed_from_u64(seed ^ 0xABCD);
    (0..PHOTOGRAPHS)
        .map(|i| {
            // Two in ten complete, one blank, the others anything.
            let diligence = [1.0, 1.0, 0.0].get(i).copied().unwrap_or_else(|| rng.random_range(0.1..0.95));
            let answers: Vec<Answer> = page.places().iter().map(|_| answer(diligence, rng)).collect();
            let mut filled = page.filled(&answers, rng);
            if rng.random_bool(0.2) {
                fold(&mut filled, rng);
            }
            let table = &art[rng.random_range(0..art.len())];
            let photograph = take(&filled, table, table, &Shot::of_a_page(rng), rng);
            let photo = decode::luma(&photograph.jpeg, &Caps::default(), WANTED_SIDE).unwrap();
            let reading = read(&View::of(&photo), &template, seed);
            Graded { answers, reading, jpeg: photograph.jpeg }
        })
        .collect()
}

fn answer(diligence: f64, rng: &mut StdRng) -> Answer {
    match (rng.random_bool(diligence), rng.random_bool(0.4), rng.random_bool(0.15)) {
        (true, false, _) => Answer::Pen,
        (true, true, _) => Answer::Pencil,
        (false, _, true) => Answer::Erased,
        (false, _, false) => Answer::Empty,
    }
}
