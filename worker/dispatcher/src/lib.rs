//! Holds partitions, leases single records to workers, keeps the ledger, reports to the operator.
//!
//! * [`run`] is all that others call: it serves until told to stop.
//! * The state machines of `imagejob-leasing` decide everything; `core` is the task that drives them.
//! * `consumer`, `broker`, `dead_letter` talk to Kafka; `sessions`, `reports`, `http` serve.
//!
//! A dispatcher never looks into a record: a poisonous photo can only harm a worker.

mod authorization;
mod broker;
mod clock;
mod consumer;
mod core;
mod dead_letter;
mod http;
mod meters;
mod reports;
mod sessions;
mod signals;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use imagejob_protocol::settings::DispatcherSettings;
use imagejob_protocol::wire::leases_server::LeasesServer;
use imagejob_protocol::wire::reports_server::ReportsServer;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::authorization::Token;
use crate::clock::Clock;
use crate::core::{Core, Windows};
use crate::http::router;
use crate::meters::Meters;
use crate::reports::ReportService;
use crate::sessions::LeaseService;

/// A peer that does not answer this long is gone.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// Messages of all streams on their way to the core.
const INBOUND: usize = 4_096;
/// How long streams may take to end once the core has.
const FAREWELL: Duration = Duration::from_millis(500);

/// What differs from pod to pod.
#[derive(Debug)]
pub struct Options {
    /// Unique per process, so that a restarted dispatcher is another one.
    pub dispatcher_id: String,
    /// Where workers and the operator dial (gRPC).
    pub grpc: TcpListener,
    /// Where `/healthz`, `/readyz` and `/metrics` are served.
    pub http: TcpListener,
    /// The job's token; callers without it are turned away.
    pub token: String,
}

/// Serves until `shutdown` is cancelled; then outcomes are waited for (at most half a second), the
/// ledger is committed, the group is left and the streams end.
///
/// # Errors
///
/// When no Kafka client can be created from the settings, or a server fails. A broker that does not
/// answer is no error: it is reported as a problem and tried again.
pub async fn run(settings: DispatcherSettings, options: Options, shutdown: CancellationToken) -> anyhow::Result<()> {
    let Options { dispatcher_id, grpc, http, token } = options;
    let windows = Windows {
        snapshots: watch::Sender::new(None),
        ready: Arc::default(),
        meters: Arc::new(Meters::new(&settings.job)),
    };
    let core = Core::new(dispatcher_id, settings, Clock::start(), windows.clone())
        .context("no Kafka client could be created from the settings")?;
    let (to_core, inbound) = mpsc::channel(INBOUND);
    let served = CancellationToken::new();
    let token = Token::new(&token);
    let leases = LeasesServer::new(LeaseService::new(to_core.clone(), token.clone()));
    let reports = ReportsServer::new(ReportService::new(to_core, windows.snapshots.clone(), token));
    let grpc = Server::builder()
        .tcp_nodelay(true)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .add_service(leases)
        .add_service(reports)
        .serve_with_incoming_shutdown(TcpListenerStream::new(grpc), served.clone().cancelled_owned());
    let http = axum::serve(http, router(windows)).with_graceful_shutdown(served.clone().cancelled_owned());
    let mut servers = tokio::spawn(async move {
        tokio::try_join!(async { grpc.await.context("the gRPC server failed") }, async {
            http.await.context("the HTTP server failed")
        },)
    });
    let mut core = tokio::spawn(core.run(inbound, shutdown));
    tokio::select! {
        ended = &mut core => ended.context("the core task panicked")?,
        ended = &mut servers => {
            ended.context("a server task panicked")??;
            anyhow::bail!("the servers ended before the dispatcher");
        }
    }
    served.cancel();
    if tokio::time::timeout(FAREWELL, &mut servers).await.is_err() {
        servers.abort();
    }
    Ok(())
}
