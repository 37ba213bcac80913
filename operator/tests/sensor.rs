//! The gRPC sensor against a real server on localhost.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use imagejob_operator::{GrpcSensor, Pace, Reading, Sensor, SystemClock, Targets, Token};
use imagejob_protocol::wire::reports_server::{Reports, ReportsServer};
use imagejob_protocol::wire::{Control, Report};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

type Pushed = Pin<Box<dyn Stream<Item = Result<Report, Status>> + Send>>;

/// A dispatcher that reports what the test says and hands on what it is told.
#[derive(Clone)]
struct Dispatcher {
    reports: Arc<Mutex<mpsc::Receiver<Report>>>,
    controls: mpsc::Sender<Control>,
    refusals: mpsc::Sender<()>,
}

#[tonic::async_trait]
impl Reports for Dispatcher {
    type WatchStream = Pushed;

    async fn watch(&self, request: Request<Streaming<Control>>) -> Result<Response<Pushed>, Status> {
        if request.metadata().get("authorization").is_none_or(|value| value != "Bearer secret") {
            self.refusals.try_send(()).ok();
            return Err(Status::unauthenticated("the token is not this job's"));
        }
        let (mut told, controls) = (request.into_inner(), self.controls.clone());
        tokio::spawn(async move {
            while let Ok(Some(control)) = told.message().await {
                if controls.send(control).await.is_err() {
                    return;
                }
            }
        });
        let reports = futures::stream::unfold(self.reports.clone(), |reports| async move {
            let report = reports.lock().await.recv().await?;
            Some((Ok(report), reports))
        });
        Ok(Response::new(Box::pin(reports)))
    }
}

struct Served {
    address: String,
    reports: mpsc::Sender<Report>,
    controls: mpsc::Receiver<Control>,
    /// A message per stream that was refused.
    refusals: mpsc::Receiver<()>,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Served {
    /// Serves on `address`; port 0 for any.
    async fn on(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (reports, rx) = mpsc::channel(8);
        let (tx, controls) = mpsc::channel(8);
        let (refused, refusals) = mpsc::channel(8);
        let dispatcher = Dispatcher { reports: Arc::new(Mutex::new(rx)), controls: tx, refusals: refused };
        let server = Server::builder().add_service(ReportsServer::new(dispatcher));
        let task = tokio::spawn(async move { server.serve_with_incoming(TcpIncoming::from(listener)).await.unwrap() });
        Self { address, reports, controls, refusals, task }
    }

    async fn report(&self, sequence: u64) {
        let report = Report { dispatcher_id: self.address.clone(), sequence, ..Report::default() };
        self.reports.send(report).await.unwrap();
    }
}

fn targets(addresses: &[&str], token: &str, peers_expected: u32) -> Targets {
    let addresses = addresses.iter().map(ToString::to_string).collect();
    Targets { addresses, token: Token::new(token), peers_expected, pace: Pace::Free }
}

/// Waits for news until the readings are as wanted.
async fn until(sensor: &GrpcSensor<SystemClock>, wanted: impl Fn(&[Reading]) -> bool) -> Vec<Reading> {
    let waiting = async {
        loop {
            let readings = sensor.readings();
            if wanted(&readings) {
                return readings;
            }
            sensor.changed().await;
        }
    };
    timeout(Duration::from_secs(20), waiting).await.expect("the readings did not come")
}

fn sequences(readings: &[Reading]) -> Vec<u64> {
    let mut sequences: Vec<u64> = readings.iter().map(|reading| reading.report.sequence).collect();
    sequences.sort_unstable();
    sequences
}

#[tokio::test]
async fn reports_of_each_dispatcher_arrive_and_the_newest_counts() {
    let (one, two) = (Served::on("127.0.0.1:0").await, Served::on("127.0.0.1:0").await);
    let sensor = GrpcSensor::new(SystemClock);
    sensor.listen(&targets(&[&one.address, &two.address], "secret", 2));
    one.report(1).await;
    two.report(10).await;
    until(&sensor, |readings| sequences(readings) == [1, 10]).await;
    one.report(2).await;
    until(&sensor, |readings| sequences(readings) == [2, 10]).await;
    // Who is no longer listened to is no longer heard of.
    sensor.listen(&targets(&[&two.address], "secret", 1));
    assert_eq!(sequences(&sensor.readings()), [10]);
}

#[tokio::test]
async fn what_dispatchers_are_told_arrives_at_first_and_whenever_it_changes() {
    let mut served = Served::on("127.0.0.1:0").await;
    let sensor = GrpcSensor::new(SystemClock);
    sensor.listen(&targets(&[&served.address], "secret", 2));
    let first = timeout(Duration::from_secs(20), served.controls.recv()).await.unwrap().unwrap();
    assert_eq!(first.peers_expected, 2);
    for _ in 0..3 {
        sensor.listen(&targets(&[&served.address], "secret", 2));
    }
    sensor.listen(&targets(&[&served.address], "secret", 1));
    let second = timeout(Duration::from_secs(20), served.controls.recv()).await.unwrap().unwrap();
    assert_eq!(second.peers_expected, 1, "said again only when it changes");
    for (pace, suspended, records_per_second) in [
        (Pace::Limited(NonZeroU32::new(500).unwrap()), false, Some(500)),
        (Pace::Suspended, true, None),
        (Pace::Free, false, None),
    ] {
        sensor.listen(&Targets { pace, ..targets(&[&served.address], "secret", 1) });
        let told = timeout(Duration::from_secs(20), served.controls.recv()).await.unwrap().unwrap();
        assert_eq!(told, Control { peers_expected: 1, suspended, records_per_second });
    }
}

#[tokio::test]
async fn a_dispatcher_that_comes_back_is_heard_again() {
    let served = Served::on("127.0.0.1:0").await;
    let address = served.address.clone();
    let sensor = GrpcSensor::new(SystemClock);
    sensor.listen(&targets(&[&address], "secret", 1));
    served.report(1).await;
    until(&sensor, |readings| sequences(readings) == [1]).await;
    drop(served);
    let restarted = loop {
        // The port is free once the old server's task has ended.
        match TcpListener::bind(&address).await {
            Ok(probe) => {
                drop(probe);
                break Served::on(&address).await;
            }
            Err(_) => tokio::task::yield_now().await,
        }
    };
    restarted.report(2).await;
    let readings = until(&sensor, |readings| sequences(readings) == [2]).await;
    assert_eq!(readings[0].report.dispatcher_id, address);
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_a_new_one_dials_anew() {
    let mut served = Served::on("127.0.0.1:0").await;
    let sensor = GrpcSensor::new(SystemClock);
    sensor.listen(&targets(&[&served.address], "guessed", 1));
    served.report(1).await;
    // It keeps trying, and hears nothing.
    for _ in 0..3 {
        timeout(Duration::from_secs(20), served.refusals.recv()).await.unwrap().unwrap();
    }
    assert!(sensor.readings().is_empty());
    sensor.listen(&targets(&[&served.address], "secret", 1));
    until(&sensor, |readings| sequences(readings) == [1]).await;
}
