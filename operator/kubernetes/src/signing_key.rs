//! The one Secret that the operator reads: the key from which each job's token follows.
//!
//! A token is HMAC-SHA256 of the job's uid under the operator's key. So nothing has to be stored per
//! job and read back, and a job that is deleted and created anew gets another token.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, Mac};
use imagejob_operator::Token;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};
use sha2::Sha256;

use crate::cluster::failure;

/// Name of the Secret, in the operator's own namespace.
pub const SECRET: &str = "imagejob-operator-key";

/// The field of the Secret.
const FIELD: &str = "key";

/// Bytes of a key: as many as the hash is wide.
const LENGTH: usize = 32;

/// The operator's key. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey([u8; LENGTH]);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The API server did not hand it out or take it.
    #[error("cannot get or create Secret {namespace}/{SECRET}: {}", failure::cause(.cause))]
    Api {
        /// The operator's namespace.
        namespace: String,
        /// What happened.
        cause: Box<kube::Error>,
    },
    /// There is a Secret of that name, but no key in it.
    #[error(
        "Secret {namespace}/{SECRET} has no {LENGTH} bytes under {FIELD:?}; delete it to get a new key (all pods of \
         all jobs will roll)"
    )]
    Malformed {
        /// The operator's namespace.
        namespace: String,
    },
}

impl SigningKey {
    /// A key of these bytes.
    pub const fn new(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// The token of the job with this uid: 64 hex digits.
    pub fn token(&self, uid: &str) -> Token {
        // A key of any length makes an HMAC; the error type is that of other MACs.
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).map(|mac| mac.chain_update(uid));
        let digest = mac.map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
        Token::new(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }

    /// The key of the operators in `namespace`; the first of them creates it.
    pub async fn obtain(client: Client, namespace: &str) -> Result<Self, KeyError> {
        let secrets: Api<Secret> = Api::namespaced(client, namespace);
        let failed = |cause| KeyError::Api { namespace: namespace.to_owned(), cause: Box::new(cause) };
        let secret = match secrets.get_opt(SECRET).await.map_err(failed)? {
            Some(secret) => secret,
            None => match secrets.create(&PostParams::default(), &fresh()).await {
                Err(kube::Error::Api(status)) if status.is_already_exists() => {
                    secrets.get(SECRET).await.map_err(failed)?
                }
                created => created.map_err(failed)?,
            },
        };
        let bytes = secret.data.and_then(|mut data| data.remove(FIELD));
        let key = bytes.and_then(|ByteString(bytes)| bytes.try_into().ok());
        key.map(Self).ok_or_else(|| KeyError::Malformed { namespace: namespace.to_owned() })
    }
}

fn fresh() -> Secret {
    let mut bytes = vec![0; LENGTH];
    StdRng::from_os_rng().fill_bytes(&mut bytes);
    Secret {
        metadata: ObjectMeta { name: Some(SECRET.to_owned()), ..ObjectMeta::default() },
        data: Some(BTreeMap::from([(FIELD.to_owned(), ByteString(bytes))])),
        immutable: Some(true),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}

#[cfg(test)]
mod tests {
    use super::SigningKey;

    #[test]
    fn a_token_is_the_hmac_of_the_uid() {
        // python3 -c "import hmac; print(hmac.new(b'\x07' * 32, b'4a1c', 'sha256').hexdigest())"
        let token = SigningKey::new([7; 32]).token("4a1c");
        assert_eq!(token.expose(), "f37dc7c39fe909fc0c7e3b2d3ef63ac03a8c5ecba6204f72147572b59cefaa95");
    }

    #[test]
    fn tokens_differ_by_job_and_by_key() {
        let token = |key: u8, uid| SigningKey::new([key; 32]).token(uid);
        assert_ne!(token(1, "a"), token(1, "b"));
        assert_ne!(token(1, "a"), token(2, "a"));
        assert_eq!(token(1, "a"), token(1, "a"));
    }
}
