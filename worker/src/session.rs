//! One stream to one dispatcher: carries messages both ways until either side ends it. Decides
//! nothing; the desk of `imagejob-leasing` does.

use std::time::Duration;

use anyhow::Context as _;
use imagejob_protocol::wire::from_dispatcher::Message;
use imagejob_protocol::wire::leases_client::LeasesClient;
use imagejob_protocol::wire::{FromDispatcher, FromWorker, Hello, Welcome, from_worker};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Endpoint;
use tonic::{Request, Streaming};

/// Frames on their way to a dispatcher. A worker sends a few per second and one per flush of
/// outcomes; a dispatcher that leaves 1,024 unread is stuck, and its stream is given up.
const OUTBOUND_FRAMES: usize = 1_024;

/// Largest frame: above the broker's `message.max.bytes` in any sane configuration.
const MAX_FRAME_BYTES: usize = 64 << 20;

/// A stream that has been welcomed.
pub struct Session {
    /// What the dispatcher said of itself.
    pub welcome: Welcome,
    /// Frames to it.
    pub outbound: mpsc::Sender<FromWorker>,
    /// Frames from it.
    pub inbound: Streaming<FromDispatcher>,
}

/// Metadata that proves that we belong to the job.
pub fn bearer(token: &str) -> anyhow::Result<MetadataValue<Ascii>> {
    format!("Bearer {}", token.trim()).parse().context("the token has characters that a header cannot carry")
}

/// Dials `address` (`host:port`), says hello and waits for the welcome.
pub async fn open(address: &str, token: &MetadataValue<Ascii>, hello: Hello) -> anyhow::Result<Session> {
    let channel = Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(Duration::from_secs(2))
        .http2_keep_alive_interval(Duration::from_secs(5))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .connect()
        .await
        .with_context(|| format!("dispatcher {address} does not answer"))?;
    let (outbound, frames) = mpsc::channel(OUTBOUND_FRAMES);
    outbound.try_send(FromWorker { message: Some(from_worker::Message::Hello(hello)) })?;
    let mut request = Request::new(ReceiverStream::new(frames));
    request.metadata_mut().insert("authorization", token.clone());
    let mut client = LeasesClient::new(channel).max_decoding_message_size(MAX_FRAME_BYTES);
    let mut inbound = client.work(request).await?.into_inner();
    match inbound.message().await?.and_then(|frame| frame.message) {
        Some(Message::Welcome(welcome)) => Ok(Session { welcome, outbound, inbound }),
        other => anyhow::bail!("dispatcher {address} began with {other:?} instead of a welcome"),
    }
}
