//! `imagejob-worker work`: loads the steps, then runs core and dialler until asked to stop.

use std::sync::Arc;
use std::time::Duration;

use imagejob_kafka::Access;
use imagejob_protocol::settings::WorkerSettings;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use crate::core::Core;
use crate::item::Items;
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::publish::Publisher;
use crate::session;
use crate::{dial, http};

/// Events on their way to the core: a few per slot and stream; senders wait when it is behind.
const EVENTS: usize = 1_024;

/// How long streams may take to carry the last frames.
const LAST_FRAMES: Duration = Duration::from_secs(2);

/// What differs from process to process.
pub struct Options {
    /// Name in logs and reports; must differ from that of any earlier process.
    pub id: String,
    /// `host:port`, one each or one for all.
    pub dispatchers: Vec<String>,
    /// The job's token.
    pub token: String,
    /// Where to serve probes and metrics.
    pub http: TcpListener,
    /// Time from process start until the steps were loaded.
    pub start: Duration,
}

/// A worker whose steps are loaded.
pub struct Worker {
    settings: WorkerSettings,
    pipeline: Pipeline,
    publisher: Publisher,
}

impl Worker {
    /// Loads the steps.
    ///
    /// # Errors
    /// A store, a step or a producer that cannot be prepared.
    pub async fn load(settings: &WorkerSettings) -> anyhow::Result<Self> {
        let pipeline = Pipeline::load(settings).await?;
        pipeline.ready().await;
        let publisher = Publisher::new(&Access::read(&settings.kafka)?)?;
        Ok(Self { settings: settings.clone(), pipeline, publisher })
    }

    /// Works until `stop`, then drains.
    ///
    /// # Errors
    /// A token that no header can carry; an HTTP address that is taken; results that were not
    /// acknowledged at the end.
    pub async fn run(self, options: Options, stop: CancellationToken) -> anyhow::Result<()> {
        let Self { settings, pipeline, publisher } = self;
        let grace = settings.drain();
        let slots = settings.slots;
        let mut registry = Registry::default();
        let metrics = Arc::new(Metrics::new(&mut registry));
        metrics.started(slots, options.start);
        let probes = tokio::spawn(http::serve(options.http, registry, stop.clone()));
        let items = Arc::new(Items::new(settings, pipeline, publisher, metrics));

        let (events_in, events) = mpsc::channel(EVENTS);
        let streams = TaskTracker::new();
        let token = session::bearer(&options.token)?;
        let dialling =
            tokio::spawn(dial::keep_dialling(options.dispatchers, token, events_in, streams.clone(), stop.clone()));
        Core::new(options.id, slots, Arc::clone(&items)).run(events, stop, grace).await;
        dialling.await?;
        streams.close();
        if tokio::time::timeout(LAST_FRAMES, streams.wait()).await.is_err() {
            info!("some streams did not end in time");
        }
        items.stop().await;
        probes.await??;
        items.flush()
    }
}
