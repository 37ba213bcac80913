//! Steps that write a picture to the store.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel;

/// A smaller picture, upright and without metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::resize()))]
pub struct Resize {
    /// Where it is written: `oss://bucket/key` or `s3://bucket/key`, the bucket one of `storage.buckets`, the key
    /// with variables in braces, `oss://checked/small/{name}.jpg`. What is there already is overwritten.
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::output()))]
    pub output: String,
    /// Pixels of its width at most; at least one of `maxWidth` and `maxHeight` is needed. A photo that is smaller
    /// is not enlarged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16_383))]
    pub max_width: Option<u32>,
    /// Pixels of its height at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16_383))]
    pub max_height: Option<u32>,
    /// `Contain` keeps all of the photo; `Cover` cuts it to the proportions of `maxWidth` and `maxHeight`, around its
    /// centre.
    #[serde(default)]
    pub fit: Fit,
    /// Format of the picture; the photo's own if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<PictureFormat>,
    /// 1 (small) to 100 (faithful), of `Jpeg` and `WebP`; 85 if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub quality: Option<u32>,
}

/// A picture with a text or another picture on it, upright and without metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::watermark()))]
pub struct Watermark {
    /// Where it is written, as in `resize.output`.
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::output()))]
    pub output: String,
    /// A line of at most 200 characters, with variables in braces, `{city} {posterId}`. Latin, Greek, Cyrillic and
    /// simplified Chinese (GB 2312). Exactly one of `text` and `image` is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub text: Option<String>,
    /// A picture, perhaps transparent in parts: `oss://bucket/key` or `s3://bucket/key` as in
    /// `posterMatch.reference`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::reference()))]
    pub image: Option<String>,
    /// Where it stands.
    #[serde(default)]
    pub position: Position,
    /// Of a text: height of its characters, percent of the photo's shorter side; 5 if omitted. Of an image: its width,
    /// percent of the photo's; 20 if omitted. Smaller where it would not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub size_percent: Option<u32>,
    /// Room between it and the edges, percent of the photo's shorter side.
    #[serde(default = "default_margin_percent")]
    #[schemars(range(max = 50))]
    pub margin_percent: u32,
    /// 100 hides what is below.
    #[serde(default = "default_opacity_percent")]
    #[schemars(range(min = 1, max = 100))]
    pub opacity_percent: u32,
    /// Pixels of the picture's width at most; as large as the photo if neither it nor `maxHeight` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16_383))]
    pub max_width: Option<u32>,
    /// Pixels of its height at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16_383))]
    pub max_height: Option<u32>,
    /// Format of the picture; the photo's own if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<PictureFormat>,
    /// 1 (small) to 100 (faithful), of `Jpeg` and `WebP`; 85 if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub quality: Option<u32>,
}

/// Where a mark stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Position {
    /// In the upper left corner.
    TopLeft,
    /// In the middle of the upper edge.
    Top,
    /// In the upper right corner.
    TopRight,
    /// In the middle of the left edge.
    Left,
    /// In the middle.
    Center,
    /// In the middle of the right edge.
    Right,
    /// In the lower left corner.
    BottomLeft,
    /// In the middle of the lower edge.
    Bottom,
    /// In the lower right corner.
    #[default]
    BottomRight,
}

const fn default_margin_percent() -> u32 {
    2
}

const fn default_opacity_percent() -> u32 {
    80
}

/// How a photo of other proportions fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Fit {
    /// All of it is kept.
    #[default]
    Contain,
    /// It is cut around its centre.
    Cover,
}

/// Format of a picture that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PictureFormat {
    /// What is transparent becomes white.
    Jpeg,
    /// Without loss.
    Png,
    /// Lossy.
    WebP,
}
