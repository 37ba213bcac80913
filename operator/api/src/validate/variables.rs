//! Values from the message, and the patterns that name them.

use super::names;
use super::problem::Problems;
use crate::job::ImageJobSpec;

/// What the photo's place says, without being declared.
const BUILT_IN: [&str; 4] = ["bucket", "key", "name", "ext"];
/// When the record was sent; a job may declare a time of its own.
const TIME: &str = "time";

/// Names and pointers.
pub(super) fn variables(spec: &ImageJobSpec, problems: &mut Problems) {
    for (name, pointer) in &spec.variables {
        let path = format!("spec.variables.{name}");
        let is_word =
            name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_word {
            problems.add(&path, "is not the name of a variable; use a letter, then letters and digits");
        }
        if BUILT_IN.contains(&name.as_str()) {
            problems.add(&path, "is the photo's own; use a name other than bucket key name ext");
        }
        names::json_pointer(&path, pointer, problems);
    }
}

/// A reference in a bucket of the job, with variables that exist.
pub(super) fn reference(path: &str, pattern: &str, spec: &ImageJobSpec, problems: &mut Problems) {
    let Some(key) = place(path, pattern, "oss://posters/{posterId}.jpg", spec, problems) else { return };
    named(path, key, pattern, spec, problems);
}

/// An object in a bucket of the job that is the same for all photos.
pub(super) fn constant(path: &str, place: &str, example: &str, spec: &ImageJobSpec, problems: &mut Problems) {
    let Some(key) = self::place(path, place, example, spec, problems) else { return };
    if key.contains(['{', '}']) {
        problems.add(path, format!("{place:?} has braces, but is the same for all photos; write it like {example}"));
    }
}

/// A text with variables that exist.
pub(super) fn text(path: &str, text: &str, spec: &ImageJobSpec, problems: &mut Problems) {
    named(path, text, text, spec, problems);
}

/// The variables in `part`, which is all or the end of `whole`.
fn named(path: &str, part: &str, whole: &str, spec: &ImageJobSpec, problems: &mut Problems) {
    for part in part.split('{').skip(1) {
        match part.split_once('}') {
            None => problems.add(path, format!("{whole:?} has a brace that is not closed")),
            Some((TIME, _)) => {}
            Some((name, _)) if !spec.variables.contains_key(name) && !BUILT_IN.contains(&name) => {
                let sentence = format!("variable {name:?} is not declared; add {name} to spec.variables");
                problems.add(path, sentence);
            }
            Some(_) => {}
        }
    }
}

/// The key of what is `oss://bucket/key` or `s3://bucket/key` with a bucket of the job.
pub(super) fn place<'a>(
    path: &str,
    text: &'a str,
    example: &str,
    spec: &ImageJobSpec,
    problems: &mut Problems,
) -> Option<&'a str> {
    let rest = text.strip_prefix("oss://").or_else(|| text.strip_prefix("s3://"));
    let place = rest
        .and_then(|rest| rest.split_once('/'))
        .filter(|(bucket, key)| !bucket.is_empty() && !bucket.contains(['{', '}']) && !key.is_empty());
    let Some((bucket, key)) = place else {
        problems.add(path, format!("{text:?} is not a place in a bucket; write it like {example}"));
        return None;
    };
    if !spec.storage.buckets.iter().any(|listed| listed == bucket) {
        problems.add(path, format!("bucket {bucket:?} is not in storage.buckets; add it there"));
    }
    Some(key)
}
