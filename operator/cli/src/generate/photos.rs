//! `imagejob generate photos`: variations of the photographs of a folder, with their truth.
//!
//! The shell around [`super::variation`] and [`super::render`]: files, threads and the clock.

use std::collections::BTreeMap;
use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::Serialize;

use super::folder;
use super::render::{Picture, render};
use super::scene::{TRUTH, prepare};
use super::variation::{Expected, Levels, Pixels, Size, Variation};

/// Below the options of `--help`.
pub(super) const EXAMPLES: &str = "\
Each photo is a part of a source: tilted, exposed, perhaps blurred, noisy, at some
JPEG quality. TO/truth.jsonl has a line for each, with its source, what was done to
it, and the verdict that a quality check should give: null where people would differ.

Examples:
  80 photos of up to 1,600 pixels:
    imagejob generate photos --from demo/photos --to store/photos --count 80

  20 photos as phones take them, 4,000 x 3,000 pixels:
    imagejob generate photos --from demo/photos --to store/large --count 20 \\
      --megapixels 12";

/// Arguments of `imagejob generate photos`.
#[derive(Debug, Args)]
pub(crate) struct PhotosArgs {
    /// Folder of real photographs, JPEG
    #[arg(long)]
    from: PathBuf,
    /// Folder to write to: new or empty
    #[arg(long)]
    to: PathBuf,
    /// Photos to make
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// The same seed makes the same photos
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Pixels of every photo, instead of 640 to 1,600 in usual shapes
    #[arg(long, value_name = "WIDTHxHEIGHT", conflicts_with = "megapixels")]
    size: Option<Pixels>,
    /// Millions of pixels of every photo, 4:3
    #[arg(long)]
    megapixels: Option<f64>,
}

/// A line of the truth file.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Truth {
    file: String,
    source: String,
    expected: Option<Expected>,
    bytes: usize,
    #[serde(flatten)]
    variation: Variation,
}

/// A photograph to vary.
struct Source {
    name: String,
    picture: Picture,
    levels: Levels,
}

/// Makes the photos and reports.
#[allow(clippy::disallowed_methods, reason = "the shell: how long it took is only told, never acted upon")]
pub(super) fn run(args: &PhotosArgs) -> anyhow::Result<()> {
    let began = Instant::now();
    let size = match (args.size, args.megapixels) {
        (Some(size), _) => Size::Exact(size),
        (None, Some(megapixels)) => Size::Exact(Pixels::of_megapixels(megapixels)?),
        (None, None) => Size::Varied,
    };
    let sources = sources(&args.from)?;
    prepare(&args.to)?;
    let batch = Batch { sources: &sources, to: &args.to, seed: args.seed, size };
    let truths = batch.make_all(args.count as usize)?;
    write_truth(&args.to, &truths)?;
    println!("{}", sentence(args, &truths, began.elapsed().as_secs_f64()));
    Ok(())
}

fn sentence(args: &PhotosArgs, truths: &[Truth], seconds: f64) -> String {
    let mut expected: BTreeMap<Option<Expected>, usize> = BTreeMap::new();
    for truth in truths {
        *expected.entry(truth.expected).or_default() += 1;
    }
    let name = |expected: Option<Expected>| expected.map_or("unclear".to_owned(), |expected| format!("{expected:?}"));
    let expected: Vec<String> =
        expected.into_iter().rev().map(|(expected, count)| format!("{} {count}", name(expected))).collect();
    let megabytes = truths.iter().map(|truth| truth.bytes).sum::<usize>() as f64 / 1e6;
    format!(
        "{} photos ({megabytes:.1} MB) in {} from {} in {seconds:.1} s, seed {}: {}; truth in {TRUTH}",
        truths.len(),
        args.to.display(),
        args.from.display(),
        args.seed,
        expected.join(", "),
    )
}

fn sources(from: &Path) -> anyhow::Result<Vec<Source>> {
    let load = |photo: folder::Photo| {
        let path = from.join(&photo.key);
        let picture = fs::read(&path)
            .map_err(anyhow::Error::from)
            .and_then(|bytes| Picture::decode(&bytes))
            .with_context(|| format!("cannot read {} as JPEG", path.display()))?;
        Ok(Source { name: photo.key, levels: picture.levels(), picture })
    };
    folder::photos(from, folder::SOURCES)?.into_iter().map(load).collect()
}

fn write_truth(to: &Path, truths: &[Truth]) -> anyhow::Result<()> {
    let lines: Result<Vec<String>, _> = truths.iter().map(serde_json::to_string).collect();
    let path = to.join(TRUTH);
    fs::write(&path, lines?.join("\n") + "\n").with_context(|| format!("cannot write {}", path.display()))
}

/// The making of photos.
struct Batch<'a> {
    sources: &'a [Source],
    to: &'a Path,
    seed: u64,
    size: Size,
}

