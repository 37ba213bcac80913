//! Settings of the step `classify`.

use serde::{Deserialize, Serialize};

/// What does the photo show, by a model of the user's?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Classify {
    /// ONNX graph, `oss://bucket/key` or `file:///path`; read when a worker starts.
    pub model: String,
    /// Of its bytes, 64 hexadecimal digits; others are not run.
    pub sha256: String,
    /// What the model's numbers stand for, in their order.
    pub labels: Vec<String>,
    /// What the model is given.
    pub input: ModelInput,
    /// What runs the model.
    pub runtime: ModelRuntime,
    /// Labels in a result, the likeliest first.
    pub top: u32,
    /// The verdict is `Unsure` where the likeliest label has less.
    pub min_percent: u32,
}

/// What a model is given for a photo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
    /// Taken from each level, in thousandths of white: red, green, blue.
    pub mean_per_mille: [u32; 3],
    /// What the rest is divided by, likewise; none is 0.
    pub deviation_per_mille: [u32; 3],
    /// What the result is multiplied by.
    pub scale: u32,
}

/// What runs a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelRuntime {
    /// Part of each worker.
    Rten,
    /// A library that the worker's image may have.
    OnnxRuntime,
}

/// Order of a photo's numbers, for a batch of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TensorLayout {
    /// Colour by colour.
    Nchw,
    /// Pixel by pixel.
    Nhwc,
}

/// Order of the colours of a pixel, or of the planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// How a photo is brought into another shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelFit {
    /// Whole, each axis scaled by itself.
    Stretch,
    /// The largest part of the wanted shape around the middle.
    Crop,
}
