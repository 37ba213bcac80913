//! What it costs to read, decode and classify a photo of 12 megapixels: `imagejob try` with the model of the worker's
//! tests, beside Python with OpenCV and ONNX Runtime on the same photos and the same model, in turns.

mod python;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use imagejob_e2e::programs::{cpu_seconds, peak_mib, program};
use imagejob_e2e::table::Table;
use imagejob_e2e::wait::{self, percentile};
use serde_json::Value;

const PHOTOS: usize = 12;
/// Each photo is looked at this often by one process.
const ROUNDS: usize = 10;
/// Processes of each kind, in turns, so that what else the machine does meets both.
const TURNS: usize = 5;
const STARTS: usize = 20;
const SHA256: &str = "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c";

pub(crate) fn measure(table: &mut Table) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let photos = photos(folder.path())?;
    let ours = Candidate { program: program("imagejob")?, args: vec!["try".to_owned(), job(folder.path())?] };
    let python = python::candidate(&model()?)?;

    let one = &photos[PHOTOS / 2..=PHOTOS / 2];
    let first = |candidate: &Candidate| {
        let runs = (0..STARTS).map(|_| candidate.run(one)).collect::<anyhow::Result<Vec<_>>>();
        runs.map(|runs| sorted(runs.iter().map(|run| run.first)))
    };
    let starts = first(&ours)?;
    let figure = format!("p50 {:.1}  max {:.1} ms", milliseconds(&starts, 50), milliseconds(&starts, 100));
    table.row(format!("try, classify 12 MP: exec -> first result, {STARTS} starts"), figure, "p50 <= 60 ms");
    if let Some(python) = &python {
        table.ratio(format!("Python {:.0} ms", milliseconds(&first(python)?, 50)));
    }

    let many: Vec<PathBuf> = photos.iter().cycle().take(ROUNDS * PHOTOS).cloned().collect();
    let mut runs: [Vec<Run>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        for (candidate, runs) in [Some(&ours), python.as_ref()].into_iter().zip(&mut runs) {
            if let Some(candidate) = candidate {
                runs.push(candidate.run(&many)?);
            }
        }
    }
    let [ours, theirs] = &runs;
    let peak = |runs: &[Run]| runs.iter().map(|run| run.peak_mib).fold(0.0, f64::max);
    table.row(format!("try, {} photos: peak memory", many.len()), format!("{:.1} MiB", peak(ours)), "<= 70 MiB");
    if !theirs.is_empty() {
        table.ratio(format!("Python {:.1} MiB", peak(theirs)));
    }
    let bare = bare_decode(&photos)?;
    let cpu = |runs: &[Run]| median(runs.iter().map(|run| run.cpu));
    let figure = format!("{:.2} ms", cpu(ours) * 1e3);
    table.row("try: processor time a photo", figure, "");
    table.ratio(format!("{:.2} x decode alone, to RGB at 1/8", cpu(ours) / bare));
    if theirs.is_empty() {
        return Ok(());
    }
    // Each turn compares what ran one after the other.
    let turns = ours.iter().zip(theirs);
    let times = |of: fn(&Run) -> f64| median(turns.clone().map(|(ours, theirs)| of(theirs) / of(ours)));
    let figure = format!("{:.2} x Python's", times(|run| run.cpu));
    table.row("photos a second of processor time", figure, ">= 1");
    table.ratio(format!("by the clock {:.2} x, both one thread", times(|run| run.wall)));
    let (ours, theirs) = (&ours[0].shares, &theirs[0].shares);
    let apart = ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs());
    let figure = format!("{:.3} apart at most", apart.fold(0.0, f64::max));
    table.row("shares of the two, each with its own scaling", figure, "");
    Ok(())
}

/// A program that prints a line for each photo that it is called with.
struct Candidate {
    program: PathBuf,
    args: Vec<String>,
}

/// What one process did.
struct Run {
    /// From exec to the first line.
    first: Duration,
    peak_mib: f64,
    /// Seconds of processor time for each photo after the first.
    cpu: f64,
    /// Seconds of the clock, likewise.
    wall: f64,
    /// Of the first label, for each photo.
    shares: Vec<f64>,
}

