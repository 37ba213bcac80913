//! Rules on steps that write a picture.

use kube::core::Rule;

use super::rule;

/// The place of an output.
pub(crate) fn output() -> Vec<Rule> {
    vec![rule("self.matches('^(oss|s3)://[^/{}]+/.+$')", "write an output like oss://checked/small/{name}.jpg")]
}

/// What a smaller picture needs.
pub(crate) fn resize() -> Vec<Rule> {
    vec![
        rule(
            "has(self.maxWidth) || has(self.maxHeight)",
            "resize needs maxWidth or maxHeight; say how large the picture may be",
        )
        .field_path(".maxWidth"),
        rule(
            "!has(self.fit) || self.fit != 'Cover' || (has(self.maxWidth) && has(self.maxHeight))",
            "fit: Cover needs maxWidth and maxHeight; name both",
        )
        .field_path(".fit"),
        quality(),
    ]
}

/// What a mark is.
pub(crate) fn watermark() -> Vec<Rule> {
    vec![
        rule("has(self.text) != has(self.image)", "a watermark is a text or an image; give it one of them")
            .field_path(".text"),
        quality(),
    ]
}

/// Nothing is lost in a PNG.
fn quality() -> Rule {
    rule(
        "!has(self.quality) || !has(self.format) || self.format != 'Png'",
        "quality belongs to formats Jpeg and WebP; omit it",
    )
    .field_path(".quality")
}
