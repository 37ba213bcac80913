//! Publishes results. A result counts when the broker has acknowledged it, not before: only then
//! may the worker say `Done`.

use std::time::Duration;

use imagejob_kafka::Access;
use imagejob_protocol::events::{Attributes, ItemBody};
use imagejob_protocol::reasons::FailureReason;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::util::Timeout;

use crate::outcome::Failure;

/// How long a result may take to be acknowledged before the item counts as failed. Shorter than
/// the default of 300 s, so that a record is retried while its photo is still worth something;
/// long enough for a broker to be replaced.
const DELIVERY_LIMIT: Duration = Duration::from_secs(30);

/// Longest wait for results that are on their way when the worker stops.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// The result topics.
pub struct Publisher {
    producer: FutureProducer,
}

impl Publisher {
    /// Connects in the background; nothing is awaited here, so that a worker is ready at once.
    pub fn new(access: &Access) -> anyhow::Result<Self> {
        let producer = access
            .config("imagejob-worker")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // A slot is taken until its result is acknowledged, so nothing waits for company: at thousands of
            // results a second they share requests anyway, and below that there would be nobody to wait for.
            .set("linger.ms", "0")
            .set("message.timeout.ms", DELIVERY_LIMIT.as_millis().to_string())
            .create()?;
        Ok(Self { producer })
    }

    /// Publishes one result and waits for its receipt.
    pub async fn publish(
        &self,
        topic: &str,
        key: &[u8],
        attributes: &Attributes,
        body: &ItemBody,
    ) -> Result<(), Failure> {
        let value = serde_json::to_vec(body).map_err(|error| failed(topic, &error))?;
        let headers = attributes.headers();
        let headers = headers.iter().fold(OwnedHeaders::new_with_capacity(headers.len()), |all, (key, value)| {
            all.insert(Header { key, value: Some(value) })
        });
        let record = FutureRecord::to(topic).key(key).payload(&value).headers(headers);
        let sent = self.producer.send(record, Timeout::After(DELIVERY_LIMIT)).await;
        sent.map(drop).map_err(|(error, _)| failed(topic, &error))
    }

    /// Waits for what is on its way.
    pub fn flush(&self) -> anyhow::Result<()> {
        Ok(self.producer.flush(FLUSH_LIMIT)?)
    }
}

fn failed(topic: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureReason::PublishFailed, format!("result topic {topic:?} did not take the result: {error}"))
}
