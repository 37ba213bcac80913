//! How often recognition is right, on images whose truth is known, and how long it takes. Prints its seed;
//! the same seed gives the same images.
//!
//! `cargo bench -p imagejob-vision --bench accuracy -- [--seed N] [--posters N] [--pages N] [--art FOLDER]`
//!
//! Thresholds in the code were set with other seeds and with the six photographs of `demo/photos` that are
//! not named in [`HELD_OUT`].
#![allow(clippy::unwrap_used)]

mod figures;
mod pages;
mod posters;

use std::path::{Path, PathBuf};

use imagejob_truth::Picture;

/// Photographs that nothing was tuned with.
const HELD_OUT: [&str; 5] = ["coffee", "flower", "grass", "gravel", "photographer"];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1));
    let number = |name: &str, default: u64| value(name).map_or(default, |text| text.parse().unwrap());
    let seed = number("--seed", 7);
    let art = match value("--art") {
        Some(folder) => photographs(Path::new(folder), |_| true),
        None => photographs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/photos"), |name| {
            HELD_OUT.contains(&name)
        }),
    };
    println!("seed {seed}, {} photographs as art", art.len());
    posters::run(seed, number("--posters", 50), &art);
    pages::run(seed, number("--pages", 100), &art);
}

fn photographs(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<Picture> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        path.extension().is_some_and(|e| e == "jpg") && path.file_stem().and_then(|s| s.to_str()).is_some_and(&wanted)
    });
    paths.sort();
    paths.iter().map(|path| Picture::of_jpeg(&std::fs::read(path).unwrap())).collect()
}

/// Milliseconds that this thread has had of a core: other load on the machine is not the recogniser's doing.
fn millis_on_core() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6
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
