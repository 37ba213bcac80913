//! The Kafka that `imagejob dev` works with: librdkafka's in-process mock, or yours.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use imagejob_kafka::{Access, refusal};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::MetadataPartition;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// How long a broker may take to answer.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A broker for the length of a run.
pub(crate) enum Broker {
    /// Lives in this process and dies with it. Keeps 5 MB or 100,000 records per partition.
    Embedded {
        /// The cluster; dropping it ends it.
        cluster: MockCluster<'static, DefaultProducerContext>,
    },
    /// Somebody else's.
    External,
}

/// A topic that the job needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topic {
    /// Its name.
    pub(crate) name: String,
    /// Partitions to create it with.
    pub(crate) partitions: i32,
}

impl Broker {
    /// Starts an embedded broker; also says where to connect.
    pub(crate) fn embedded() -> anyhow::Result<(Self, String)> {
        let cluster = MockCluster::new(1).context("the embedded broker did not start")?;
        let bootstrap_servers = cluster.bootstrap_servers();
        Ok((Self::Embedded { cluster }, bootstrap_servers))
    }

    /// Sees to it that the topics exist: creates them here, asks for them elsewhere, where they are
    /// created only if `create` says so.
    pub(crate) async fn provide(&self, access: &Access, topics: &[Topic], create: bool) -> anyhow::Result<()> {
        match self {
            Self::Embedded { cluster } => {
                topics.iter().try_for_each(|topic| cluster.create_topic(&topic.name, topic.partitions, 1))?;
                Ok(())
            }
            Self::External => {
                let missing = tokio::task::block_in_place(|| missing_topics(access, topics))?;
                if create {
                    return create_topics(access, &missing).await;
                }
                if let Some(topic) = missing.first() {
                    bail!(
                        "TopicMissing: topic \"{}\" does not exist at {}; create it, or let --create-topics do it",
                        topic.name,
                        access.servers()
                    );
                }
                Ok(())
            }
        }
    }
}

/// A handle that asks questions and belongs to no group.
pub(crate) fn asker(access: &Access, group: &str) -> anyhow::Result<BaseConsumer> {
    Ok(access
        .config("imagejob-dev")
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("log_level", "2")
        .create()?)
}

/// Numbers of a topic's partitions.
pub(crate) fn partitions(asker: &BaseConsumer, topic: &str) -> anyhow::Result<Vec<i32>> {
    let metadata = asker.fetch_metadata(Some(topic), ANSWER_LIMIT)?;
    let found = metadata.topics().first().map(|topic| topic.partitions().iter().map(MetadataPartition::id).collect());
    Ok(found.unwrap_or_default())
}

fn missing_topics(access: &Access, topics: &[Topic]) -> anyhow::Result<Vec<Topic>> {
    let asker = asker(access, "imagejob-dev")?;
    let metadata = asker.fetch_metadata(None, ANSWER_LIMIT).map_err(|error| {
        tracing::debug!(%error, "no metadata");
        no_answer(&asker, access.servers())
    })?;
    let exists = |topic: &Topic| metadata.topics().iter().any(|known| known.name() == topic.name);
    Ok(topics.iter().filter(|topic| !exists(topic)).cloned().collect())
}

/// What the client met while it waited is told apart from the answer that did not come.
fn no_answer(asker: &BaseConsumer, servers: &str) -> anyhow::Error {
    let met = std::iter::from_fn(|| asker.poll(Duration::ZERO)).filter_map(Result::err);
    if met.filter_map(|error| error.rdkafka_error_code()).any(refusal) {
        return anyhow!("NotAuthorized: {servers} does not let us in; correct the Secret of spec.source.kafka.auth");
    }
    anyhow!(
        "BrokerUnreachable: no broker answers at {servers} within {} s; check the address and spec.source.kafka.tls, or leave \
         --bootstrap-servers out to use the embedded broker",
        ANSWER_LIMIT.as_secs()
    )
}

async fn create_topics(access: &Access, topics: &[Topic]) -> anyhow::Result<()> {
    if topics.is_empty() {
        return Ok(());
    }
    let admin: AdminClient<DefaultClientContext> = access.config("imagejob-dev").create()?;
    // -1: the broker's own default replication.
    let new: Vec<_> =
        topics.iter().map(|topic| NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(-1))).collect();
    let options = AdminOptions::new().operation_timeout(Some(ANSWER_LIMIT));
    for created in admin.create_topics(&new, &options).await? {
        created.map_err(|(topic, error)| anyhow::anyhow!("topic \"{topic}\" could not be created: {error}"))?;
    }
    Ok(())
}
