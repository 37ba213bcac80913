//! S3, or a store that speaks its protocol: one GET per object, whose headers tell the size before the
//! first byte is read.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::Addressing;
use opendal::{HttpTransporter, Operator, services};
use opendal_http_transport_reqwest::ReqwestTransport;

use super::credentials::Credentials;
use super::trouble::Trouble;
use crate::outcome::Failure;
use crate::transport;

/// Pauses before asking again, for what may pass in a moment: an object that its event has overtaken, a
/// store that is busy. What lasts longer is left to the dispatcher's retries, which hold no slot meanwhile.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

#[derive(Debug)]
pub(super) struct S3 {
    endpoint: String,
    region: String,
    addressing: Addressing,
    credentials_directory: Option<PathBuf>,
    buckets: Vec<String>,
    /// Made with the first read: a worker is ready before it has looked at certificates.
    session: Mutex<Option<Arc<Session>>>,
}

/// Access with one key.
#[derive(Debug)]
struct Session {
    credentials: Option<Credentials>,
    buckets: HashMap<String, Operator>,
    transport: HttpTransporter,
}

impl S3 {
    pub(super) fn new(
        endpoint: &str,
        region: &str,
        addressing: Addressing,
        credentials_directory: Option<PathBuf>,
        buckets: &[String],
    ) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            region: region.to_owned(),
            addressing,
            credentials_directory,
            buckets: buckets.to_owned(),
            session: Mutex::default(),
        }
    }

    pub(super) async fn read(&self, object: &Object, limit: u64) -> Result<Bytes, Failure> {
        let mut session = self.session()?;
        let mut pauses = PAUSES.into_iter();
        loop {
            let trouble = match session.fetch(object, limit).await {
                Ok(bytes) => return Ok(bytes),
                Err(trouble) => trouble,
            };
            if trouble.is_about_the_key()
                && let Some(renewed) = self.renewed(&session)?
            {
                session = renewed;
                continue;
            }
            match pauses.next() {
                Some(pause) if trouble.may_pass() => tokio::time::sleep(pause).await,
                _ => return Err(trouble.into_failure(object, &self.endpoint, limit)),
            }
        }
    }

    /// The present session; the first is made here.
    fn session(&self) -> Result<Arc<Session>, Failure> {
        let mut present = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = &*present {
            return Ok(Arc::clone(session));
        }
        let transport = transport::store(&self.endpoint).map_err(|error| self.unusable(&error))?;
        let transport = HttpTransporter::new(ReqwestTransport::new(transport));
        let session = Arc::new(self.open(self.credentials()?, transport)?);
        *present = Some(Arc::clone(&session));
        Ok(session)
    }

    /// A session with the key that the files name now, if that is another than the one `refused`.
    fn renewed(&self, refused: &Session) -> Result<Option<Arc<Session>>, Failure> {
        let credentials = self.credentials()?;
        if credentials == refused.credentials {
            return Ok(None);
        }
        let session = Arc::new(self.open(credentials, refused.transport.clone())?);
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&session));
        Ok(Some(session))
    }

    fn credentials(&self) -> Result<Option<Credentials>, Failure> {
        let read = self.credentials_directory.as_deref().map(Credentials::read).transpose();
        read.map_err(|message| Failure::new(FailureReason::AccessDenied, message))
    }

    fn open(&self, credentials: Option<Credentials>, transport: HttpTransporter) -> Result<Session, Failure> {
        let open = |bucket: &String| {
            let operator = self.operator(bucket, credentials.as_ref())?;
            let context = operator.base_context().with_http_transport(transport.clone());
            Ok((bucket.clone(), operator.with_context(context)))
        };
        let buckets = self.buckets.iter().map(open).collect::<opendal::Result<_>>();
        Ok(Session { buckets: buckets.map_err(|error| self.unusable(&error))?, credentials, transport })
    }

    fn operator(&self, bucket: &str, credentials: Option<&Credentials>) -> opendal::Result<Operator> {
        let mut builder = services::S3::default().bucket(bucket).endpoint(&self.endpoint).region(&self.region);
        if self.addressing == Addressing::VirtualHost {
            builder = builder.enable_virtual_host_style();
        }
        builder = match credentials {
            Some(key) => {
                let builder = builder.disable_config_load().disable_ec2_metadata();
                let builder = builder.access_key_id(&key.access_key_id).secret_access_key(&key.secret_access_key);
                builder.session_token(key.session_token.as_deref().unwrap_or_default())
            }
            // The environment and the identity of the pod; never that of the node, which belongs to no job.
            None => builder.disable_ec2_metadata(),
        };
        Operator::new(builder)
    }

    fn unusable(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::new(FailureReason::StoreUnavailable, format!("{} cannot be used: {error}", self.endpoint))
    }
}

impl Session {
    async fn fetch(&self, object: &Object, limit: u64) -> Result<Bytes, Trouble> {
        // Every listed bucket is open, and no other is asked for.
        let operator = &self.buckets[&object.bucket];
        let mut body = operator.reader(&object.key).await?.into_stream(..).await?;
        let bytes = body.metadata().await?.content_length();
        if bytes > limit {
            return Err(Trouble::TooLarge { bytes });
        }
        let mut read = BytesMut::with_capacity(bytes as usize);
        while let Some(part) = body.try_next().await? {
            let bytes = (read.len() + part.len()) as u64;
            if bytes > limit {
                return Err(Trouble::TooLarge { bytes });
            }
            part.for_each(|chunk| read.extend_from_slice(&chunk));
        }
        Ok(read.freeze())
    }
}
