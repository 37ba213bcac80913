//! `homework`: answered, empty and rubbed-out regions, whole pages.

use imagejob_truth::camera::{Shot, take};
use imagejob_truth::page::{Answer, fold};
use imagejob_truth::{Page, Picture};
use imagejob_vision::homework::{Mark, Reading, Region, Template, Verdict, read};
use imagejob_vision::registration::{View, WANTED_SIDE};
use imagejob_vision::{Caps, decode};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::figures::quantile;
use crate::{in_parallel, millis_on_core};

/// Photographs of each page.
const PHOTOGRAPHS: usize = 10;

struct Graded {
    answers: Vec<Answer>,
    reading: Reading,
    millis: f64,
}

pub(crate) fn run(seed: u64, pages: u64, art: &[Picture]) {
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
    let share = |part: usize, of: usize| part as f64 / of as f64 * 100.0;
    println!(
        "  regions: {:.2} % right of the {} that were judged, {:.2} % unsure",
        share(correct, judged.len()),
        judged.len(),
        share(regions.len() - judged.len(), regions.len())
    );
    let told: Vec<&Graded> = graded.iter().filter(|graded| graded.reading.verdict != Verdict::Unsure).collect();
    let exact = told.iter().filter(|graded| graded.reading.verdict == truth(&graded.answers)).count();
    println!(
        "  pages: {:.2} % right of those judged, {:.2} % of all; {:.2} % unsure, {:.2} % not found",
        share(exact, told.len()),
        share(exact, graded.len()),
        share(graded.len() - told.len(), graded.len()),
        share(graded.iter().filter(|graded| graded.reading.marks.is_empty()).count(), graded.len())
    );
    let millis: Vec<f64> = graded.iter().map(|graded| graded.millis).collect();
    println!(
        "  decode, features and reading {:.1} ms median, {:.1} ms p95, on one core",
        quantile(&millis, 0.5),
        quantile(&millis, 0.95)
    );
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
    let page = Page::design(seed);
    let regions: Vec<Region> =
        page.places().into_iter().map(|[x, y, width, height]| Region { x, y, width, height }).collect();
    let blank = decode::luma(&page.blank().to_jpeg(95), &Caps::default(), u32::MAX).unwrap().luma;
    let template = Template::prepare(&blank, &regions).unwrap();
    let rng = &mut StdRng::seed_from_u64(seed ^ 0xABCD);
    (0..PHOTOGRAPHS)
        .map(|i| {
            // Two in ten complete, one blank, the others anything.
            let diligence = [1.0, 1.0, 0.0].get(i).copied().unwrap_or_else(|| rng.random_range(0.1..0.95));
            let answers: Vec<Answer> = regions.iter().map(|_| answer(diligence, rng)).collect();
            let mut filled = page.filled(&answers, rng);
            if rng.random_bool(0.2) {
                fold(&mut filled, rng);
            }
            let table = &art[rng.random_range(0..art.len())];
            let photograph = take(&filled, table, table, &Shot::of_a_page(rng), rng);
            let begun = millis_on_core();
            let photo = decode::luma(&photograph.jpeg, &Caps::default(), WANTED_SIDE).unwrap();
            let reading = read(&View::of(&photo), &template, seed);
            Graded { answers, reading, millis: millis_on_core() - begun }
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
