//! Where the brokers are and how one proves who one is, ready for any client.

use std::fmt;
use std::path::{Path, PathBuf};

use imagejob_protocol::settings::{Kafka, KafkaAuth, KafkaTls, SaslMechanism};
use rdkafka::ClientConfig;

/// Where the brokers are and how one proves who one is. Never printed.
#[derive(Clone)]
pub struct Access {
    servers: String,
    properties: Vec<(&'static str, String)>,
}

/// Why the brokers cannot even be tried.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A file of the Secret is missing or cannot be read.
    #[error("{key} of the Kafka user cannot be read from {path}: {cause}; does the Secret have the key {key}?", path = path.display())]
    Unreadable {
        /// Key in the Secret.
        key: &'static str,
        /// The file that the key is mounted as.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A client certificate without its key, or the other way round.
    #[error("{directory} has {has} but not {lacks}; a client certificate needs both", directory = directory.display())]
    HalfAPair {
        /// The folder.
        directory: PathBuf,
        /// What is there.
        has: &'static str,
        /// What is not.
        lacks: &'static str,
    },
}

impl Access {
    /// Reads what the settings name.
    ///
    /// # Errors
    /// Files that are not there, or half of a client certificate.
    pub fn read(kafka: &Kafka) -> Result<Self, AccessError> {
        let protocol = match (&kafka.auth, &kafka.tls) {
            (None, None) => "plaintext",
            (None, Some(_)) => "ssl",
            (Some(_), None) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        let mut properties = vec![("security.protocol", protocol.to_owned())];
        if let Some(auth) = &kafka.auth {
            properties.extend(authentication(auth)?);
        }
        if let Some(KafkaTls { directory: Some(directory) }) = &kafka.tls {
            properties.extend(certificates(directory)?);
        }
        Ok(Self { servers: kafka.bootstrap_servers.clone(), properties })
    }

    /// `host:port,...`.
    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// The beginning of any client's configuration. `client_id` is what the broker's logs and quotas call it.
    pub fn config(&self, client_id: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers).set("client.id", client_id);
        // A typing error in a name must not become a topic.
        config.set("allow.auto.create.topics", "false");
        for (name, value) in &self.properties {
            config.set(*name, value);
        }
        config
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("servers", &self.servers).finish_non_exhaustive()
    }
}

fn authentication(auth: &KafkaAuth) -> Result<[(&'static str, String); 3], AccessError> {
    let mechanism = match auth.mechanism {
        SaslMechanism::Plain => "PLAIN",
        SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
        SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
    };
    Ok([
        ("sasl.mechanism", mechanism.to_owned()),
        ("sasl.username", line(&auth.directory, "username")?),
        ("sasl.password", line(&auth.directory, "password")?),
    ])
}

/// The text of a file without the line end that editors and `echo` leave behind.
fn line(directory: &Path, key: &'static str) -> Result<String, AccessError> {
    let path = directory.join(key);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim_end_matches(['\n', '\r']).to_owned()),
        Err(cause) => Err(AccessError::Unreadable { key, path, cause }),
    }
}

/// The client reads these files itself; what is wrong in one is told when a client is created.
fn certificates(directory: &Path) -> Result<Vec<(&'static str, String)>, AccessError> {
    const FILES: [(&str, &str); 3] =
        [("ssl.ca.location", "ca.crt"), ("ssl.certificate.location", "tls.crt"), ("ssl.key.location", "tls.key")];
    let present = FILES.iter().map(|&(property, name)| (property, directory.join(name)));
    let present: Vec<_> = present.filter(|(_, path)| path.exists()).collect();
    let has = |property: &str| present.iter().any(|(name, _)| *name == property);
    let half = |has, lacks| AccessError::HalfAPair { directory: directory.to_owned(), has, lacks };
    match (has("ssl.certificate.location"), has("ssl.key.location")) {
        (true, false) => Err(half("tls.crt", "tls.key")),
        (false, true) => Err(half("tls.key", "tls.crt")),
        _ => Ok(present.into_iter().map(|(name, path)| (name, path.to_string_lossy().into_owned())).collect()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[allow(clippy::option_option)] // No TLS, TLS without files of its own, TLS with some.
    fn read(auth: Option<(SaslMechanism, &Path)>, tls: Option<Option<&Path>>) -> Result<Access, AccessError> {
        Access::read(&Kafka {
            bootstrap_servers: "kafka:9092".into(),
            auth: auth.map(|(mechanism, directory)| KafkaAuth { mechanism, directory: directory.to_owned() }),
            tls: tls.map(|directory| KafkaTls { directory: directory.map(Path::to_owned) }),
        })
    }

    #[test]
    fn name_and_encryption_choose_the_protocol() {
        let user = folder(&[("username", "alice"), ("password", "secret\n")]);
        let user = Some((SaslMechanism::ScramSha256, user.path()));
        let table = [
            (None, None, "plaintext"),
            (None, Some(None), "ssl"),
            (user, None, "sasl_plaintext"),
            (user, Some(None), "sasl_ssl"),
        ];
        for (auth, tls, protocol) in table {
            assert_eq!(read(auth, tls).unwrap().config("test").get("security.protocol"), Some(protocol));
        }
    }

    #[test]
    fn the_files_are_read_without_their_line_end() {
        let user = folder(&[("username", "alice\r\n"), ("password", " pass word \n")]);
        for (mechanism, name) in [
            (SaslMechanism::Plain, "PLAIN"),
            (SaslMechanism::ScramSha256, "SCRAM-SHA-256"),
            (SaslMechanism::ScramSha512, "SCRAM-SHA-512"),
        ] {
            let access = read(Some((mechanism, user.path())), None).unwrap();
            let config = access.config("test");
            let properties = ["sasl.mechanism", "sasl.username", "sasl.password"].map(|name| config.get(name).unwrap());
            assert_eq!(properties, [name, "alice", " pass word "]);
            assert!(!format!("{access:?}").contains("pass word"), "passwords are not printed");
        }
    }

    #[test]
    fn each_certificate_is_optional_but_a_pair_stays_together() {
        let names = ["ssl.ca.location", "ssl.certificate.location", "ssl.key.location"];
        let set = |files: &[(&str, &str)]| {
            let folder = folder(files);
            let config = read(None, Some(Some(folder.path())))?.config("test");
            Ok::<_, AccessError>(names.map(|name| config.get(name).is_some()))
        };
        assert_eq!(set(&[]).unwrap(), [false, false, false]);
        assert_eq!(set(&[("ca.crt", "")]).unwrap(), [true, false, false]);
        assert_eq!(set(&[("tls.crt", ""), ("tls.key", "")]).unwrap(), [false, true, true]);
        let half = set(&[("tls.key", "")]).unwrap_err().to_string();
        assert!(half.ends_with("has tls.key but not tls.crt; a client certificate needs both"), "{half}");
    }

    #[test]
    fn a_key_that_the_secret_lacks_is_named() {
        let user = folder(&[("username", "alice")]);
        let error = read(Some((SaslMechanism::Plain, user.path())), None).unwrap_err().to_string();
        assert!(error.contains("does the Secret have the key password?"), "{error}");
    }
}
