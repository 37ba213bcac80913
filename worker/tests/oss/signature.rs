//! What OSS signs, written from its documentation ("Include a V4 signature in the Authorization header",
//! "Include signatures in the Authorization header") and with other crates than the client's signer, so that
//! the two check each other.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac as _};
use http::HeaderMap;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A request, as far as it is signed.
pub struct Asked<'a> {
    pub method: &'a str,
    pub bucket: &'a str,
    /// Not escaped.
    pub key: &'a str,
    /// Not escaped.
    pub query: &'a [(&'a str, &'a str)],
    pub headers: &'a HeaderMap,
}

impl Asked<'_> {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim()
    }

    /// `name:value\n` of each header that `signed` says, sorted.
    fn headers(&self, signed: impl Fn(&str) -> bool) -> String {
        let mut names: Vec<&str> = self.headers.keys().map(http::HeaderName::as_str).collect();
        names.retain(|name| signed(name));
        names.sort_unstable();
        names.into_iter().map(|name| format!("{name}:{}\n", self.header(name))).collect()
    }

    /// Version 1: HMAC-SHA1 over the method, three headers, those of OSS and the resource.
    pub fn v1(&self, secret: &str) -> String {
        let [md5, kind, date] = ["content-md5", "content-type", "date"].map(|name| self.header(name));
        let headers = self.headers(|name| name.starts_with("x-oss-"));
        let text = format!("{}\n{md5}\n{kind}\n{date}\n{headers}/{}/{}", self.method, self.bucket, self.key);
        let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        BASE64_STANDARD.encode(mac.finalize().into_bytes())
    }

    /// Version 4: HMAC-SHA256 with a key for one day and region. `further` headers are signed besides those
    /// that always are.
    pub fn v4(&self, secret: &str, region: &str, further: &[&str]) -> String {
        let mut query: Vec<_> =
            self.query.iter().map(|(name, value)| (escaped(name, ""), escaped(value, ""))).collect();
        query.sort();
        let pair = |(name, value): &(String, String)| {
            if value.is_empty() { name.clone() } else { format!("{name}={value}") }
        };
        let query = query.iter().map(pair).collect::<Vec<_>>().join("&");
        let always = |name: &str| name.starts_with("x-oss-") || matches!(name, "content-type" | "content-md5");
        let headers = self.headers(|name| always(name) || further.contains(&name));
        let resource = escaped(&format!("/{}/{}", self.bucket, self.key), "/");
        let (further, payload) = (further.join(";"), self.header("x-oss-content-sha256"));
        let request = format!("{}\n{resource}\n{query}\n{headers}\n{further}\n{payload}", self.method);
        let time = self.header("x-oss-date");
        let day = time.get(..8).unwrap_or_default();
        let digest = hex(&Sha256::digest(request));
        let text = format!("OSS4-HMAC-SHA256\n{time}\n{day}/{region}/oss/aliyun_v4_request\n{digest}");
        let key = [day, region, "oss", "aliyun_v4_request", &text].into_iter();
        hex(&key.fold(format!("aliyun_v4{secret}").into_bytes(), |key, text| sha256(&key, text)))
    }
}

fn sha256(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Escapes all bytes but letters, digits, `-._~` and those of `kept`.
fn escaped(text: &str, kept: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.as_bytes().contains(&byte);
    let escape = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}
