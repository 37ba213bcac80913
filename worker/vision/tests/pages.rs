//! A small version of what `cargo bench --bench accuracy` measures on a thousand pages: what is written is
//! found, what was rubbed out is not. Prints its seed.
#![allow(clippy::unwrap_used, missing_docs)]

use imagejob_truth::camera::{Shot, take};
use imagejob_truth::page::Answer;
use imagejob_truth::{Page, Picture};
use imagejob_vision::homework::{Cause, Mark, Reading, Region, Template, TemplateError, Verdict, read};
use imagejob_vision::registration::{View, WANTED_SIDE};
use imagejob_vision::{Caps, Luma, decode};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

const SEED: u64 = 12;

fn luma(picture: &Picture) -> Luma {
    decode::luma(&picture.to_jpeg(95), &Caps::default(), u32::MAX).unwrap().luma
}

fn table() -> Picture {
    let path = format!("{}/../../demo/photos/coffee.jpg", env!("CARGO_MANIFEST_DIR"));
    Picture::of_jpeg(&std::fs::read(path).unwrap())
}

fn regions(page: &Page) -> Vec<Region> {
    page.places().into_iter().map(|[x, y, width, height]| Region { x, y, width, height }).collect()
}

fn reading(sheet: &Picture, template: &Template, rng: &mut StdRng) -> Reading {
    let table = table();
    let photograph = take(sheet, &table, &table, &Shot::of_a_page(rng), rng);
    let photo = decode::luma(&photograph.jpeg, &Caps::default(), WANTED_SIDE).unwrap();
    read(&View::of(&photo), template, SEED)
}

#[test]
fn what_is_written_is_found_and_what_was_rubbed_out_is_not() {
    println!("seed {SEED}");
    let rng = &mut StdRng::seed_from_u64(SEED);
    let page = Page::design(SEED);
    let regions = regions(&page);
    let template = Template::prepare(&luma(&page.blank()), &regions).unwrap();
    let kinds = [Answer::Pen, Answer::Empty, Answer::Pencil, Answer::Erased];
    for (what, kinds, verdict) in [
        ("some written, some not", &kinds[..], Verdict::Partial),
        ("all written", &[Answer::Pen, Answer::Pencil], Verdict::Complete),
        ("blank", &[Answer::Empty], Verdict::Blank),
    ] {
        let answers: Vec<Answer> = kinds.iter().copied().cycle().take(regions.len()).collect();
        let found = reading(&page.filled(&answers, rng), &template, rng);
        println!("{what}: {:?} {:?}", found.verdict, found.marks);
        assert_eq!(found.verdict, verdict, "{what}: {found:?}");
        let wrong = answers.iter().zip(&found.marks).filter(|(answer, mark)| match answer {
            Answer::Pen | Answer::Pencil => **mark == Mark::Empty,
            Answer::Empty | Answer::Erased => **mark == Mark::Answered,
        });
        assert_eq!(wrong.count(), 0, "{what}: {answers:?} read as {:?}", found.marks);
    }
}

#[test]
fn another_page_is_not_read() {
    let rng = &mut StdRng::seed_from_u64(SEED);
    let (page, other) = (Page::design(SEED), Page::design(SEED + 1));
    let template = Template::prepare(&luma(&page.blank()), &regions(&page)).unwrap();
    let found = reading(&other.blank(), &template, rng);
    assert_eq!((found.verdict, found.causes), (Verdict::Unsure, vec![Cause::WrongPage]));
}

#[test]
fn regions_must_be_on_the_page() {
    let blank = luma(&Page::design(SEED).blank());
    let region = |x, width| Region { x, y: 10, width, height: 20 };
    for regions in [vec![region(950, 51)], vec![region(10, 20), region(u32::MAX, 2)], vec![region(10, 0)]] {
        let refused = Template::prepare(&blank, &regions).map(|_| ()).unwrap_err();
        assert_eq!(refused, TemplateError::RegionOutside { index: regions.len() - 1, width: 1_000, height: 1_414 });
    }
    assert_eq!(Template::prepare(&blank, &[]).map(|_| ()), Err(TemplateError::NoRegions));
}