impl Batch<'_> {
    /// Photos 0 to `count`, on all cores; in order, whoever made them.
    fn make_all(&self, count: usize) -> anyhow::Result<Vec<Truth>> {
        let (next, progress) = (AtomicUsize::new(0), Mutex::new(0));
        let cores = thread::available_parallelism().map_or(1, usize::from).min(count);
        let mut made = thread::scope(|scope| -> anyhow::Result<Vec<(usize, Truth)>> {
            let makers: Vec<_> = (0..cores).map(|_| scope.spawn(|| self.make_some(&next, &progress, count))).collect();
            let mut made = Vec::with_capacity(count);
            for maker in makers {
                made.extend(maker.join().map_err(|_| anyhow::anyhow!("a thread that makes photos panicked"))??);
            }
            Ok(made)
        })?;
        made.sort_by_key(|&(index, _)| index);
        Ok(made.into_iter().map(|(_, truth)| truth).collect())
    }

    /// One photo after the other until all are taken.
    fn make_some(
        &self,
        next: &AtomicUsize,
        progress: &Mutex<usize>,
        count: usize,
    ) -> anyhow::Result<Vec<(usize, Truth)>> {
        let mut made = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return Ok(made);
            }
            made.push((index, self.make(index)?));
            // Held while it is shown, so that the numbers rise.
            let mut made_by_all = progress.lock().unwrap_or_else(PoisonError::into_inner);
            *made_by_all += 1;
            show_progress(*made_by_all, count);
        }
    }

    /// The photo depends on seed and index alone, not on how many are made or by how many threads.
    fn make(&self, index: usize) -> anyhow::Result<Truth> {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&(index as u64).to_le_bytes());
        let mut rng = StdRng::from_seed(seed);
        let source = &self.sources[index % self.sources.len()];
        let variation = Variation::draw(source.picture.size(), source.levels, self.size, &mut rng);
        let rendered = render(&source.picture, &variation, &mut rng)?;
        let file = file_name(index);
        let path = self.to.join(&file);
        fs::write(&path, &rendered.jpeg).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Truth {
            file,
            source: source.name.clone(),
            expected: variation.expected(rendered.levels),
            bytes: rendered.jpeg.len(),
            variation,
        })
    }
}

/// Names as people and phones give them; some have what URLs and forms must escape.
fn file_name(index: usize) -> String {
    match index % 10 {
        2 | 7 => format!("作业 {index}.jpg"),
        4 => format!("海报+50% & {index}.jpg"),
        _ => format!("IMG_{index:06}.jpg"),
    }
}

/// Rewrites one line, for people only.
fn show_progress(made: usize, count: usize) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let end = if made == count { "\n" } else { "" };
        // A closed terminal is no reason to stop.
        drop(write!(terminal, "\r{made} of {count} photos{end}"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use imagejob_vision::{Caps, decode, quality};
    use serde_json::Value;

    use super::*;

    /// The photographs of the demo.
    fn photographs() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/photos")
    }

    fn args(to: &Path, count: u32, seed: u64) -> PhotosArgs {
        let size = Some(Pixels { width: 320, height: 240 });
        PhotosArgs { from: photographs(), to: to.to_owned(), count, seed, size, megapixels: None }
    }

    fn files(folder: &Path) -> BTreeSet<(String, Vec<u8>)> {
        let read = |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
        fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect()
    }

    #[test]
    fn a_seed_makes_the_same_photos_however_many() {
        let folder = tempfile::tempdir().unwrap();
        let made = |name: &str, count, seed| {
            let to = folder.path().join(name);
            run(&args(&to, count, seed)).unwrap();
            files(&to)
        };
        let (few, many, other) = (made("few", 4, 1), made("many", 9, 1), made("other", 4, 2));
        let photos = |files: &BTreeSet<(String, Vec<u8>)>| -> BTreeSet<_> {
            files.iter().filter(|(name, _)| name != TRUTH).cloned().collect()
        };
        assert_eq!(photos(&few).len(), 4);
        assert!(photos(&few).is_subset(&photos(&many)));
        assert!(photos(&few).is_disjoint(&photos(&other)));
    }

    #[test]
    fn what_is_clear_is_judged_so_by_the_quality_step() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("photos");
        run(&PhotosArgs { size: Some(Pixels { width: 640, height: 480 }), ..args(&to, 44, 5) }).unwrap();
        let mut seen = BTreeSet::new();
        for line in fs::read_to_string(to.join(TRUTH)).unwrap().lines() {
            let truth: Value = serde_json::from_str(line).unwrap();
            let bytes = fs::read(to.join(truth["file"].as_str().unwrap())).unwrap();
            assert_eq!(truth["bytes"], bytes.len());
            let photo = decode::luma(&bytes, &Caps::default(), quality::WORKING_SIDE).unwrap();
            assert_eq!((truth["width"].clone(), truth["height"].clone()), (640.into(), 480.into()));
            let Some(expected) = truth["expected"].as_str() else { continue };
            let quality = quality::assess(&photo, &quality::Thresholds::default());
            assert_eq!(quality.verdict(), expected, "{quality:?} of {line}");
            seen.insert(expected.to_owned());
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["Blurred", "Dark", "Good", "Overexposed"]);
    }

    #[test]
    fn photos_of_another_run_are_not_mixed_in() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("old.jpg"), "").unwrap();
        let error = run(&args(folder.path(), 1, 1)).unwrap_err().to_string();
        assert!(error.ends_with("is not empty; give a new folder, or empty it"), "{error}");
    }

    #[test]
    fn a_source_that_is_no_jpeg_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("note.jpg"), "hello").unwrap();
        let args = PhotosArgs { from: folder.path().to_owned(), ..args(&folder.path().join("to"), 1, 1) };
        let error = run(&args).unwrap_err().to_string();
        assert!(error.starts_with("cannot read") && error.ends_with("note.jpg as JPEG"), "{error}");
    }
}
