//! What posters and pages are photographed with, and where the photos go: the shell around `imagejob-truth`.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, ensure};
use imagejob_truth::Picture;
use imagejob_vision::geometry::Quad;
use rand::Rng as _;
use rand::rngs::StdRng;
use serde::Serialize;
use turbojpeg::PixelFormat;

use super::folder;

/// The file that says how each photo was made.
pub(super) const TRUTH: &str = "truth.jsonl";

/// Real photographs, and an empty folder.
pub(super) struct Scene {
    pub(super) art: Vec<Picture>,
    to: PathBuf,
}

impl Scene {
    /// # Errors
    /// No JPEG in `from`, one that cannot be read; something in `to` already.
    pub(super) fn of(from: &Path, to: &Path) -> anyhow::Result<Self> {
        let load = |photo: folder::Photo| {
            let path = from.join(&photo.key);
            let jpeg = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            turbojpeg::decompress(&jpeg, PixelFormat::RGB)
                .with_context(|| format!("cannot read {} as JPEG", path.display()))?;
            Ok(Picture::of_jpeg(&jpeg))
        };
        let art = folder::photos(from, folder::SOURCES)?.into_iter().map(load).collect::<anyhow::Result<_>>()?;
        prepare(to)?;
        Ok(Self { art, to: to.to_owned() })
    }

    /// One of the photographs.
    pub(super) fn any(&self, rng: &mut StdRng) -> &Picture {
        &self.art[rng.random_range(0..self.art.len())]
    }

    /// A file below the folder.
    pub(super) fn write(&self, name: &Path, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.to.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&self.to))?;
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The truth of all photos, one a line.
    pub(super) fn write_truth(&self, truths: &[impl Serialize]) -> anyhow::Result<()> {
        let lines: Result<Vec<String>, _> = truths.iter().map(serde_json::to_string).collect();
        self.write(Path::new(TRUTH), (lines?.join("\n") + "\n").as_bytes())
    }
}

/// What `make` makes of each number below `count`, on all cores; in order, whoever made it.
pub(super) fn in_parallel<T: Send>(
    count: u32,
    make: impl Fn(u32) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u32).min(count);
    let make = &make;
    // Each takes every so many-th: 0 2 4 and 1 3 5.
    let turns = |first: u32| (first..count).step_by(cores as usize).map(move |index| Ok((index, make(index)?)));
    thread::scope(|scope| {
        let makers: Vec<_> =
            (0..cores).map(|first| scope.spawn(move || turns(first).collect::<anyhow::Result<Vec<_>>>())).collect();
        let mut made = Vec::with_capacity(count as usize);
        for maker in makers {
            made.extend(maker.join().map_err(|_| anyhow::anyhow!("a thread that makes photos panicked"))??);
        }
        made.sort_by_key(|&(index, _)| index);
        Ok(made.into_iter().map(|(_, made)| made).collect())
    })
}

/// Photos of another run would be without truth.
pub(super) fn prepare(to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make the folder {}", to.display()))?;
    let empty = fs::read_dir(to)?.next().is_none();
    ensure!(empty, "--to {} is not empty; give a new folder, or empty it", to.display());
    Ok(())
}

/// To a tenth of a pixel.
pub(super) fn corners(quad: &Quad) -> [[f64; 2]; 4] {
    quad.map(|corner| [corner.x, corner.y].map(|pixels| (pixels * 10.0).round() / 10.0))
}
