//! Results of another job: what they are about is looked at again, by other steps on other machines. What a
//! job gave up is no photo.

use imagejob_protocol::events::{EXPIRED, FAILED, Object, SUCCEEDED};
use serde::Deserialize as _;
use serde_json::Value;

use super::{Parsed, unrecognised};
use crate::outcome::Failure;

/// Whether an event of this type is one of ours.
pub(super) fn is_ours(kind: &str) -> bool {
    [SUCCEEDED, FAILED, EXPIRED].contains(&kind)
}

/// The object of a result; `variables` and `results.copy` point into the result.
pub(super) fn parse(kind: &str, body: Value) -> Result<Parsed, Failure> {
    if kind != SUCCEEDED {
        return Ok(Parsed::skipped(kind));
    }
    let object = body.get("object").map(Object::deserialize).and_then(Result::ok);
    let object = object.ok_or_else(|| unrecognised("the result has no \"object\" with \"bucket\" and \"key\""))?;
    Ok(Parsed::one(object, body))
}
