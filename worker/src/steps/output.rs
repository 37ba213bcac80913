//! What steps that write a picture have in common: its place, its bytes and its entry in the result.

use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{self, PictureFormat};
use imagejob_vision::picture::{EncodeError, Encoding, Picture, Size, encode};
use imagejob_vision::{Caps, Format, Header, decode};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{Found, Item};
use crate::decode::refused;
use crate::outcome::Failure;
use crate::outputs::Outputs;

/// Where a step's pictures go, and as what.
pub(super) struct Output {
    /// `oss` or `s3`, as the job writes it.
    scheme: String,
    bucket: String,
    /// With `{variables}`.
    key: String,
    format: Option<Format>,
    quality: u8,
    outputs: Arc<Outputs>,
}

/// A picture as a file.
pub(super) struct Made {
    bytes: Bytes,
    size: Size,
    format: Format,
    sha256: String,
}

impl Output {
    /// # Errors
    /// A place that is none; the operator lets none pass.
    pub(super) fn new(settings: &settings::Output, outputs: &Arc<Outputs>) -> anyhow::Result<Self> {
        let place = &settings.place;
        let parts = place.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('/')?)));
        let (scheme, (bucket, key)) = parts.with_context(|| format!("{place:?} is no place like oss://bucket/key"))?;
        let format = settings.format.map(|format| match format {
            PictureFormat::Jpeg => Format::Jpeg,
            PictureFormat::Png => Format::Png,
            PictureFormat::WebP => Format::WebP,
        });
        Ok(Self {
            scheme: scheme.to_owned(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            format,
            quality: settings.quality,
            outputs: Arc::clone(outputs),
        })
    }

    /// Where the picture of a photo goes. The same photo and message always give the same place.
    ///
    /// # Errors
    /// `VariableMissing`, `OutputLoop`, `PathEscapesStore`, `KeyInvalid`.
    pub(super) fn place(&self, item: &Item) -> Result<Object, Failure> {
        let place = Object::new(self.bucket.clone(), item.variables.expand(&self.key)?);
        let photo = &item.object;
        if photo.bucket == self.bucket && (photo.key == place.key || is_made_by(&self.key, &photo.key)) {
            let message = format!(
                "{} has the name of an output of this step ({}): what is written would be looked at again, and again; \
                 write to a bucket or folder that no message names",
                photo.path(),
                self.key
            );
            return Err(Failure::new(FailureReason::OutputLoop, message));
        }
        self.outputs.admit(&place)?;
        Ok(place)
    }

    /// Tells a picture's format, and how much it may lose, from its photo's header.
    pub(super) fn encoding(&self) -> impl FnOnce(&Header) -> Encoding + Send + 'static {
        let (format, quality) = (self.format, self.quality);
        move |photo| Encoding { format: format.unwrap_or(photo.format), quality }
    }

    /// Writes a picture; its entry is `{output, bucket, key, width, height, format, bytes, sha256, etag}`.
    pub(super) async fn write(&self, place: &Object, made: Made) -> Result<Found, Failure> {
        let written = self.outputs.take(place, &made.bytes, content_type(made.format)).await?;
        let mut entry = Map::from_iter(
            [
                ("output", Value::from(format!("{}://{}", self.scheme, place.path()))),
                ("bucket", place.bucket.as_str().into()),
                ("key", place.key.as_str().into()),
                ("width", made.size.width.into()),
                ("height", made.size.height.into()),
                ("format", made.format.as_str().into()),
                ("bytes", made.bytes.len().into()),
                ("sha256", made.sha256.into()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        entry.extend(written.etag.map(|etag| ("etag".to_owned(), etag.into())));
        Ok(Found { entry, usable: true })
    }
}

/// Decodes a photo in the size that `size` makes of its own, changes it and encodes it. Takes tens of milliseconds.
///
/// # Errors
/// Those of decoding, and `TooManyPixels` for what the format cannot hold.
pub(super) fn make(
    photo: &[u8],
    size: impl FnOnce(Size) -> Size,
    change: impl FnOnce(Picture) -> Picture,
    encoding: impl FnOnce(&Header) -> Encoding,
) -> Result<Made, Failure> {
    let (header, picture) = decode::picture(photo, &Caps::default(), size).map_err(|error| refused(&error))?;
    let picture = change(picture);
    let (size, encoding) = (picture.size(), encoding(&header));
    let bytes = encode(picture, encoding).map_err(|error| {
        let reason = match error {
            EncodeError::TooWide { .. } => FailureReason::TooManyPixels,
            EncodeError::Failed { .. } => FailureReason::StepPanicked,
        };
        Failure::new(reason, error.to_string())
    })?;
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Made { bytes: bytes.into(), size, format: encoding.format, sha256 })
}

const fn content_type(format: Format) -> &'static str {
    match format {
        Format::Jpeg => "image/jpeg",
        Format::Png => "image/png",
        Format::WebP => "image/webp",
    }
}

/// Whether a pattern could have made this name: its text between the variables is there, in order, with something
/// for each variable. Of a pattern without any text, nobody can tell.
fn is_made_by(pattern: &str, key: &str) -> bool {
    let mut texts = pattern.split('{').enumerate().map(|(i, part)| match (i, part.split_once('}')) {
        (0, _) | (_, None) => part,
        (_, Some((_, text))) => text,
    });
    let first = texts.next().unwrap_or_default();
    let Some(mut rest) = key.strip_prefix(first) else { return false };
    let mut has_text = !first.is_empty();
    let mut texts = texts.peekable();
    while let Some(text) = texts.next() {
        has_text |= !text.is_empty();
        // A variable has a character at least.
        let Some(one) = rest.chars().next().map(char::len_utf8) else { return false };
        let found = if texts.peek().is_some() {
            rest[one..].find(text).map(|at| one + at)
        } else {
            rest.len().checked_sub(text.len()).filter(|&at| at >= one && rest.ends_with(text))
        };
        let Some(at) = found else { return false };
        rest = &rest[at + text.len()..];
    }
    has_text && rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_pattern_makes_are_known() {
        for (pattern, key, made) in [
            ("small/{key}", "small/a.jpg", true),
            ("small/{key}", "small/small/a.jpg", true),
            ("small/{key}", "a.jpg", false),
            ("small/{key}", "small/", false),
            ("{name}-small.jpg", "a-small.jpg", true),
            ("{name}-small.jpg", "a.jpg", false),
            ("{name}-small.jpg", "-small.jpg", false),
            ("{city}/{name}.webp", "北京/a.webp", true),
            ("{city}/{name}.webp", "a.webp", false),
            ("{city}/small/{name}.jpg", "x/small/y/small/z.jpg", true),
            ("{name}{ext}", "anything", false),
            ("{key}", "anything", false),
            ("latest.jpg", "latest.jpg", true),
            ("latest.jpg", "latest.jpg2", false),
            ("{name}.jpg", "a.png", false),
            ("{name", "a", false),
        ] {
            assert_eq!(is_made_by(pattern, key), made, "{pattern} {key}");
        }
    }
}
