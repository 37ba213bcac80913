//! The report stream of a dispatcher, as the operator watches it: the newest report, and nothing
//! else. It dials again until it is dropped, because stories kill dispatchers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use imagejob_protocol::wire::reports_client::ReportsClient;
use imagejob_protocol::wire::{Control, Report};
use tokio::runtime::Runtime;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};

/// Pause before the next attempt to connect.
const AGAIN: Duration = Duration::from_millis(50);

/// The newest report, or why there is none.
type Latest = Arc<Mutex<Result<Report, String>>>;

/// A watch on one dispatcher.
pub struct Watch {
    latest: Latest,
    _runtime: Runtime,
}

impl Watch {
    /// Watches the dispatcher at `address` (`host:port`), now or when it comes up.
    pub fn start(address: &str, token: &str, control: Control) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let latest = Arc::new(Mutex::new(Err("no report yet".to_owned())));
        let (url, token) = (format!("http://{address}"), format!("Bearer {token}").parse()?);
        runtime.spawn(follow(url, token, control, Arc::clone(&latest)));
        Ok(Self { latest, _runtime: runtime })
    }

    /// The newest report, or why there is none.
    pub fn latest(&self) -> Result<Report, String> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn put(latest: &Latest, report: Result<Report, String>) {
    *latest.lock().unwrap_or_else(PoisonError::into_inner) = report;
}

async fn follow(url: String, token: MetadataValue<Ascii>, control: Control, latest: Latest) {
    loop {
        let ended = match stream(url.clone(), token.clone(), control, &latest).await {
            Ok(()) => "the dispatcher ended the stream".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        put(&latest, Err(ended));
        tokio::time::sleep(AGAIN).await;
    }
}

async fn stream(url: String, token: MetadataValue<Ascii>, control: Control, latest: &Latest) -> anyhow::Result<()> {
    let mut client = ReportsClient::connect(url).await?;
    let (send, receive) = tokio::sync::mpsc::channel(1);
    send.send(control).await?;
    let mut request = Request::new(ReceiverStream::new(receive));
    request.metadata_mut().insert("authorization", token);
    let mut reports = client.watch(request).await?.into_inner();
    while let Some(report) = reports.message().await? {
        put(latest, Ok(report));
    }
    Ok(())
}
