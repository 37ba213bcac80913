//! What it costs to read, decode and classify a photo of 12 megapixels: `imagejob try` with the model of the worker's
//! tests, run by each of its runtimes, beside Python with OpenCV and ONNX Runtime on the same photos and the same model,
//! in turns.

mod candidate;
mod python;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use imagejob_e2e::programs::program;
use imagejob_e2e::table::Table;
use imagejob_e2e::wait::percentile;

use candidate::{Candidate, Run, bare_decode};

const PHOTOS: usize = 12;
/// Each photo is looked at this often by one process.
const ROUNDS: usize = 10;
/// Processes of each kind, in turns, so that what else the machine does meets all.
const TURNS: usize = 5;
const STARTS: usize = 20;
const SHA256: &str = "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c";

pub(crate) fn measure(table: &mut Table) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let photos = photos(folder.path())?;
    let python = python::environment()?;
    let mut candidates = vec![("rten", ours(folder.path(), "Rten", None)?)];
    if let Some(python) = &python {
        candidates.push(("ONNX Runtime", ours(folder.path(), "OnnxRuntime", Some(python.onnx_runtime()?))?));
        candidates.push(("Python", python.candidate(&model()?)));
    }
    starts(table, &candidates, &photos[PHOTOS / 2..=PHOTOS / 2])?;

    let many: Vec<PathBuf> = photos.iter().cycle().take(ROUNDS * PHOTOS).cloned().collect();
    let mut turns = Vec::new();
    for _ in 0..TURNS {
        let runs = candidates.iter().map(|(_, candidate)| candidate.run(&many)).collect::<anyhow::Result<Vec<_>>>()?;
        turns.push(Turn { runs, bare: bare_decode(&many)? });
    }
    memory(table, &candidates, &turns);
    times(table, &candidates, &turns);
    Ok(())
}

/// What ran one after the other.
struct Turn {
    /// One for each candidate.
    runs: Vec<Run>,
    /// Processor seconds a photo for decoding alone.
    bare: f64,
}

fn starts(table: &mut Table, candidates: &[(&str, Candidate)], photo: &[PathBuf]) -> anyhow::Result<()> {
    for (name, candidate) in candidates {
        let runs = (0..STARTS).map(|_| candidate.run(photo)).collect::<anyhow::Result<Vec<_>>>()?;
        let mut starts: Vec<_> = runs.iter().map(|run| run.first).collect();
        starts.sort_unstable();
        let figure = format!("p50 {:.1}  max {:.1} ms", milliseconds(&starts, 50), milliseconds(&starts, 100));
        let promise = if *name == "rten" { "p50 <= 60 ms" } else { "" };
        table.row(format!("{name}: classify 12 MP, exec -> first result"), figure, promise);
    }
    Ok(())
}

fn memory(table: &mut Table, candidates: &[(&str, Candidate)], turns: &[Turn]) {
    for (i, (name, _)) in candidates.iter().enumerate() {
        let peak = turns.iter().map(|turn| turn.runs[i].peak_mib).fold(0.0, f64::max);
        let promise = if *name == "Python" { "" } else { "<= 70 MiB" };
        table.row(format!("{name}: peak memory, {} photos", ROUNDS * PHOTOS), format!("{peak:.1} MiB"), promise);
    }
}

/// Each turn compares what ran one after the other.
fn times(table: &mut Table, candidates: &[(&str, Candidate)], turns: &[Turn]) {
    let bare = median(turns.iter().map(|turn| turn.bare * 1e3));
    table.row("decode alone, to RGB at 1/8, processor time", format!("{bare:.2} ms a photo"), "");
    for (i, (name, _)) in candidates.iter().enumerate() {
        let figure = median(turns.iter().map(|turn| turn.runs[i].cpu / turn.bare));
        let promise = if *name == "ONNX Runtime" { "<= 1.10 x" } else { "" };
        table.row(format!("{name}: processor time a photo"), format!("{figure:.2} x decode alone"), promise);
        table.ratio(format!("{:.2} ms", median(turns.iter().map(|turn| turn.runs[i].cpu * 1e3))));
    }
    let Some(python) = candidates.iter().position(|(name, _)| *name == "Python") else { return };
    for (i, (name, _)) in candidates.iter().enumerate().filter(|(i, _)| *i != python) {
        let ratio = |of: fn(&Run) -> f64| median(turns.iter().map(|turn| of(&turn.runs[python]) / of(&turn.runs[i])));
        let figure = format!("{:.2} x Python's", ratio(|run| run.cpu));
        table.row(format!("{name}: photos a second of processor time"), figure, ">= 1");
        let (ours, theirs) = (&turns[0].runs[i].shares, &turns[0].runs[python].shares);
        let apart = ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f64::max);
        let clock = ratio(|run| run.wall);
        table.ratio(format!("by the clock {clock:.2} x, each one thread; shares {apart:.3} apart at most"));
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

/// `imagejob try` with a job that asks the model and nothing else.
fn ours(folder: &Path, runtime: &str, library: Option<PathBuf>) -> anyhow::Result<Candidate> {
    let path = folder.join(format!("{runtime}.yaml"));
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
      runtime: {runtime}
      input: {{width: 192, height: 48, channels: Bgr, meanPerMille: [500, 500, 500], deviationPerMille: [500, 500, 500]}}
  results: {{topic: results}}
",
        folder = folder.display(),
        model = model()?.display(),
    );
    std::fs::write(&path, text)?;
    let args = vec!["try".to_owned(), path.display().to_string()];
    Ok(Candidate { program: program("imagejob")?, args, library })
}

fn milliseconds(sorted: &[Duration], percent: usize) -> f64 {
    percentile(sorted, percent).as_secs_f64() * 1e3
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
