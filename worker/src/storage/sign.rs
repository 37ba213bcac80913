//! Signs a request, as S3 or OSS wants it. What a signature is made of is reqsign's matter; tests check it
//! with an implementation of their own.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request};
use imagejob_protocol::events::Object;
use imagejob_protocol::settings::OssSignature;
use md5::{Digest as _, Md5};
use reqsign_aliyun_oss::{self as oss, SigningVersion};
use reqsign_aws_v4 as aws;
use reqsign_core::hash::hex_sha256;
use reqsign_core::{Context, Result, SignRequest as _};

use super::address;
use super::credentials::Key;

/// How a store wants requests to be signed.
#[derive(Debug)]
pub(super) enum Dialect {
    S3(aws::RequestSigner),
    Oss(oss::RequestSigner),
}

impl Dialect {
    pub(super) fn s3(region: &str) -> Self {
        Self::S3(aws::RequestSigner::new("s3", region).with_standard_session_token())
    }

    pub(super) fn oss(signature: &OssSignature) -> Self {
        // The signer looks for its bucket in the host; ours is always in the path, see below.
        let signer = oss::RequestSigner::new("");
        Self::Oss(match signature {
            OssSignature::V4 { region } => signer.with_signing_version(SigningVersion::V4).with_region(region),
            OssSignature::V1 {} => signer.with_signing_version(SigningVersion::V1),
        })
    }

    /// Signs a request on an object: for S3 with all headers that it has, for OSS with those that it always signs.
    /// A body that arrives damaged is refused: its checksum is among them.
    pub(super) async fn sign(&self, request: &mut Parts, body: &[u8], object: &Object, key: &Key) -> Result<()> {
        match self {
            Self::S3(signer) => {
                if request.method == Method::PUT {
                    request.headers.insert("x-amz-content-sha256", hex_sha256(body).parse()?);
                }
                let key = aws::Credential {
                    access_key_id: key.id.clone(),
                    secret_access_key: key.secret.clone(),
                    session_token: key.token.clone(),
                    expires_in: None,
                };
                signer.sign_request(&Context::new(), request, Some(&key), None).await
            }
            Self::Oss(signer) => {
                if request.method == Method::PUT {
                    request.headers.insert("content-md5", BASE64_STANDARD.encode(Md5::digest(body)).parse()?);
                }
                let key = oss::Credential {
                    access_key_id: key.id.clone(),
                    access_key_secret: key.secret.clone(),
                    security_token: key.token.clone(),
                    expires_in: None,
                };
                sign_oss(signer, request, object, &key).await
            }
        }
    }
}

/// OSS signs `/bucket/key` whatever the request's host is: a host that leads to one bucket (CName) would not
/// tell the signer. `Range` and `If-Match` are not signed, as in the SDKs of OSS.
async fn sign_oss(
    signer: &oss::RequestSigner,
    request: &mut Parts,
    object: &Object,
    key: &oss::Credential,
) -> Result<()> {
    let signed = Request::builder().method(&request.method).uri(format!("http://oss{}", address::resource(object)));
    let mut signed = signed.body(())?.into_parts().0;
    if request.method == Method::GET {
        // Else a range that ends beyond the object is answered with all of it.
        signed.headers.insert("x-oss-range-behavior", HeaderValue::from_static("standard"));
    }
    for name in [CONTENT_TYPE, HeaderName::from_static("content-md5")] {
        signed.headers.extend(request.headers.get(&name).map(|value| (name, value.clone())));
    }
    signer.sign_request(&Context::new(), &mut signed, Some(key), None).await?;
    if let Some(authorization) = signed.headers.get_mut(AUTHORIZATION) {
        *authorization = without_empty_list(authorization);
    }
    request.headers.extend(signed.headers);
    Ok(())
}

/// The SDKs of OSS leave out a list of further signed headers that has no entry; reqsign writes it all the same.
fn without_empty_list(authorization: &HeaderValue) -> HeaderValue {
    let shorter = authorization.to_str().map(|text| text.replace(", AdditionalHeaders=, ", ","));
    let mut shorter = shorter.ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| authorization.clone());
    shorter.set_sensitive(true);
    shorter
}
