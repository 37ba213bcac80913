//! The dispatchers of all jobs in one process. Simulated nodes give pods addresses behind which
//! nothing runs; this machine takes the whole range, and the address that was dialled tells which
//! pod is meant. What they report is what the bench says: so many records wait.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use imagejob_protocol::wire::reports_server::{Reports, ReportsServer};
use imagejob_protocol::wire::{Control, PartitionReport, Report, TopicReport};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::TcpConnectInfo;
use tonic::{Request, Response, Status, Streaming};

/// The one topic of every job.
pub(crate) const TOPIC: &str = "photos";
/// Addresses of simulated pods.
const RANGE: &str = "10.250.0.0/16";
/// The port of real dispatchers.
const PORT: u16 = 7400;
/// Real dispatchers report at least this often.
const AT_LEAST_EVERY: Duration = Duration::from_secs(1);

/// Records that wait at each pod.
type Waiting = Arc<Mutex<HashMap<IpAddr, watch::Sender<u64>>>>;

/// Dispatchers behind every simulated address.
pub(crate) struct Dispatchers {
    waiting: Waiting,
    _runtime: Runtime,
    _route: Route,
}

impl Dispatchers {
    /// Listens on every address of the range.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let route = Route::take()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let waiting = Waiting::default();
        let service = ReportsServer::new(Pods(Arc::clone(&waiting)));
        runtime.spawn(Server::builder().add_service(service).serve((Ipv4Addr::UNSPECIFIED, PORT).into()));
        Ok(Self { waiting, _runtime: runtime, _route: route })
    }

    /// From now on so many records wait at the dispatcher with this address; it says so at once.
    pub(crate) fn set_waiting(&self, pod: IpAddr, records: u64) {
        sender(&self.waiting, pod).send_replace(records);
    }

    /// Dispatchers that somebody listens to.
    pub(crate) fn heard(&self) -> usize {
        lock(&self.waiting).values().filter(|pod| pod.receiver_count() > 0).count()
    }
}

fn lock(waiting: &Waiting) -> MutexGuard<'_, HashMap<IpAddr, watch::Sender<u64>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sender(waiting: &Waiting, pod: IpAddr) -> watch::Sender<u64> {
    lock(waiting).entry(pod).or_insert_with(|| watch::Sender::new(0)).clone()
}

struct Pods(Waiting);

#[tonic::async_trait]
impl Reports for Pods {
    type WatchStream = ReceiverStream<Result<Report, Status>>;

    async fn watch(&self, request: Request<Streaming<Control>>) -> Result<Response<Self::WatchStream>, Status> {
        let connection = request.extensions().get::<TcpConnectInfo>();
        let address = connection.and_then(TcpConnectInfo::local_addr);
        let pod = address.ok_or_else(|| Status::internal("no address"))?.ip();
        let (reports, outbound) = mpsc::channel(1);
        tokio::spawn(push(pod, sender(&self.0, pod).subscribe(), reports));
        Ok(Response::new(ReceiverStream::new(outbound)))
    }
}

async fn push(pod: IpAddr, mut waiting: watch::Receiver<u64>, reports: mpsc::Sender<Result<Report, Status>>) {
    for sequence in 1.. {
        let report = report(pod, sequence, *waiting.borrow_and_update());
        if reports.send(Ok(report)).await.is_err() {
            return;
        }
        // Either the number changed or a second is over: both are a reason to report.
        if let Ok(Err(_)) = tokio::time::timeout(AT_LEAST_EVERY, waiting.changed()).await {
            return;
        }
    }
}

fn report(pod: IpAddr, sequence: u64, waiting: u64) -> Report {
    Report {
        dispatcher_id: pod.to_string(),
        sequence,
        topics: vec![TopicReport { topic: TOPIC.into(), partitions: 1 }],
        partitions: vec![PartitionReport {
            topic: TOPIC.into(),
            end_offset: waiting as i64,
            waiting,
            ..Default::default()
        }],
        ..Report::default()
    }
}

/// This machine answers for the whole range while the value lives.
struct Route;

impl Route {
    fn take() -> anyhow::Result<Self> {
        let status = Command::new("ip").args(["route", "replace", "local", RANGE, "dev", "lo"]).status()?;
        ensure!(status.success(), "the addresses {RANGE} could not be taken: this bench runs as root");
        Ok(Self)
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        if let Err(error) = Command::new("ip").args(["route", "del", "local", RANGE, "dev", "lo"]).status() {
            eprintln!("the route of {RANGE} is left behind: {error}");
        }
    }
}
