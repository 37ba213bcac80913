//! Addresses of objects as people and producers write them: `oss://bucket/key`, `s3://bucket/key`, a key
//! alone, and the web address under which a bucket is reached. Nothing is ever fetched from a web address:
//! it only names a bucket of the job and a key in it.

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;

use super::{Places, percent, unrecognised};
use crate::outcome::Failure;

/// Longest object name that OSS and S3 admit, bytes.
const MAX_NAME: usize = 1_024;

/// Longest address, bytes: a name of which every byte is escaped, a host, and the signature of a signed one.
const MAX_ADDRESS: usize = 8 << 10;

/// Which texts without a scheme count as names of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Any: the job says that messages are plain.
    Any,
    /// Those that end in a file extension: the form is a guess.
    WithExtension,
}

/// The object that `text` names.
pub(super) fn object(places: Places<'_>, text: &str, names: Names) -> Result<Object, Failure> {
    if text.len() > MAX_ADDRESS {
        return Err(unrecognised(format!("a text of {} bytes is no address of an object", text.len())));
    }
    let Some((scheme, rest)) = text.split_once("://") else { return name(places, text, names) };
    let split = rest.split_once('/').filter(|(_, key)| !key.is_empty());
    let (place, key) = split.ok_or_else(|| unrecognised(format!("{text:?} names no object: scheme://bucket/key")))?;
    match scheme {
        "oss" | "s3" => Ok(Object::new(place, key)),
        "https" | "http" => web(places, place, key),
        _ => Err(unrecognised(format!("{scheme:?} is not read here; use oss:// s3:// https://"))),
    }
}

fn name(places: Places<'_>, text: &str, names: Names) -> Result<Object, Failure> {
    let named = !text.is_empty() && text.len() <= MAX_NAME && !text.chars().any(char::is_control);
    if !named || (names == Names::WithExtension && !has_extension(text)) {
        return Err(unrecognised("the text is neither a URI nor the name of an object"));
    }
    Ok(Object::new(places.default_bucket(), text))
}

/// Ends in a dot and one to five letters or digits: `作业 1.jpg`, not `hello world`.
fn has_extension(name: &str) -> bool {
    let extension = name.rsplit('/').next().and_then(|last| last.rsplit_once('.')).map(|(_, extension)| extension);
    extension.is_some_and(|e| (1..=5).contains(&e.len()) && e.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// An object by its web address: the path is its name, escaped; a query (a signature) says nothing more.
fn web(places: Places<'_>, authority: &str, path: &str) -> Result<Object, Failure> {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_ascii_lowercase();
    let key = percent::decoded(path.split(['?', '#']).next().unwrap_or_default());
    if key.is_empty() {
        return Err(unrecognised(format!("https://{host}/ names no object")));
    }
    Ok(Object::new(bucket(places, &host)?, key))
}

/// The bucket that a host stands for: the one that the job gives for it, or the listed one that is reached as
/// `<bucket>.<host of a store>`.
fn bucket<'a>(places: Places<'a>, host: &str) -> Result<&'a str, Failure> {
    if let Some(bucket) = places.hosts.get(host) {
        return Ok(bucket);
    }
    let rest = |bucket: &str| host.strip_prefix(bucket)?.strip_prefix('.').map(str::to_owned);
    let listed = places.buckets.iter().find(|bucket| rest(bucket).is_some_and(|rest| is_store(&rest)));
    listed.map(String::as_str).ok_or_else(|| match host.split_once('.') {
        Some((bucket, rest)) if is_store(rest) => {
            let message = format!("bucket {bucket:?} is not in storage.buckets ({})", places.buckets.join(", "));
            Failure::new(FailureReason::BucketNotListed, message)
        }
        _ => unrecognised(format!("{host:?} stands for no bucket; add it to spec.source.hosts")),
    })
}

/// Hosts under which OSS and S3 serve buckets: `oss-cn-hangzhou-internal.aliyuncs.com`,
/// `s3.oss-cn-hangzhou.aliyuncs.com`, `s3.eu-central-1.amazonaws.com`, `s3-eu-west-1.amazonaws.com`.
fn is_store(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    match labels.as_slice() {
        [region, "aliyuncs", "com"] | ["s3", region, "aliyuncs", "com"] => region.starts_with("oss-"),
        ["s3", "amazonaws", "com"] | ["s3", _, "amazonaws", "com"] | ["s3", _, "amazonaws", "com", "cn"] => true,
        [region, "amazonaws", "com"] => region.starts_with("s3-"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_listed_bucket_or_none() {
        let buckets = ["photos", "my.posters"].map(str::to_owned);
        let hosts = [("img.example.com", "photos")].map(|(host, bucket)| (host.to_owned(), bucket.to_owned())).into();
        let places = Places { buckets: &buckets, hosts: &hosts };
        for (address, found) in [
            ("https://photos.oss-cn-hangzhou.aliyuncs.com/a/b.jpg", Ok(("photos", "a/b.jpg"))),
            ("http://photos.oss-cn-hangzhou-internal.aliyuncs.com:80/a+b.jpg", Ok(("photos", "a+b.jpg"))),
            ("https://PHOTOS.oss-accelerate.aliyuncs.com/A.jpg", Ok(("photos", "A.jpg"))),
            ("https://photos.s3.oss-cn-beijing.aliyuncs.com/a.jpg", Ok(("photos", "a.jpg"))),
            ("https://my.posters.s3.eu-central-1.amazonaws.com/a.jpg", Ok(("my.posters", "a.jpg"))),
            ("https://photos.s3-eu-west-1.amazonaws.com/a.jpg", Ok(("photos", "a.jpg"))),
            (
                "https://photos.oss-cn-beijing.aliyuncs.com/%E4%BD%9C%20.jpg?Expires=1&Signature=x%2B",
                Ok(("photos", "作 .jpg")),
            ),
            ("https://img.example.com/a.jpg#top", Ok(("photos", "a.jpg"))),
            ("https://img.example.com/", Err("UnrecognisedFormat")),
            ("https://img.example.com/?a", Err("UnrecognisedFormat")),
            ("https://secrets.oss-cn-hangzhou.aliyuncs.com/a.jpg", Err("BucketNotListed")),
            ("https://photos.example.com/a.jpg", Err("UnrecognisedFormat")),
            ("https://photos.oss-cn-hangzhou.aliyuncs.com.example.com/a.jpg", Err("UnrecognisedFormat")),
            ("https://photos@img.example.com/a.jpg", Err("UnrecognisedFormat")),
            ("https://img.example.com@evil.example/a.jpg", Err("UnrecognisedFormat")),
            ("https://photososs-cn-hangzhou.aliyuncs.com/a.jpg", Err("UnrecognisedFormat")),
            ("ftp://photos/a.jpg", Err("UnrecognisedFormat")),
        ] {
            let object = object(places, address, Names::Any);
            let object = object.as_ref().map(|object| (object.bucket.as_str(), object.key.as_str()));
            assert_eq!(object.map_err(|failure| failure.reason.as_str()), found, "{address}");
        }
    }
}
