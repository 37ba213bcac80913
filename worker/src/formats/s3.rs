//! S3 event notifications, structure version 2.x, as S3 and compatible stores send them.
//! Source: the S3 user guide, "Event message structure".

use serde_json::Value;

use super::events::Family;
use super::{Parsed, unrecognised};
use crate::outcome::Failure;

/// Notifications of S3 itself leave out the `s3:` that MinIO and others write.
const S3: Family = Family {
    name: "S3",
    version: "2.",
    admitted: |name| name.trim_start_matches("s3:").starts_with("ObjectCreated:"),
    key: form_decode,
};

pub(super) fn parse(value: &Value) -> Result<Parsed, Failure> {
    // Sent once, when notifications are switched on.
    if value.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(Parsed::Skipped { event: "s3:TestEvent".to_owned() });
    }
    S3.parse(value.get("Records").ok_or_else(|| unrecognised("an S3 event has \"Records\""))?)
}

/// Keys are URL-encoded as in forms: `+` is a space, `%E4%BD%9C` a character. What is no valid
/// escape is kept as it is.
fn form_decode(key: &str) -> String {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        rest = tail;
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_once() {
        for (encoded, key) in [
            ("a.jpg", "a.jpg"),
            ("a+b%20c.jpg", "a b c.jpg"),
            ("%E4%BD%9C%E4%B8%9A+1.jpg", "作业 1.jpg"),
            ("100%25.jpg", "100%.jpg"),
            ("100%2525.jpg", "100%25.jpg"),
            ("%", "%"),
            ("%zz%4", "%zz%4"),
            ("%+4.jpg", "% 4.jpg"),
        ] {
            assert_eq!(form_decode(encoded), key, "{encoded}");
        }
    }
}
