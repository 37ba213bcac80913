//! How brokers and stores know us.

use super::names;
use super::problem::Problems;
use crate::access::{self, Mechanism, SecretRef};

/// Who we are to the brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaAuth {
    /// How it is proven.
    pub mechanism: Mechanism,
    /// Name of the Secret with `username` and `password`.
    pub secret: String,
}

/// Encrypted connections to the brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaTls {
    /// Name of the Secret with certificates, if there is one.
    pub secret: Option<String>,
}

pub(super) fn kafka_auth(spec: &access::KafkaAuth, problems: &mut Problems) -> KafkaAuth {
    let secret = secret("spec.source.kafka.auth.secretRef", &spec.secret_ref, problems);
    KafkaAuth { mechanism: spec.mechanism, secret }
}

pub(super) fn kafka_tls(spec: &access::KafkaTls, problems: &mut Problems) -> KafkaTls {
    let secret = |reference| secret("spec.source.kafka.tls.secretRef", reference, problems);
    KafkaTls { secret: spec.secret_ref.as_ref().map(secret) }
}

/// The name of a Secret, which is that of a folder too where there is no cluster.
pub(super) fn secret(path: &str, reference: &SecretRef, problems: &mut Problems) -> String {
    let name = &reference.name;
    if name.len() > 253 || !name.split('.').all(names::is_dns_label) {
        let message =
            format!("{name:?} is not the name of a Secret; use a-z 0-9 - ., with a letter or digit at each end");
        problems.add(&format!("{path}.name"), message);
    }
    name.clone()
}
