//! Pictures that steps write to the store.

use super::problem::Problems;
use super::variables;
use crate::job::ImageJobSpec;
use crate::step::{self, Fit, PictureFormat, Position, Step};

/// What every format can hold: 14 bits a side in WebP.
const LONGEST_SIDE: u32 = 16_383;

/// Where a picture is written, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// `oss://bucket/key` with `{variables}`.
    pub place: String,
    /// Format; none = the photo's own.
    pub format: Option<PictureFormat>,
    /// 1 to 100; none = the default.
    pub quality: Option<u32>,
}

/// A picture's largest size, pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Of its width.
    pub max_width: Option<u32>,
    /// Of its height.
    pub max_height: Option<u32>,
}

/// A smaller picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resize {
    /// Where it is written.
    pub output: Output,
    /// Its largest size; one of the two is there.
    pub bounds: Bounds,
    /// Whether it is cut; needs both bounds.
    pub fit: Fit,
}

/// A picture with a mark on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// Where it is written.
    pub output: Output,
    /// Its largest size.
    pub bounds: Bounds,
    /// What stands on it.
    pub mark: Mark,
    /// Where it stands.
    pub position: Position,
    /// How large it is; none = the default of its kind.
    pub size_percent: Option<u32>,
    /// How far from the edges.
    pub margin_percent: u32,
    /// How much it hides.
    pub opacity_percent: u32,
}

/// What stands on a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// A line with `{variables}`.
    Text(String),
    /// `oss://bucket/key` with `{variables}`.
    Image(String),
}

pub(super) fn resize(path: &str, spec: &step::Resize, job: &ImageJobSpec, problems: &mut Problems) -> Resize {
    match (spec.max_width, spec.max_height) {
        (None, None) => {
            problems.add(&format!("{path}.maxWidth"), "is required without maxHeight; say how wide it may be");
        }
        (None, Some(_)) | (Some(_), None) if spec.fit == Fit::Cover => {
            problems.add(&format!("{path}.fit"), "Cover needs maxWidth and maxHeight; name both");
        }
        _ => {}
    }
    let output = Output { place: spec.output.clone(), format: spec.format, quality: spec.quality };
    let bounds = Bounds { max_width: spec.max_width, max_height: spec.max_height };
    check(path, &output, bounds, job, problems);
    Resize { output, bounds, fit: spec.fit }
}

pub(super) fn watermark(path: &str, spec: &step::Watermark, job: &ImageJobSpec, problems: &mut Problems) -> Watermark {
    let output = Output { place: spec.output.clone(), format: spec.format, quality: spec.quality };
    let bounds = Bounds { max_width: spec.max_width, max_height: spec.max_height };
    check(path, &output, bounds, job, problems);
    if let Some(size) = spec.size_percent {
        problems.in_range(&format!("{path}.sizePercent"), size, 1..=100);
    }
    problems.in_range(&format!("{path}.marginPercent"), spec.margin_percent, 0..=50);
    problems.in_range(&format!("{path}.opacityPercent"), spec.opacity_percent, 1..=100);
    Watermark {
        output,
        bounds,
        mark: mark(path, spec, job, problems),
        position: spec.position,
        size_percent: spec.size_percent,
        margin_percent: spec.margin_percent,
        opacity_percent: spec.opacity_percent,
    }
}

fn mark(path: &str, spec: &step::Watermark, job: &ImageJobSpec, problems: &mut Problems) -> Mark {
    let at = format!("{path}.text");
    if let Some(image) = &spec.image {
        variables::reference(&format!("{path}.image"), image, job, problems);
        if spec.text.is_some() {
            problems.add(&at, "is there beside image; omit one of them");
        }
        return Mark::Image(image.clone());
    }
    match &spec.text {
        None => problems.add(&at, "is required without image; say what is written on the picture"),
        Some(text) if text.trim().is_empty() => problems.add(&at, "has nothing to be seen; write something"),
        Some(text) => variables::text(&at, text, job, problems),
    }
    Mark::Text(spec.text.clone().unwrap_or_default())
}

fn check(path: &str, output: &Output, bounds: Bounds, job: &ImageJobSpec, problems: &mut Problems) {
    let Output { place, format, quality } = output;
    let at = format!("{path}.output");
    variables::reference(&at, place, job, problems);
    // In the only bucket, the photo's key is the photo.
    if job.storage.buckets.len() == 1 && place.splitn(4, '/').nth(3) == Some("{key}") {
        problems.add(&at, format!("{place:?} is the photo's own place; write to another bucket or folder"));
    }
    if let Some(quality) = *quality {
        let at = format!("{path}.quality");
        problems.in_range(&at, quality, 1..=100);
        if *format == Some(PictureFormat::Png) {
            problems.add(&at, "belongs to formats Jpeg and WebP; omit it");
        }
    }
    for (name, pixels) in [("maxWidth", bounds.max_width), ("maxHeight", bounds.max_height)] {
        if let Some(pixels) = pixels {
            problems.in_range(&format!("{path}.{name}"), pixels, 1..=LONGEST_SIDE);
        }
    }
}

/// Two steps that write to one place: the second would overwrite the first.
pub(super) fn apart(steps: &[Step], problems: &mut Problems) {
    let places: Vec<Option<(&str, &str)>> = steps.iter().map(place).collect();
    for (i, here) in places.iter().enumerate() {
        let Some((kind, place)) = here else { continue };
        if places[..i].iter().flatten().any(|(_, other)| other == place) {
            let path = format!("spec.steps[{i}].{kind}.output");
            problems.add(&path, format!("{place:?} is the output of another step; use another"));
        }
    }
}

fn place(step: &Step) -> Option<(&'static str, &str)> {
    let resize = step.resize.as_ref().map(|resize| ("resize", resize.output.as_str()));
    resize.or_else(|| step.watermark.as_ref().map(|watermark| ("watermark", watermark.output.as_str())))
}
