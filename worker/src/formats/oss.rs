//! Alibaba Cloud OSS events, in the form in which Function Compute's OSS trigger hands them on.
//! Source: the Function Compute guide, "Trigger event format". Keys are taken as they are.

use serde_json::Value;

use super::events::Family;
use super::{Parsed, unrecognised};
use crate::outcome::Failure;

const OSS: Family = Family { name: "OSS", version: "1.", admitted: |name| WHOLE.contains(&name), key: str::to_owned };

/// Events that leave a whole object behind. The other creations are steps towards one (the parts of a
/// multipart upload, appended pieces) and would each be taken for a photo.
const WHOLE: [&str; 4] = [
    "ObjectCreated:PutObject",
    "ObjectCreated:PostObject",
    "ObjectCreated:CopyObject",
    "ObjectCreated:CompleteMultipartUpload",
];

pub(super) fn parse(value: &Value) -> Result<Parsed, Failure> {
    OSS.parse(value.get("events").ok_or_else(|| unrecognised("an OSS event has \"events\""))?)
}
