//! What whoever runs the brokers does to topics: create, grow, delete, cut off the beginning.

use std::time::Duration;

use anyhow::{Context as _, bail};
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication, TopicResult,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::runtime::Runtime;

/// How long brokers may take to carry something out.
const LIMIT: Duration = Duration::from_secs(10);

/// An administrator's client.
pub struct Admin {
    client: AdminClient<DefaultClientContext>,
    options: AdminOptions,
    runtime: Runtime,
}

impl Admin {
    /// Connects.
    pub fn new(bootstrap: &str) -> anyhow::Result<Self> {
        Ok(Self {
            client: ClientConfig::new().set("bootstrap.servers", bootstrap).create()?,
            options: AdminOptions::new().operation_timeout(Some(LIMIT)),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        })
    }

    /// Creates a topic with as many replicas as there are by default, if it is not there.
    pub fn create(&self, topic: &str, partitions: i32) -> anyhow::Result<()> {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(-1));
        let created = self.runtime.block_on(self.client.create_topics([&new], &self.options))?;
        match created.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
            other => carried_out(other),
        }
    }

    /// Gives a topic more partitions, so that it has `partitions`.
    pub fn grow(&self, topic: &str, partitions: usize) -> anyhow::Result<()> {
        let new = NewPartitions::new(topic, partitions);
        let grown = self.runtime.block_on(self.client.create_partitions([&new], &self.options))?;
        carried_out(grown.into_iter().next())
    }

    /// Sets a property of a topic.
    pub fn configure(&self, topic: &str, property: &str, value: &str) -> anyhow::Result<()> {
        let resource = AlterConfig::new(ResourceSpecifier::Topic(topic)).set(property, value);
        let altered = self.runtime.block_on(self.client.alter_configs([&resource], &self.options))?;
        match altered.into_iter().next().context("the brokers said nothing of the topic")? {
            Ok(_) => Ok(()),
            Err((_, code)) => bail!("{topic}: {property}={value}: {code}"),
        }
    }

    /// Deletes a topic with everything in it.
    pub fn delete(&self, topic: &str) -> anyhow::Result<()> {
        carried_out(self.runtime.block_on(self.client.delete_topics(&[topic], &self.options))?.into_iter().next())
    }

    /// Deletes the records below `offset` of each of the topic's `partitions`, as retention does.
    pub fn delete_before(&self, topic: &str, partitions: i32, offset: i64) -> anyhow::Result<()> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        list.set_all_offsets(Offset::Offset(offset))?;
        let deleted = self.runtime.block_on(self.client.delete_records(&list, &self.options))?;
        deleted
            .elements()
            .iter()
            .try_for_each(rdkafka::topic_partition_list::TopicPartitionListElem::error)
            .context("records were not deleted")
    }
}

fn carried_out(result: Option<TopicResult>) -> anyhow::Result<()> {
    match result.context("the brokers said nothing of the topic")? {
        Ok(_) => Ok(()),
        Err((topic, code)) => bail!("{topic}: {code}"),
    }
}
