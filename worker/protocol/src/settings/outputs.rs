//! Pictures that a worker writes.

use serde::{Deserialize, Serialize};

/// Where a picture is written, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Output {
    /// `oss://bucket/key`, the key with `{variables}`.
    pub place: String,
    /// Format; none = the photo's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<PictureFormat>,
    /// 1 (small) to 100 (faithful), of lossy formats.
    pub quality: u8,
}

/// Format of a picture that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PictureFormat {
    /// What is transparent becomes white.
    Jpeg,
    /// Without loss.
    Png,
    /// Lossy.
    WebP,
}

/// A picture's largest size, pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bounds {
    /// Of its width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_width: Option<u32>,
    /// Of its height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_height: Option<u32>,
}

/// How a photo of other proportions fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fit {
    /// All of it is kept.
    Contain,
    /// It is cut around its centre to the proportions of the bounds.
    Cover,
}

/// A smaller picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resize {
    /// Where it is written.
    pub output: Output,
    /// Its largest size; it is never larger than the photo.
    pub bounds: Bounds,
    /// Whether it is cut.
    pub fit: Fit,
}

/// A picture with a mark on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Watermark {
    /// Where it is written.
    pub output: Output,
    /// Its largest size; it is never larger than the photo.
    pub bounds: Bounds,
    /// What stands on it.
    pub mark: Mark,
    /// Where it stands.
    pub position: Position,
    /// Of a text: height of its characters, percent of the picture's shorter side. Of an image: its width, percent of
    /// the picture's.
    pub size_percent: u32,
    /// Room to the edges, percent of the picture's shorter side.
    pub margin_percent: u32,
    /// 100 hides what is below.
    pub opacity_percent: u32,
}

/// What stands on a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Mark {
    /// A line with `{variables}`.
    Text(String),
    /// `oss://bucket/key` with `{variables}`.
    Image(String),
}

/// Where a mark stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Position {
    TopLeft,
    Top,
    TopRight,
    Left,
    Center,
    Right,
    BottomLeft,
    Bottom,
    BottomRight,
}
