//! One lease, from its arrival to its outcome: read the message, look at each photo that it names,
//! publish a result for each, and only then say that it is done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imagejob_protocol::events::{Attributes, Object, SUCCEEDED, Source};
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::WorkerSettings;
use imagejob_protocol::wire::{self, Lease};
use jiff::Timestamp;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::core::Work;
use crate::formats::{self, Message, Named, Places};
use crate::gate::Gate;
use crate::metrics::Metrics;
use crate::outcome::{Failure, Outcome};
use crate::pipeline::{Phases, Pipeline};
use crate::publish::Publisher;
use crate::steps::Item;
use crate::variables::Variables;
use crate::{clock, routes};

/// Everything that an item needs, shared by all.
pub struct Items {
    settings: WorkerSettings,
    pipeline: Pipeline,
    publisher: Publisher,
    metrics: Arc<Metrics>,
    gate: Gate,
}

impl Items {
    /// Ready to work.
    pub fn new(settings: WorkerSettings, pipeline: Pipeline, publisher: Publisher, metrics: Arc<Metrics>) -> Self {
        Self { settings, pipeline, publisher, metrics, gate: Gate::default() }
    }

    /// Waits for results on their way.
    ///
    /// # Errors
    /// Some did not get there in time.
    pub fn flush(&self) -> anyhow::Result<()> {
        self.publisher.flush()
    }

    /// Ends what steps began, after the last item.
    pub async fn stop(&self) {
        self.pipeline.stop().await;
    }

    async fn process(&self, lease: Lease, arrived: Instant) -> Result<Outcome, Failure> {
        let value = lease.value.clone().unwrap_or_default();
        let message = Message { headers: &lease.headers, value: &value };
        let sent = Timestamp::from_millisecond(lease.timestamp_ms).unwrap_or_default();
        let asked = formats::parse(&self.settings.format, Places::of(&self.settings), message)?;
        self.metrics.skipped(&asked.skipped);
        if asked.photos.is_empty() {
            return Ok(Outcome::Done { timings: wire::Timings::default(), results: 0, skipped: true });
        }
        let record = Record::of(lease, &self.settings, asked.photos.len() as u32);
        let (mut phases, mut publish, mut bytes) = (Phases::default(), Duration::ZERO, 0);
        for (index, Named { object, message }) in (0..).zip(&asked.photos) {
            let variables = Variables::of(&self.settings.variables, message).with_time(sent);
            let attributes = record.attributes(index, object);
            let id = attributes.source.item_id(index);
            let item =
                Item { attempt: record.attempt, variables, record: value.clone(), ..Item::new(id, object.clone()) };
            let mut processed = self.pipeline.process(item).await?;
            processed.body.copied = copied(&self.settings.copy, message);
            let topic = routes::topic(&self.settings.routes, &processed.body.steps, &self.settings.result_topic);
            let begun = clock::now();
            self.publisher.publish(topic, &record.key, &attributes, &processed.body).await?;
            publish += begun.elapsed();
            phases = phases + processed.phases;
            bytes += processed.body.object.bytes.unwrap_or(0);
        }
        let micros = |duration: Duration| u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
        let timings = wire::Timings {
            fetch: micros(phases.fetch),
            decode: micros(phases.decode),
            steps: micros(phases.steps),
            publish: micros(publish),
            total: micros(arrived.elapsed()),
        };
        self.metrics.done(&timings, bytes);
        Ok(Outcome::Done { timings, results: record.objects, skipped: false })
    }
}

impl Work for Items {
    async fn work(&self, lease: Lease, stopping: CancellationToken) -> Outcome {
        let arrived = clock::now();
        let _turn = tokio::select! {
            biased;
            turn = self.gate.turn(lease.alone) => turn,
            () = stopping.cancelled() => return Outcome::Returned,
        };
        let _busy = self.metrics.item();
        let work = self.process(lease, arrived);
        let ended = match self.settings.timeout_ms {
            None => work.await,
            Some(limit) => tokio::time::timeout(Duration::from_millis(limit), work).await.unwrap_or_else(|_| {
                let message = format!("not finished within delivery.timeoutSeconds ({} s)", limit / 1_000);
                Err(Failure::new(FailureReason::TimedOut, message))
            }),
        };
        ended.unwrap_or_else(Outcome::Failed)
    }
}

/// What all results of one record have in common.
struct Record {
    namespace: String,
    job: String,
    source: Source,
    attempt: u32,
    traceparent: Option<String>,
    key: Vec<u8>,
    objects: u32,
}

impl Record {
    fn of(lease: Lease, settings: &WorkerSettings, objects: u32) -> Self {
        let position = lease.position.unwrap_or_default();
        let source = Source {
            group: settings.consumer_group.clone(),
            topic: position.topic,
            partition: position.partition,
            offset: position.offset,
        };
        let parent = lease.headers.iter().find(|header| header.name == "traceparent");
        let parent = parent.and_then(|header| String::from_utf8(header.value.clone()?.to_vec()).ok());
        Self {
            namespace: settings.job.namespace.clone(),
            job: settings.job.name.clone(),
            key: lease.key.map_or_else(|| source.coordinates().into_bytes(), |key| key.to_vec()),
            source,
            attempt: lease.attempt,
            traceparent: parent,
            objects,
        }
    }

    fn attributes(&self, index: u32, object: &Object) -> Attributes {
        Attributes {
            kind: SUCCEEDED,
            namespace: self.namespace.clone(),
            job: self.job.clone(),
            source: self.source.clone(),
            index,
            count: self.objects,
            subject: Some(object.path()),
            time: clock::timestamp().to_string(),
            attempt: self.attempt,
            traceparent: self.traceparent.clone(),
        }
    }
}

/// What the pointers find in the message; what is not there is left out.
fn copied(pointers: &[String], message: &Value) -> BTreeMap<String, Value> {
    let found = |pointer: &String| Some((pointer.clone(), message.pointer(pointer)?.clone()));
    pointers.iter().filter_map(found).collect()
}
