//! How often recognition is right, on images whose truth is known, and how long it takes, held against gates: fails
//! if one is missed. Prints its seed; the same seed gives the same images.
//!
//! `cargo bench -p imagejob-vision --bench accuracy -- --help` tells its options.
//!
//! Thresholds in the code were set with other seeds and with the six photographs of `demo/photos` that are
//! not named in [`HELD_OUT`].
#![allow(clippy::unwrap_used)]

#[path = "../../tests/darkroom/mod.rs"]
mod darkroom;
mod decoding;
mod figures;
mod gates;
mod pages;
mod posters;
mod quality;
mod search;
mod speed;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagejob_truth::Picture;
use imagejob_vision::{Caps, decode};

const HELP: &str = "\
How often recognition is right, on images that are drawn, and how long it takes. Each figure is printed
beside its gate; ends with 1 if one is missed.

cargo bench -p imagejob-vision --bench accuracy -- [OPTIONS]

  --seed N      draws other posters, pages and photographs [default: 7]
  --posters N   posters, each with 13 photographs, compared with all others [default: 50]
  --set N       posters of the larger set that photographs are looked for in [default: 500]
  --pages N     pages of homework, each with 10 photographs [default: 100]
  --art FOLDER  photographs on and around posters, JPEG [default: the five of demo/photos that nothing was tuned with]
  --help        this text";

/// Photographs that nothing was tuned with.
const HELD_OUT: [&str; 5] = ["coffee", "flower", "grass", "gravel", "photographer"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| matches!(argument.as_str(), "--help" | "-h")) {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let value = |name: &str| arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1));
    let number = |name: &str, default: u64| value(name).map_or(default, |text| text.parse().unwrap());
    let seed = number("--seed", 7);
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/photos");
    let files = match value("--art") {
        Some(folder) => photographs(Path::new(folder), |_| true),
        None => photographs(&shipped, |name| HELD_OUT.contains(&name)),
    };
    let art: Vec<Picture> = files.iter().map(|jpeg| Picture::of_jpeg(jpeg)).collect();
    println!("seed {seed}, {} photographs as art", art.len());
    let gates = &mut gates::Gates::default();
    decoding::run(gates, seed, &files);
    quality::run(gates, seed, &files.iter().map(|jpeg| grey(jpeg)).collect::<Vec<_>>());
    posters::run(gates, seed, number("--posters", 50).max(2), number("--set", 500), &art);
    pages::run(gates, seed, number("--pages", 100).max(1), &art);
    println!("\n{} gates missed", gates.missed());
    if gates.missed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn grey(jpeg: &[u8]) -> darkroom::Picture {
    let photo = decode::luma(jpeg, &Caps::default(), u32::MAX).unwrap();
    darkroom::Picture::of(&photo.luma.shrunk_to(640))
}

fn photographs(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        path.extension().is_some_and(|e| e == "jpg") && path.file_stem().and_then(|s| s.to_str()).is_some_and(&wanted)
    });
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Runs `work` on each item, on all cores.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let each = items.len().div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        let running: Vec<_> =
            items.chunks(each).map(|chunk| scope.spawn(|| chunk.iter().map(&work).collect::<Vec<_>>())).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}
