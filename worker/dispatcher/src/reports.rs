//! The gRPC service that the operator dials: the newest report whenever there is one.

use std::sync::Arc;

use imagejob_leasing::dispatcher::Snapshot;
use imagejob_protocol::wire::reports_server::Reports;
use imagejob_protocol::wire::{Control, Report};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::authorization::Token;
use crate::core::Inbound;

/// The service.
pub(crate) struct ReportService {
    core: mpsc::Sender<Inbound>,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    token: Token,
}

impl ReportService {
    pub(crate) fn new(
        core: mpsc::Sender<Inbound>,
        snapshots: watch::Sender<Option<Arc<Snapshot>>>,
        token: Token,
    ) -> Self {
        Self { core, snapshots, token }
    }
}

#[tonic::async_trait]
impl Reports for ReportService {
    type WatchStream = ReceiverStream<Result<Report, Status>>;

    async fn watch(&self, request: Request<Streaming<Control>>) -> Result<Response<Self::WatchStream>, Status> {
        self.token.check(request.metadata())?;
        // One report on its way: whoever is slow gets the newest next, never a queue of old ones.
        let (reports, outbound) = mpsc::channel(1);
        tokio::spawn(obey(request.into_inner(), self.core.clone()));
        tokio::spawn(push(self.snapshots.subscribe(), reports));
        Ok(Response::new(ReceiverStream::new(outbound)))
    }
}

async fn obey(mut controls: Streaming<Control>, core: mpsc::Sender<Inbound>) {
    while let Ok(Some(control)) = controls.message().await {
        if core.send(Inbound::Control(control)).await.is_err() {
            return;
        }
    }
}

async fn push(mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>, reports: mpsc::Sender<Result<Report, Status>>) {
    snapshots.mark_changed();
    let mut seen_until_ms = i64::MIN;
    while snapshots.changed().await.is_ok() {
        let Some(snapshot) = snapshots.borrow_and_update().clone() else { continue };
        let mut report = snapshot.report.clone();
        report.arrivals = Some(snapshot.arrivals.since(seen_until_ms));
        seen_until_ms = snapshot.arrivals.last_ms();
        if reports.send(Ok(report)).await.is_err() {
            return;
        }
    }
}
