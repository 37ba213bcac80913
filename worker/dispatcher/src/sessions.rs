//! The gRPC service that workers dial. Carries messages both ways; the desk decides.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use imagejob_leasing::dispatcher::SessionId;
use imagejob_protocol::wire::leases_server::Leases;
use imagejob_protocol::wire::{FromWorker, from_worker};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::debug;

use crate::authorization::Token;
use crate::core::{Frame, Inbound};

/// Frames on their way to one worker; what does not fit stays with the desk.
const OUTBOUND_FRAMES: usize = 32;
/// A stream that has not said hello by then is closed.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// The service.
pub(crate) struct LeaseService {
    core: mpsc::Sender<Inbound>,
    token: Token,
    next: AtomicU64,
}

impl LeaseService {
    pub(crate) fn new(core: mpsc::Sender<Inbound>, token: Token) -> Self {
        Self { core, token, next: AtomicU64::new(0) }
    }
}

#[tonic::async_trait]
impl Leases for LeaseService {
    type WorkStream = ReceiverStream<Frame>;

    async fn work(&self, request: Request<Streaming<FromWorker>>) -> Result<Response<Self::WorkStream>, Status> {
        self.token.check(request.metadata())?;
        let session = SessionId(self.next.fetch_add(1, Ordering::Relaxed));
        let (frames, outbound) = mpsc::channel(OUTBOUND_FRAMES);
        tokio::spawn(read(session, request.into_inner(), frames, self.core.clone()));
        Ok(Response::new(ReceiverStream::new(outbound)))
    }
}

/// Hands a worker's messages to the core until either is gone.
async fn read(
    session: SessionId,
    mut messages: Streaming<FromWorker>,
    frames: mpsc::Sender<Frame>,
    core: mpsc::Sender<Inbound>,
) {
    let first = tokio::time::timeout(HELLO_WITHIN, messages.message()).await;
    let Ok(Ok(Some(FromWorker { message: Some(from_worker::Message::Hello(hello)) }))) = first else {
        frames.send(Err(Status::invalid_argument("a stream begins with a hello"))).await.ok();
        return;
    };
    if core.send(Inbound::Opened(session, frames, hello)).await.is_err() {
        return;
    }
    loop {
        match messages.message().await {
            Ok(Some(FromWorker { message: Some(message) })) => {
                if core.send(Inbound::Received(session, message)).await.is_err() {
                    return;
                }
            }
            Ok(Some(FromWorker { message: None })) => {}
            Ok(None) => break,
            Err(status) => {
                debug!(session = session.0, %status, "a worker's stream broke");
                break;
            }
        }
    }
    core.send(Inbound::Closed(session)).await.ok();
}
