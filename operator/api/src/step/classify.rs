//! The step `classify`: a model of the user's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel;

/// What does the photo show, by an ONNX model of your own? It has one input, of three colours, and its first output
/// gives one number for each label: shares of 1, or numbers of which a softmax is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Classify {
    /// The model: `oss://bucket/key` or `s3://bucket/key`, the bucket one of `storage.buckets`, or `file:///path`, a
    /// file of the worker's pod that `worker.template` mounts. Each worker reads it once, when it starts.
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::model()))]
    pub model: String,
    /// SHA-256 of the model's bytes, 64 digits 0-9 a-f, as `sha256sum` prints it. No other model is run.
    #[schemars(length(min = 64, max = 64), extend("x-kubernetes-validations" = cel::sha256()))]
    pub sha256: String,
    /// What the model's numbers stand for, in their order.
    #[schemars(length(min = 1, max = 10_000), inner(length(min = 1, max = 200)))]
    pub labels: Vec<String>,
    /// What the model is given.
    pub input: ModelInput,
    /// What runs the model.
    #[serde(default)]
    pub runtime: ModelRuntime,
    /// Labels in a result, the likeliest first.
    #[serde(default = "default_top")]
    #[schemars(range(min = 1, max = 100))]
    pub top: u32,
    /// The verdict is the likeliest label, or `Unsure` where that has a smaller share than this.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub min_percent: u32,
}

/// What a model is given for a photo: a number for each colour of each pixel, scale x (level - mean) / deviation,
/// where a level is 0 for none of the colour and 1 for all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelInput {
    /// Pixels.
    #[schemars(range(min = 1, max = 2_048))]
    pub width: u32,
    /// Pixels.
    #[schemars(range(min = 1, max = 2_048))]
    pub height: u32,
    /// Order of the numbers.
    #[serde(default)]
    pub layout: TensorLayout,
    /// Order of the colours.
    #[serde(default)]
    pub channels: ChannelOrder,
    /// How a photo of another shape is brought to this size.
    #[serde(default)]
    pub fit: ModelFit,
    /// Mean of red, green, blue (in this order, whatever `channels` says), in thousandths: `[485, 456, 406]` for what is usually written 0.485, 0.456, 0.406.
    #[serde(default = "default_mean")]
    #[schemars(length(min = 3, max = 3), inner(range(max = 1_000)))]
    pub mean_per_mille: Vec<u32>,
    /// Deviation of red, green, blue, in thousandths: `[229, 224, 225]` for 0.229, 0.224, 0.225.
    #[serde(default = "default_deviation")]
    #[schemars(length(min = 3, max = 3), inner(range(min = 1, max = 1_000)))]
    pub deviation_per_mille: Vec<u32>,
    /// 1, or 255 for a model that was trained on levels from 0 to 255.
    #[serde(default = "default_scale")]
    #[schemars(range(min = 1, max = 255))]
    pub scale: u32,
}

/// What runs a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum ModelRuntime {
    /// Pure Rust, in every worker.
    #[default]
    Rten,
    /// ONNX Runtime 1.17 or newer, two to four times as fast, where the worker's image has its library.
    OnnxRuntime,
}

/// Order of a photo's numbers, for a batch of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum TensorLayout {
    /// Colour by colour: 1 x 3 x height x width.
    #[default]
    Nchw,
    /// Pixel by pixel: 1 x height x width x 3.
    Nhwc,
}

/// Order of the colours of a pixel, or of the planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum ChannelOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// How a photo is brought into another shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum ModelFit {
    /// Whole, each axis scaled by itself.
    #[default]
    Stretch,
    /// The largest part of the wanted shape around the middle.
    Crop,
}

const fn default_top() -> u32 {
    3
}

fn default_mean() -> Vec<u32> {
    vec![0; 3]
}

fn default_deviation() -> Vec<u32> {
    vec![1_000; 3]
}

const fn default_scale() -> u32 {
    1
}
