//! Records that are given up: one dead letter each, as they were, and one failure event if a topic for
//! these is named. Both receipts are waited for; until then the record stays unfinished.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use imagejob_kafka::Access;
use imagejob_leasing::dispatcher::{DeadLetter, Topics};
use imagejob_protocol::events::{Attributes, EXPIRED, FAILED, FailureBody, Source};
use imagejob_protocol::headers;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{DispatcherSettings, OnExhausted};
use imagejob_protocol::wire::FailureClass;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use tokio::sync::{Semaphore, mpsc};
use tracing::warn;

use crate::clock::Clock;
use crate::consumer::client_config;
use crate::core::Answer;

/// Letters on their way at a time.
const CONCURRENT: usize = 256;
/// Pause before a letter is tried again; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Writes dead letters, each in a task of its own.
#[derive(Clone)]
pub(crate) struct DeadLetters(Arc<Inner>);

struct Inner {
    access: Access,
    settings: DispatcherSettings,
    topics: Topics,
    clock: Clock,
    answers: mpsc::Sender<Answer>,
    /// Most dispatchers never need it, and it has threads and connections of its own.
    producer: OnceLock<FutureProducer>,
    room: Semaphore,
}

/// What is written for one record.
#[derive(Debug)]
struct Message {
    topic: String,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: OwnedHeaders,
    timestamp_ms: Option<i64>,
}

impl DeadLetters {
    pub(crate) fn new(
        access: Access,
        settings: &DispatcherSettings,
        topics: Topics,
        clock: Clock,
        answers: mpsc::Sender<Answer>,
    ) -> Self {
        let settings = settings.clone();
        let (producer, room) = (OnceLock::new(), Semaphore::new(CONCURRENT));
        Self(Arc::new(Inner { access, settings, topics, clock, answers, producer, room }))
    }

    /// Writes one until it is written; its end comes as [`Answer::Buried`].
    pub(crate) fn write(&self, letter: DeadLetter) {
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            let Ok(_permit) = inner.room.acquire().await else { return };
            let mut pause = FIRST_PAUSE;
            while let Err(error) = inner.try_to_write(&letter).await {
                let topic = &inner.settings.dead_letter_topic;
                warn!(topic, %error, "a dead letter was not written, trying again");
                let message = format!("topic \"{topic}\" does not take dead letters: {error}");
                inner.answers.send(Answer::NotBuried(message)).await.ok();
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            let (id, reason) = (letter.record.id, letter.cause.reason);
            inner.answers.send(Answer::Buried { id, reason }).await.ok();
        });
    }
}

impl Inner {
    async fn try_to_write(&self, letter: &DeadLetter) -> Result<(), KafkaError> {
        if self.settings.retry.on_exhausted != OnExhausted::Skip {
            self.send(dead_letter(letter, &self.settings, &self.topics)).await?;
        }
        if let Some(topic) = &self.settings.failure_topic {
            let at_ms = self.clock.now().unix_ms;
            self.send(failure_event(letter, topic, &self.settings, &self.topics, at_ms)).await?;
        }
        Ok(())
    }

    async fn send(&self, message: Message) -> Result<(), KafkaError> {
        let mut record = FutureRecord::<[u8], [u8]>::to(&message.topic).headers(message.headers);
        record.key = message.key.as_deref();
        record.payload = message.value.as_deref();
        record.timestamp = message.timestamp_ms;
        let sent = self.producer()?.send(record, Timeout::After(Duration::from_secs(10))).await;
        sent.map(|_| ()).map_err(|(error, _)| error)
    }

    fn producer(&self) -> Result<&FutureProducer, KafkaError> {
        if let Some(producer) = self.producer.get() {
            return Ok(producer);
        }
        let mut config = client_config(&self.access);
        config
            .set("enable.idempotence", "true")
            .set("delivery.timeout.ms", "30000")
            .set("message.max.bytes", "104857600")
            .set("linger.ms", "5");
        let producer = config.create()?;
        Ok(self.producer.get_or_init(|| producer))
    }
}

/// The record byte for byte, with its coordinates and what went wrong in added headers.
fn dead_letter(letter: &DeadLetter, settings: &DispatcherSettings, topics: &Topics) -> Message {
    let DeadLetter { record, cause, attempts } = letter;
    let added = [
        (headers::TOPIC, topics.name(record.id.partition).to_owned()),
        (headers::PARTITION, record.id.partition.number.to_string()),
        (headers::OFFSET, record.id.offset.to_string()),
        (headers::TIMESTAMP, record.timestamp_ms.to_string()),
        (headers::GROUP, settings.consumer_group.clone()),
        (headers::CLASS, class_word(cause.class).to_owned()),
        (headers::REASON, cause.reason.clone()),
        (headers::MESSAGE, cause.message.clone()),
        (headers::FAILURES, attempts.failures.to_string()),
        (headers::LOSSES, attempts.losses.to_string()),
    ];
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len() + added.len());
    for header in &record.headers {
        headers = headers.insert(Header { key: &header.name, value: header.value.as_deref() });
    }
    for (key, value) in &added {
        headers = headers.insert(Header { key, value: Some(value) });
    }
    Message {
        topic: settings.dead_letter_topic.clone(),
        key: record.key.as_ref().map(|key| key.to_vec()),
        value: record.value.as_ref().map(|value| value.to_vec()),
        headers,
        // Its own: with the original's, which is in a header, retention might delete it at once.
        timestamp_ms: None,
    }
}

/// One event for the record as a whole: why it has no result.
fn failure_event(
    letter: &DeadLetter,
    topic: &str,
    settings: &DispatcherSettings,
    topics: &Topics,
    at_ms: i64,
) -> Message {
    let DeadLetter { record, cause, attempts } = letter;
    let source = Source {
        group: settings.consumer_group.clone(),
        topic: topics.name(record.id.partition).to_owned(),
        partition: record.id.partition.number,
        offset: record.id.offset,
    };
    let key = record.key.as_ref().map_or_else(|| source.coordinates().into_bytes(), |key| key.to_vec());
    let body = FailureBody {
        reason: cause.reason.clone(),
        message: cause.message.clone(),
        failures: attempts.failures,
        losses: attempts.losses,
        dead_letter_topic: (settings.retry.on_exhausted != OnExhausted::Skip)
            .then(|| settings.dead_letter_topic.clone()),
    };
    let traceparent = record.headers.iter().find(|header| header.name == "traceparent");
    let traceparent = traceparent.and_then(|header| header.value.as_deref());
    let attributes = Attributes {
        kind: if cause.reason == FailureReason::Expired.as_str() { EXPIRED } else { FAILED },
        namespace: settings.job.namespace.clone(),
        job: settings.job.name.clone(),
        source,
        index: 0,
        count: 1,
        subject: None,
        time: jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default().to_string(),
        attempt: (attempts.failures + attempts.losses).max(1),
        traceparent: traceparent.map(|value| String::from_utf8_lossy(value).into_owned()),
    };
    let mut headers = OwnedHeaders::new();
    for (key, value) in &attributes.headers() {
        headers = headers.insert(Header { key, value: Some(value) });
    }
    Message {
        topic: topic.to_owned(),
        key: Some(key),
        value: serde_json::to_vec(&body).ok(),
        headers,
        timestamp_ms: None,
    }
}

fn class_word(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Permanent => "Permanent",
        FailureClass::Transient | FailureClass::Unspecified => "Transient",
    }
}
