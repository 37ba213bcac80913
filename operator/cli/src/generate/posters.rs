//! `imagejob generate posters`: made-up posters, and each of them photographed as people do: well, badly, and another
//! one in its place.

use std::path::{Path, PathBuf};

use clap::Args;
use imagejob_truth::camera::{Photograph, Shot, take};
use imagejob_truth::{Picture, Poster};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde::Serialize;

use super::scene::{Scene, TRUTH, corners, in_parallel};

/// Below the options of `--help`.
pub(super) const EXAMPLES: &str = "\
TO/posters/p0.jpg is a poster as `posterMatch` wants it; TO/photos/p0-*.jpg are six
photos for it, and TO/truth.jsonl has a line for each: what it shows, the verdict that
is right, the poster's corners in pixels.

Example:
  imagejob generate posters --from demo/photos --to store --count 10
  imagejob try job.yaml store/photos/p0-*.jpg --set posterId=p0 --annotate seen";

/// Photo quality of references.
const QUALITY: i32 = 92;

/// Arguments of `imagejob generate posters`.
#[derive(Debug, Args)]
pub(crate) struct PostersArgs {
    /// Folder of real photographs, JPEG, that are printed on posters, hang behind them, and get in the way
    #[arg(long)]
    from: PathBuf,
    /// Folder to write to: new or empty
    #[arg(long)]
    to: PathBuf,
    /// Posters to make; each is photographed six times
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: u32,
    /// The same seed makes the same posters and photos
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What a photo shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum What {
    Itself,
    Occluded,
    Sibling,
    Another,
    Blurred,
    Dark,
}

/// A line of the truth file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Truth {
    file: String,
    poster_id: String,
    shows: What,
    verdict: &'static str,
    corners: [[f64; 2]; 4],
}

impl What {
    const ALL: [Self; 6] = [Self::Itself, Self::Occluded, Self::Sibling, Self::Another, Self::Blurred, Self::Dark];

    /// What is right, which need not be what is found.
    const fn verdict(self) -> &'static str {
        match self {
            Self::Itself | Self::Occluded => "Match",
            Self::Sibling | Self::Another => "Mismatch",
            Self::Blurred | Self::Dark => "Unsure",
        }
    }
}

/// Makes the posters and photos and reports.
pub(super) fn run(args: &PostersArgs) -> anyhow::Result<()> {
    let scene = Scene::of(&args.from, &args.to)?;
    let truths = in_parallel(args.count, |index| make(&scene, args.seed, index))?;
    let truths: Vec<Truth> = truths.into_iter().flatten().collect();
    scene.write_truth(&truths)?;
    println!(
        "{} posters and {} photos of them in {}, seed {}; truth in {}",
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
    let poster = Poster::design(seed, scene.art.len());
    let picture = poster.draw(&scene.art);
    let poster_id = format!("p{index}");
    scene.write(&Path::new("posters").join(format!("{poster_id}.jpg")), &picture.to_jpeg(QUALITY))?;
    What::ALL
        .into_iter()
        .map(|shows| {
            let photograph = photograph(scene, shows, &poster, &picture, rng);
            let name = format!("{shows:?}").to_lowercase();
            let file = format!("photos/{poster_id}-{name}.jpg");
            scene.write(Path::new(&file), &photograph.jpeg)?;
            let corners = corners(&photograph.corners);
            Ok(Truth { file, poster_id: poster_id.clone(), shows, verdict: shows.verdict(), corners })
        })
        .collect()
}

fn photograph(scene: &Scene, shows: What, poster: &Poster, picture: &Picture, rng: &mut StdRng) -> Photograph {
    let alone = Shot { covered: 0.0, ..Shot::usual(rng) };
    let shot = match shows {
        What::Itself | What::Sibling | What::Another => alone,
        What::Occluded => Shot { covered: 0.15, ..alone },
        What::Blurred => Shot { blur: 20.0, ..alone },
        What::Dark => Shot { gain: [0.05; 3], noise: 4.0, ..alone },
    };
    let drawn = match shows {
        What::Sibling => &poster.sibling(rng.random(), scene.art.len()).0.draw(&scene.art),
        What::Another => &Poster::design(rng.random(), scene.art.len()).draw(&scene.art),
        What::Itself | What::Occluded | What::Blurred | What::Dark => picture,
    };
    take(drawn, scene.any(rng), scene.any(rng), &shot, rng)
}
