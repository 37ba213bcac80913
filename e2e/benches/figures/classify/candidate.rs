//! A program that prints a line for each photo that it is called with, and what one process of it did.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use imagejob_e2e::programs::{cpu_seconds, peak_mib};
use imagejob_e2e::wait;
use serde_json::Value;

pub(super) struct Candidate {
    pub(super) program: PathBuf,
    pub(super) args: Vec<String>,
    /// Where `imagejob` finds ONNX Runtime, if it is to look for it.
    pub(super) library: Option<PathBuf>,
}

/// What one process did.
pub(super) struct Run {
    /// From exec to the first line.
    pub(super) first: Duration,
    pub(super) peak_mib: f64,
    /// Seconds of processor time for each photo after the first.
    pub(super) cpu: f64,
    /// Seconds of the clock, likewise.
    pub(super) wall: f64,
    /// Of the first label, for each photo.
    pub(super) shares: Vec<f64>,
}

impl Candidate {
    pub(super) fn run(&self, photos: &[PathBuf]) -> anyhow::Result<Run> {
        let start = wait::now();
        let mut command = Command::new(&self.program);
        command.envs(self.library.iter().map(|library| ("ORT_DYLIB_PATH", library)));
        let mut child = command.args(&self.args).args(photos).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().context("standard output is piped")?);
        let (mut first, mut peak, mut cpu, mut shares) = (Duration::ZERO, 0.0_f64, 0.0, Vec::new());
        for line in output.lines() {
            if shares.is_empty() {
                (first, cpu) = (start.elapsed(), cpu_seconds(child.id())?);
            }
            // After the last line the process may be gone, and its memory with it.
            peak = peak_mib(child.id()).unwrap_or_default().max(peak);
            shares.push(upright(&line?)?);
        }
        // A process that ended keeps its times until somebody waits for it.
        let rest = (photos.len() - 1).max(1) as f64;
        let (cpu, wall) = (cpu_seconds(child.id())? - cpu, start.elapsed().saturating_sub(first));
        ensure!(child.wait()?.success() && shares.len() == photos.len(), "{} failed", self.program.display());
        Ok(Run { first, peak_mib: peak, cpu: cpu / rest, wall: wall.as_secs_f64() / rest, shares })
    }
}

fn upright(line: &str) -> anyhow::Result<f64> {
    let found: Value = serde_json::from_str(line)?;
    let labels = found["steps"]["direction"]["labels"].as_array().with_context(|| format!("no labels in {line}"))?;
    let upright = labels.iter().find(|entry| entry["label"] == "upright");
    upright.and_then(|entry| entry["score"].as_f64()).context("each label has a share")
}

/// Processor seconds a photo to RGB at an eighth of its size, as all candidates want it.
pub(super) fn bare_decode(photos: &[PathBuf]) -> anyhow::Result<f64> {
    const EIGHTH: turbojpeg::ScalingFactor = turbojpeg::ScalingFactor::ONE_EIGHTH;
    let bytes = |path: &Path| std::fs::read(path).with_context(|| format!("{}", path.display()));
    let photos = photos.iter().map(|path| bytes(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let before = cpu_seconds(std::process::id())?;
    for photo in &photos {
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
    Ok((cpu_seconds(std::process::id())? - before) / photos.len() as f64)
}
