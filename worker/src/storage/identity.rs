//! Keys without a Secret: from the environment, or for the identity that a cloud gives a pod, or a node where
//! the job asks for that. What is not set up is passed over; what is set up and fails ends the search, as the
//! next would be somebody else.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use reqsign_aliyun_oss as oss;
use reqsign_aws_v4 as aws;
use reqsign_core::{Context, Error, FileRead, HttpSend, OsEnv, ProvideCredentialDyn, Result};

use super::credentials::Key;
use crate::transport;

/// Whose keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// S3 and what speaks its protocol.
    Aws,
    /// Alibaba Cloud OSS.
    Aliyun,
}

/// Places where a key may be, in their order.
#[derive(Debug)]
pub(super) struct Chain {
    context: Context,
    places: Vec<(&'static str, Place)>,
}

#[derive(Debug)]
enum Place {
    Aws(Arc<dyn ProvideCredentialDyn<Credential = aws::Credential>>),
    Aliyun(Arc<dyn ProvideCredentialDyn<Credential = oss::Credential>>),
}

impl Chain {
    /// What the pod was given: variables first, as whoever sets them means them.
    pub(super) fn of_pod(family: Family) -> Self {
        let places = match family {
            Family::Aws => vec![
                ("AWS_ACCESS_KEY_ID", Place::Aws(Arc::new(aws::EnvCredentialProvider::new()))),
                ("a profile of AWS", Place::Aws(Arc::new(aws::ProfileCredentialProvider::default()))),
                (
                    "a web identity (AWS_WEB_IDENTITY_TOKEN_FILE)",
                    Place::Aws(Arc::new(aws::AssumeRoleWithWebIdentityCredentialProvider::new())),
                ),
                (
                    "a pod identity (AWS_CONTAINER_CREDENTIALS_FULL_URI)",
                    Place::Aws(Arc::new(aws::ECSCredentialProvider::new())),
                ),
            ],
            Family::Aliyun => vec![
                ("ALIBABA_CLOUD_ACCESS_KEY_ID", Place::Aliyun(Arc::new(oss::EnvCredentialProvider::new()))),
                (
                    "a role of the ServiceAccount (RRSA, ALIBABA_CLOUD_OIDC_TOKEN_FILE)",
                    Place::Aliyun(Arc::new(oss::AssumeRoleWithOidcCredentialProvider::new())),
                ),
            ],
        };
        Self { context: context(), places }
    }

    /// What the node is, which may be allowed more than any job on it.
    pub(super) fn of_node(family: Family) -> Self {
        let place = match family {
            Family::Aws => Place::Aws(Arc::new(aws::IMDSv2CredentialProvider::new())),
            Family::Aliyun => Place::Aliyun(Arc::new(oss::EcsRamRoleCredentialProvider::new())),
        };
        Self { context: context(), places: vec![("the role of the node", place)] }
    }

    /// The key in the first place that has one.
    ///
    /// # Errors
    /// A sentence that says what was tried.
    pub(super) async fn key(&self) -> std::result::Result<Key, String> {
        for (name, place) in &self.places {
            match place.key(&self.context).await {
                Ok(Some(key)) => return Ok(key),
                Ok(None) => {}
                Err(error) => return Err(format!("no access key: {name} is set up but fails: {}", told(&error))),
            }
        }
        let tried: Vec<_> = self.places.iter().map(|(name, _)| *name).collect();
        let tried = tried.join(", ");
        Err(format!(
            "no access key was found in {tried}; name a Secret in storage.secretRef or give the pods an identity"
        ))
    }
}

impl Place {
    async fn key(&self, context: &Context) -> Result<Option<Key>> {
        match self {
            Self::Aws(provider) => Ok(provider.provide_credential_dyn(context).await?.map(Key::from)),
            Self::Aliyun(provider) => Ok(provider.provide_credential_dyn(context).await?.map(Key::from)),
        }
    }
}

impl From<aws::Credential> for Key {
    fn from(key: aws::Credential) -> Self {
        let ends = key.expires_in.and_then(|ends| Timestamp::from_second(ends.as_second()).ok());
        Self { id: key.access_key_id, secret: key.secret_access_key, token: key.session_token, ends }
    }
}

impl From<oss::Credential> for Key {
    fn from(key: oss::Credential) -> Self {
        let ends = key.expires_in.and_then(|ends| Timestamp::from_second(ends.as_second()).ok());
        Self { id: key.access_key_id, secret: key.access_key_secret, token: key.security_token, ends }
    }
}

/// An error with its causes, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect()
}

fn context() -> Context {
    Context::new().with_env(OsEnv).with_file_read(Files).with_http_send(Http::default())
}

#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> Result<Vec<u8>> {
        let read = tokio::fs::read(path).await;
        read.map_err(|error| Error::config_invalid(format!("{path} cannot be read")).with_source(error))
    }
}

/// Asks who gives out keys. Made with the first question.
#[derive(Debug, Default)]
struct Http(OnceLock<reqwest::Client>);

impl HttpSend for Http {
    async fn http_send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        // Tokens are part of addresses here: no error may show one.
        let failed = |error: reqwest::Error| Error::unexpected("no answer").with_source(error.without_url());
        let client = if let Some(client) = self.0.get() {
            client
        } else {
            let client = transport::identity().map_err(failed)?;
            self.0.get_or_init(|| client)
        };
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        let answer = client.execute(request).await.map_err(failed)?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        Ok(response.body(answer.bytes().await.map_err(failed)?)?)
    }
}

#[cfg(test)]
mod tests;