impl Candidate {
    fn run(&self, photos: &[PathBuf]) -> anyhow::Result<Run> {
        let start = wait::now();
        let mut command = Command::new(&self.program);
        let mut child = command.args(&self.args).args(photos).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().context("standard output is piped")?);
        let (mut first, mut peak, mut cpu, mut shares) = (Duration::ZERO, 0.0_f64, 0.0, Vec::new());
        for line in output.lines() {
            if shares.is_empty() {
                (first, cpu) = (start.elapsed(), cpu_seconds(child.id())?);
            }
            // After the last line the process may be gone, and its memory with it.
            peak = peak_mib(child.id()).unwrap_or_default().max(peak);
            let found: Value = serde_json::from_str(&line?)?;
            let labels = found["steps"]["direction"]["labels"].as_array().context("a photo has labels")?;
            let upright = labels.iter().find(|entry| entry["label"] == "upright");
            shares.push(upright.and_then(|entry| entry["score"].as_f64()).context("each label has a share")?);
        }
        // A process that ended keeps its times until somebody waits for it.
        let rest = (photos.len() - 1).max(1) as f64;
        let (cpu, wall) = (cpu_seconds(child.id())? - cpu, start.elapsed().saturating_sub(first));
        ensure!(child.wait()?.success() && shares.len() == photos.len(), "{} failed", self.program.display());
        Ok(Run { first, peak_mib: peak, cpu: cpu / rest, wall: wall.as_secs_f64() / rest, shares })
    }
}

/// Photos of 4,000 x 3,000 pixels, made of the demo's, by their length in bytes, which is what decoding takes.
fn photos(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let to = folder.join("photos");
    let mut generate = Command::new(program("imagejob")?);
    generate.args(["generate", "photos", "--megapixels", "12", "--count", &PHOTOS.to_string(), "--from"]);
    generate.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/photos")).arg("--to").arg(&to);
    ensure!(generate.stdout(Stdio::null()).stderr(Stdio::null()).status()?.success(), "no photos were generated");
    let files = std::fs::read_dir(to)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    let is_photo = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "jpg");
    let mut photos: Vec<_> = files.into_iter().filter(is_photo).collect();
    photos.sort_by_cached_key(|path| (std::fs::metadata(path).map_or(0, |data| data.len()), path.clone()));
    ensure!(photos.len() == PHOTOS, "{} photos were generated", photos.len());
    Ok(photos)
}

fn model() -> anyhow::Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worker/tests/models/text-direction.onnx");
    path.canonicalize().with_context(|| format!("{}", path.display()))
}

/// A job that asks the model and nothing else.
fn job(folder: &Path) -> anyhow::Result<String> {
    let path = folder.join("job.yaml");
    let text = format!(
        "apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {{name: direction}}
spec:
  source: {{kafka: {{bootstrapServers: 127.0.0.1:1, topics: [photos]}}}}
  storage: {{type: FileSystem, path: {folder}, buckets: [photos]}}
  steps:
  - name: direction
    classify:
      model: file://{model}
      sha256: {SHA256}
      labels: [upright, turned]
      input: {{width: 192, height: 48, channels: Bgr, meanPerMille: [500, 500, 500], deviationPerMille: [500, 500, 500]}}
  results: {{topic: results}}
",
        folder = folder.display(),
        model = model()?.display(),
    );
    std::fs::write(&path, text)?;
    Ok(path.display().to_string())
}

/// Processor seconds a photo to RGB at an eighth of its size, as both candidates decode it.
fn bare_decode(photos: &[PathBuf]) -> anyhow::Result<f64> {
    const EIGHTH: turbojpeg::ScalingFactor = turbojpeg::ScalingFactor::ONE_EIGHTH;
    let photos = photos.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
    let before = cpu_seconds(std::process::id())?;
    for photo in photos.iter().cycle().take(ROUNDS * photos.len()) {
        let mut decoder = turbojpeg::Decompressor::new()?;
        decoder.set_scaling_factor(EIGHTH)?;
        let header = decoder.read_header(photo)?;
        let [width, height] = [header.width, header.height].map(|side| EIGHTH.scale(side));
        let mut pixels = vec![0; 3 * width * height];
        let image = turbojpeg::Image {
            pixels: pixels.as_mut_slice(),
            width,
            pitch: 3 * width,
            height,
            format: turbojpeg::PixelFormat::RGB,
        };
        decoder.decompress(photo, image)?;
        std::hint::black_box(&pixels);
    }
    Ok((cpu_seconds(std::process::id())? - before) / (ROUNDS * photos.len()) as f64)
}

fn sorted(times: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times
}

fn milliseconds(sorted: &[Duration], percent: usize) -> f64 {
    percentile(sorted, percent).as_secs_f64() * 1e3
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
