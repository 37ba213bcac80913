//! Where records come from and how they name objects.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::access::{KafkaAuth, KafkaTls, kafka_auth, kafka_tls};
use super::names;
use super::problem::Problems;
use crate::object::NamespacedName;
use crate::source::{self, GroupProtocol, MessageFormat, StartPosition};

/// Where records come from and how they name objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// `host:port,...`, without spaces.
    pub bootstrap_servers: String,
    /// Who we are to the brokers, if they ask.
    pub auth: Option<KafkaAuth>,
    /// Encrypted connections, if they are wanted.
    pub tls: Option<KafkaTls>,
    /// Topics, at least one.
    pub topics: Vec<String>,
    /// Consumer group of the dispatchers.
    pub consumer_group: String,
    /// How its members share the partitions.
    pub group_protocol: GroupProtocol,
    /// Where to begin on a partition without a committed offset.
    pub start_from: StartFrom,
    /// How messages name objects.
    pub format: Format,
    /// Buckets by the domain names that stand for them.
    pub hosts: BTreeMap<String, String>,
}

/// Where to begin on a partition without a committed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// The oldest record there is.
    Earliest,
    /// The first record that is not older than the job.
    Created(Timestamp),
}

/// How messages name objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Found out from each message.
    Auto,
    /// A bare URI, JSON with known fields, or a URI at a pointer.
    Plain {
        /// JSON pointer to the URI.
        uri_pointer: Option<String>,
    },
    /// S3 event notification 2.x.
    S3Event,
    /// OSS event.
    OssEvent,
    /// Base64 of any of these.
    MnsBase64,
    /// CloudEvent 1.x with any of these as its data.
    CloudEvent,
    /// Array of records of another topic.
    FcConnector,
}

pub(super) fn source(
    spec: &source::Source,
    buckets: &[String],
    metadata: &ObjectMeta,
    created: Timestamp,
    problems: &mut Problems,
) -> Option<Source> {
    let kafka = &spec.kafka;
    let before = problems.count();
    names::bootstrap_servers("spec.source.kafka.bootstrapServers", &kafka.bootstrap_servers, problems);
    let auth = kafka.auth.as_ref().map(|auth| kafka_auth(auth, problems));
    let tls = kafka.tls.as_ref().map(|tls| kafka_tls(tls, problems));
    topics(&kafka.topics, problems);
    let name = NamespacedName::of(metadata);
    let consumer_group = kafka.consumer_group.clone().unwrap_or_else(|| format!("{}.{}", name.namespace, name.name));
    if !(1..=255).contains(&consumer_group.len()) {
        problems.add("spec.source.kafka.consumerGroup", "is not 1 to 255 characters long; omit it for the default");
    }
    let format = format(spec, problems);
    hosts(&spec.hosts, buckets, problems);
    (problems.count() == before).then(|| Source {
        bootstrap_servers: kafka.bootstrap_servers.split(',').map(str::trim).collect::<Vec<_>>().join(","),
        auth,
        tls,
        topics: kafka.topics.clone(),
        consumer_group,
        group_protocol: kafka.group_protocol,
        start_from: match kafka.start_from {
            StartPosition::Earliest => StartFrom::Earliest,
            StartPosition::Latest => {
                StartFrom::Created(metadata.creation_timestamp.as_ref().map_or(created, |time| time.0))
            }
        },
        format,
        hosts: spec.hosts.clone(),
    })
}

fn topics(topics: &[String], problems: &mut Problems) {
    let path = "spec.source.kafka.topics";
    if !(1..=16).contains(&topics.len()) {
        problems.add(path, format!("{} topics are not 1 to 16", topics.len()));
    }
    for (i, topic) in topics.iter().enumerate() {
        names::topic(&format!("{path}[{i}]"), topic, problems);
    }
    names::unique(path, topics.iter().map(String::as_str), problems);
}

fn format(spec: &source::Source, problems: &mut Problems) -> Format {
    let path = "spec.source.uriPointer";
    if let Some(pointer) = &spec.uri_pointer {
        names::json_pointer(path, pointer, problems);
    }
    match (spec.format, &spec.uri_pointer) {
        (MessageFormat::Plain, pointer) => Format::Plain { uri_pointer: pointer.clone() },
        (other, Some(_)) => {
            problems.add(path, format!("belongs to format Plain, not {other:?}; set format: Plain or omit it"));
            Format::Auto
        }
        (MessageFormat::Auto, None) => Format::Auto,
        (MessageFormat::S3Event, None) => Format::S3Event,
        (MessageFormat::OssEvent, None) => Format::OssEvent,
        (MessageFormat::MnsBase64, None) => Format::MnsBase64,
        (MessageFormat::CloudEvent, None) => Format::CloudEvent,
        (MessageFormat::FcConnector, None) => Format::FcConnector,
    }
}

fn hosts(hosts: &BTreeMap<String, String>, buckets: &[String], problems: &mut Problems) {
    let letters = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    for (host, bucket) in hosts {
        let path = format!("spec.source.hosts.{host}");
        if host.len() > 253 || !host.split('.').all(letters) {
            let form = "write it in small letters like img.example.com, without https:// and port";
            problems.add(&path, format!("{host:?} is not a host name; {form}"));
        }
        if !buckets.contains(bucket) {
            problems.add(&path, format!("bucket {bucket:?} is not in storage.buckets; add it there"));
        }
    }
}
