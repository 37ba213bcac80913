//! `imagejob generate pages`: made-up pages of homework, and each of them done, half done and not begun, photographed
//! on a table.

use std::path::{Path, PathBuf};

use clap::Args;
use imagejob_truth::Page;
use imagejob_truth::camera::{Shot, take};
use imagejob_truth::page::Answer;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde::Serialize;
use serde_json::json;

use super::scene::{Scene, TRUTH, corners, in_parallel};

/// Below the options of `--help`.
pub(super) const EXAMPLES: &str = "\
TO/pages/h0.jpg is a blank page and TO/pages/h0.json its answer regions, as `homework`
wants them; TO/photos/h0-*.jpg are three photos of it, and TO/truth.jsonl has a line for
each: the verdict that is right, whether each answer is written, the page's corners.

Example:
  imagejob generate pages --from demo/photos --to store --count 10
  imagejob try job.yaml store/photos/h0-*.jpg --set pageId=h0 --annotate seen";

/// Photo quality of blank pages.
const QUALITY: i32 = 95;

/// Arguments of `imagejob generate pages`.
#[derive(Debug, Args)]
pub(crate) struct PagesArgs {
    /// Folder of real photographs, JPEG, that lie under pages
    #[arg(long)]
    from: PathBuf,
    /// Folder to write to: new or empty
    #[arg(long)]
    to: PathBuf,
    /// Pages to make; each is photographed three times
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: u32,
    /// The same seed makes the same pages and photos
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A line of the truth file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Truth {
    file: String,
    page_id: String,
    verdict: &'static str,
    answered: Vec<bool>,
    corners: [[f64; 2]; 4],
}

/// Makes the pages and photos and reports.
pub(super) fn run(args: &PagesArgs) -> anyhow::Result<()> {
    let scene = Scene::of(&args.from, &args.to)?;
    let truths = in_parallel(args.count, |index| make(&scene, args.seed, index))?;
    let truths: Vec<Truth> = truths.into_iter().flatten().collect();
    scene.write_truth(&truths)?;
    println!(
        "{} pages and {} photos of them in {}, seed {}; truth in {}",
        args.count,
        truths.len(),
        args.to.display(),
        args.seed,
        TRUTH
    );
    Ok(())
}

/// Depends on seed and index alone, not on how many are made or by how many threads.
fn make(scene: &Scene, seed: u64, index: u32) -> anyhow::Result<Vec<Truth>> {
    let seed = seed << 32 | u64::from(index);
    let rng = &mut StdRng::seed_from_u64(seed ^ 1 << 31);
    let page = Page::design(seed);
    let places = page.places();
    let page_id = format!("h{index}");
    let region = |(number, [x, y, width, height]): (usize, &[u32; 4])| json!({"name": (number + 1).to_string(), "x": x, "y": y, "width": width, "height": height});
    let regions: Vec<_> = places.iter().enumerate().map(region).collect();
    scene.write(&Path::new("pages").join(format!("{page_id}.jpg")), &page.blank().to_jpeg(QUALITY))?;
    scene.write(&Path::new("pages").join(format!("{page_id}.json")), &serde_json::to_vec(&regions)?)?;
    [("Complete", 1), ("Partial", 2), ("Blank", usize::MAX)]
        .into_iter()
        .map(|(verdict, every)| {
            // A page has two answers at least, so that every other one is some and not all.
            let answers: Vec<Answer> = (1..=places.len()).map(|number| answer(number % every == 0, rng)).collect();
            let table = scene.any(rng);
            let photograph = take(&page.filled(&answers, rng), table, table, &Shot::of_a_page(rng), rng);
            let file = format!("photos/{page_id}-{}.jpg", verdict.to_lowercase());
            scene.write(Path::new(&file), &photograph.jpeg)?;
            let answered = answers.iter().map(|answer| matches!(answer, Answer::Pen | Answer::Pencil)).collect();
            let corners = corners(&photograph.corners);
            Ok(Truth { file, page_id: page_id.clone(), verdict, answered, corners })
        })
        .collect()
}

/// By pen or by pencil; nothing, or something that was rubbed out.
fn answer(written: bool, rng: &mut StdRng) -> Answer {
    match (written, rng.random_bool(0.4)) {
        (true, false) => Answer::Pen,
        (true, true) => Answer::Pencil,
        (false, false) => Answer::Empty,
        (false, true) => Answer::Erased,
    }
}
