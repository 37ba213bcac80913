//! The server's own computation, held to signatures that others published.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::server::REGION;
use super::signature::Asked;

fn headers<const N: usize>(pairs: [(&'static str, &'static str); N]) -> HeaderMap {
    pairs.into_iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
}

#[test]
fn the_server_computes_the_signatures_that_are_documented() {
    // "Include signatures in the Authorization header", the example of version 1 with its public key.
    let example = headers([
        ("content-md5", "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM="),
        ("content-type", "text/html"),
        ("date", "Thu, 17 Nov 2005 18:49:58 GMT"),
        ("x-oss-magic", "abracadabra"),
        ("x-oss-meta-author", "foo@bar.com"),
    ]);
    let asked = Asked { method: "PUT", bucket: "oss-example", key: "nelson", query: &[], headers: &example };
    assert_eq!(asked.v1("OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV"), "26NBxoKdsyly4EDv6inkoDft/yA=");

    // "Include a V4 signature in the Authorization header", with two further headers.
    let example = headers([
        ("content-disposition", "attachment"),
        ("content-length", "3"),
        ("content-md5", "ICy5YqxZB1uWSwcVLSNLcA=="),
        ("content-type", "text/plain"),
        ("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-oss-date", "20250411T064124Z"),
    ]);
    let asked = Asked { method: "PUT", bucket: "examplebucket", key: "exampleobject", query: &[], headers: &example };
    let signature = asked.v4("yourAccessKeySecret", REGION, &["content-disposition", "content-length"]);
    assert_eq!(signature, "d3694c2dfc5371ee6acd35e88c4871ac95a7ba01d3a2f476768fe61218590097");

    // What the SDKs of OSS hold themselves to: a query, odd characters, no further header, a token.
    let example = headers([
        ("abc", "value"),
        ("content-type", "text/plain"),
        ("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-oss-date", "20231216T162057Z"),
        ("x-oss-head1", "value"),
        ("xyz", "value"),
        ("zabc", "value"),
    ]);
    let query = [
        ("param1", "value1"),
        ("+param1", "value3"),
        ("|param1", "value4"),
        ("+param2", ""),
        ("|param2", ""),
        ("param2", ""),
    ];
    let sdk = |headers| Asked { method: "PUT", bucket: "bucket", key: "1234+-/123/1.txt", query: &query, headers };
    let signature = "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe";
    assert_eq!(sdk(&example).v4("sk", REGION, &[]), signature);
    let mut later = example.clone();
    later.insert("x-oss-date", HeaderValue::from_static("20231217T034736Z"));
    later.insert("x-oss-security-token", HeaderValue::from_static("token"));
    let signature = "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea";
    assert_eq!(sdk(&later).v4("sk", REGION, &[]), signature);
}
