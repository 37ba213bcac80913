//! A model and what it is given.

use super::super::problem::Problems;
use super::super::variables;
use crate::job::ImageJobSpec;
use crate::step::{self, ChannelOrder, ModelFit, ModelRuntime, TensorLayout};

/// What does the photo show, by a model of the user's?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classify {
    /// `oss://bucket/key`, or `file:///path` in the worker's pod.
    pub model: String,
    /// Of its bytes, 64 hexadecimal digits.
    pub sha256: String,
    /// What the model's numbers stand for.
    pub labels: Vec<String>,
    /// What the model is given.
    pub input: ModelInput,
    /// What runs the model.
    pub runtime: ModelRuntime,
    /// Labels in a result.
    pub top: u32,
    /// Share of the likeliest label below which the verdict is `Unsure`.
    pub min_percent: u32,
}

/// What a model is given for a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelInput {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Order of the numbers.
    pub layout: TensorLayout,
    /// Order of the colours.
    pub channels: ChannelOrder,
    /// How a photo of another shape is brought to this size.
    pub fit: ModelFit,
    /// Of red, green, blue, in thousandths of white.
    pub mean_per_mille: [u32; 3],
    /// Likewise; none is 0.
    pub deviation_per_mille: [u32; 3],
    /// What the result is multiplied by.
    pub scale: u32,
}

pub(super) fn classify(
    path: &str,
    spec: &step::Classify,
    job: &ImageJobSpec,
    problems: &mut Problems,
) -> Option<Classify> {
    model(&format!("{path}.model"), &spec.model, job, problems);
    if spec.sha256.len() != 64 || !spec.sha256.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        let sentence = format!("{:?} is no SHA-256; write the 64 digits 0-9 a-f that sha256sum prints", spec.sha256);
        problems.add(&format!("{path}.sha256"), sentence);
    }
    if !(1..=10_000).contains(&spec.labels.len()) {
        problems.add(&format!("{path}.labels"), format!("{} labels are not 1 to 10000", spec.labels.len()));
    }
    for (i, label) in spec.labels.iter().enumerate().filter(|(_, label)| !(1..=200).contains(&label.chars().count())) {
        problems.add(&format!("{path}.labels[{i}]"), format!("{label:?} does not have 1 to 200 characters"));
    }
    problems.in_range(&format!("{path}.input.width"), spec.input.width, 1..=2_048);
    problems.in_range(&format!("{path}.input.height"), spec.input.height, 1..=2_048);
    problems.in_range(&format!("{path}.input.scale"), spec.input.scale, 1..=255);
    problems.in_range(&format!("{path}.top"), spec.top, 1..=100);
    problems.in_range(&format!("{path}.minPercent"), spec.min_percent, 0..=100);
    let mean = colours(&format!("{path}.input.meanPerMille"), &spec.input.mean_per_mille, 0, problems);
    let deviation = colours(&format!("{path}.input.deviationPerMille"), &spec.input.deviation_per_mille, 1, problems);
    Some(Classify {
        model: spec.model.clone(),
        sha256: spec.sha256.clone(),
        labels: spec.labels.clone(),
        input: ModelInput {
            width: spec.input.width,
            height: spec.input.height,
            layout: spec.input.layout,
            channels: spec.input.channels,
            fit: spec.input.fit,
            mean_per_mille: mean?,
            deviation_per_mille: deviation?,
            scale: spec.input.scale,
        },
        runtime: spec.runtime,
        top: spec.top,
        min_percent: spec.min_percent,
    })
}

fn model(path: &str, uri: &str, job: &ImageJobSpec, problems: &mut Problems) {
    const LIKE: &str = "oss://models/kind.onnx or file:///models/kind.onnx";
    let file = uri.strip_prefix("file://");
    if uri.contains(['{', '}']) {
        problems.add(path, format!("{uri:?} has braces; one model looks at all photos"));
    } else if file.is_none() {
        variables::place(path, uri, LIKE, job, problems);
    } else if !file.is_some_and(|file| file.len() > 1 && file.starts_with('/')) {
        problems.add(path, format!("{uri:?} is not an absolute path; write it like {LIKE}"));
    }
}

/// One number for each of red, green and blue.
fn colours(path: &str, numbers: &[u32], least: u32, problems: &mut Problems) -> Option<[u32; 3]> {
    for (i, &number) in numbers.iter().enumerate() {
        problems.in_range(&format!("{path}[{i}]"), number, least..=1_000);
    }
    let three = numbers.try_into().ok();
    if three.is_none() {
        problems.add(path, format!("{} numbers are not 3; write one for each of red, green and blue", numbers.len()));
    }
    three
}
