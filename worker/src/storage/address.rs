//! What an object is called in a request. Pure.

use imagejob_protocol::events::Object;
use imagejob_protocol::settings::Addressing;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986 and the slash: both dialects sign names in this form.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The URL of an object at `https://host` or `http://host:port`. Whatever its name is, the host is that of
/// the endpoint, or one below it.
pub(super) fn url(endpoint: &str, addressing: Addressing, object: &Object) -> String {
    let (bucket, key) = (&object.bucket, escaped(&object.key));
    match (addressing, endpoint.split_once("://")) {
        (Addressing::VirtualHost, Some((scheme, host))) => format!("{scheme}://{bucket}.{host}/{key}"),
        (Addressing::CName, _) => format!("{endpoint}/{key}"),
        (Addressing::Path | Addressing::VirtualHost, _) => format!("{endpoint}/{bucket}/{key}"),
    }
}

/// What OSS signs, wherever the request names the bucket.
pub(super) fn resource(object: &Object) -> String {
    format!("/{}/{}", object.bucket, escaped(&object.key))
}

fn escaped(key: &str) -> String {
    utf8_percent_encode(key, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_every_character() {
        let endpoint = "https://oss-cn-hangzhou.aliyuncs.com:443";
        for (key, path) in [
            ("a.jpg", "a.jpg"),
            ("作业/作业 1.jpg", "%E4%BD%9C%E4%B8%9A/%E4%BD%9C%E4%B8%9A%201.jpg"),
            ("a+b&c=d?e#f%20.jpg", "a%2Bb%26c%3Dd%3Fe%23f%2520.jpg"),
            (" a//b ", "%20a//b%20"),
            ("~a'(b)*.jpg", "~a%27%28b%29%2A.jpg"),
        ] {
            let object = Object { bucket: "photos".to_owned(), key: key.to_owned(), bytes: None, etag: None };
            let url = |addressing| url(endpoint, addressing, &object);
            assert_eq!(url(Addressing::VirtualHost), format!("https://photos.oss-cn-hangzhou.aliyuncs.com:443/{path}"));
            assert_eq!(url(Addressing::Path), format!("{endpoint}/photos/{path}"));
            assert_eq!(url(Addressing::CName), format!("{endpoint}/{path}"));
            assert_eq!(resource(&object), format!("/photos/{path}"));
        }
    }
}
