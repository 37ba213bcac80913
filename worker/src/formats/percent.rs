//! Percent-encoding. What is no valid escape is kept as it is; what is no UTF-8 becomes U+FFFD.

/// As in the path of a URL: `%E4%BD%9C` is a character, `+` itself.
pub(super) fn decoded(text: &str) -> String {
    decode(text, b'+')
}

/// As in forms: `+` is a space.
pub(super) fn form_decoded(text: &str) -> String {
    decode(text, b' ')
}

fn decode(text: &str, plus: u8) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
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
            (b'+', _) => bytes.push(plus),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_once() {
        for (encoded, form, url) in [
            ("a.jpg", "a.jpg", "a.jpg"),
            ("a+b%20c.jpg", "a b c.jpg", "a+b c.jpg"),
            ("%E4%BD%9C%E4%B8%9A+1.jpg", "作业 1.jpg", "作业+1.jpg"),
            ("100%25.jpg", "100%.jpg", "100%.jpg"),
            ("100%2525.jpg", "100%25.jpg", "100%25.jpg"),
            ("%", "%", "%"),
            ("%zz%4", "%zz%4", "%zz%4"),
            ("%+4.jpg", "% 4.jpg", "%+4.jpg"),
            ("%ff", "\u{fffd}", "\u{fffd}"),
        ] {
            assert_eq!((form_decoded(encoded).as_str(), decoded(encoded).as_str()), (form, url), "{encoded}");
        }
    }
}
