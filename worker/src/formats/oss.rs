//! Alibaba Cloud OSS events: as Function Compute's OSS trigger hands them on (region, requester and the like
//! beside `oss`), as OSS itself notifies (the same inside `oss`), and single ones, as EventBridge sends them.
//! Sources: the Function Compute guide, "Trigger event format"; the OSS guide, "Event notifications"; the
//! EventBridge guide, "OSS events". Keys are taken as they are.

use serde_json::Value;

use super::Parsed;
use super::events::Family;
use crate::outcome::Failure;

const OSS: Family = Family { name: "OSS", version: "1.", admitted, key: str::to_owned };

/// Events that leave a whole object behind. The other creations are steps towards one (the parts of a
/// multipart upload, appended pieces) and would each be taken for a photo.
const WHOLE: [&str; 4] = [
    "ObjectCreated:PutObject",
    "ObjectCreated:PostObject",
    "ObjectCreated:CopyObject",
    "ObjectCreated:CompleteMultipartUpload",
];

pub(super) fn parse(value: Value) -> Result<Parsed, Failure> {
    OSS.all("events", value)
}

pub(super) fn one(value: Value) -> Result<Parsed, Failure> {
    OSS.one(value)
}

/// Whether an event of this name leaves a whole object behind.
pub(super) fn admitted(name: &str) -> bool {
    WHOLE.contains(&name.trim_start_matches("oss:"))
}
