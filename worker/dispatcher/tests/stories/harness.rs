//! A broker in the process, a dispatcher, and workers that do as the test says.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use imagejob_dispatcher::{Options, run};
use imagejob_ledger::{Ledger, decode};
use imagejob_protocol::settings::{DispatcherSettings, GroupProtocol, JobName, Kafka, OnExhausted, Retry, StartFrom};
use imagejob_protocol::wire::from_worker::Message as Out;
use imagejob_protocol::wire::leases_client::LeasesClient;
use imagejob_protocol::wire::reports_client::ReportsClient;
use imagejob_protocol::wire::{self, FailureClass, from_dispatcher::Message as In};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

pub(crate) const TOPIC: &str = "photos";
pub(crate) const DEAD_LETTERS: &str = "photos.dlq";
pub(crate) const FAILURES: &str = "photo-failures";
pub(crate) const GROUP: &str = "media.posters";
pub(crate) const TOKEN: &str = "token-of-the-job";

/// Longer than anything here takes: the mock's first join alone takes three seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for `future`, and says what was waited for when it does not come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    waited.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain for {what}"))
}

/// An in-process broker with the job's topics.
pub(crate) struct Broker {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: FutureProducer,
}

impl Broker {
    pub(crate) fn start(partitions: i32) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        for (topic, partitions) in [(TOPIC, partitions), (DEAD_LETTERS, 1), (FAILURES, 1)] {
            cluster.create_topic(topic, partitions, 1).unwrap();
        }
        let producer = client(&cluster.bootstrap_servers()).create().unwrap();
        Self { cluster, producer }
    }

    /// Makes the broker answer that there is no such topic, instead of creating it.
    pub(crate) fn forget_topic(&self, topic: &str) {
        let unknown = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        self.cluster.topic_error(topic, unknown).unwrap();
    }

    pub(crate) fn address(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    pub(crate) async fn produce(&self, partition: i32, values: impl IntoIterator<Item = String>) {
        let mut receipts = Vec::new();
        for value in values {
            let record = FutureRecord::<[u8], str>::to(TOPIC).payload(&value).partition(partition);
            receipts.push(self.producer.send_result(record).map_err(|(error, _)| error).unwrap());
        }
        for receipt in receipts {
            receipt.await.unwrap().unwrap();
        }
    }

    /// What is committed for a partition.
    pub(crate) fn committed(&self, partition: i32) -> Option<Ledger> {
        let consumer = self.reader();
        let mut list = TopicPartitionList::new();
        list.add_partition(TOPIC, partition);
        let committed = consumer.committed_offsets(list, Duration::from_secs(5)).unwrap();
        let element = committed.find_partition(TOPIC, partition)?;
        let Offset::Offset(offset) = element.offset() else { return None };
        let ledger = decode(element.metadata()).expect("the metadata is a ledger");
        assert_eq!(ledger.window.base(), offset);
        Some(ledger)
    }

    /// Waits until a partition is committed up to `base`, with `beyond` offsets finished beyond it.
    pub(crate) async fn wait_committed(&self, partition: i32, base: i64, beyond: u64) -> Ledger {
        let what = format!("a commit at {base} with {beyond} beyond");
        soon(&what, async {
            loop {
                match self.committed(partition) {
                    Some(ledger) if ledger.window.base() == base && ledger.window.finished_beyond() == beyond => {
                        return ledger;
                    }
                    _ => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        })
        .await
    }

    /// The first `count` records of partition 0 of a topic: headers and value.
    pub(crate) fn read(&self, topic: &str, count: usize) -> Vec<Read> {
        let consumer = self.reader();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut read = Vec::new();
        while read.len() < count {
            let message = consumer.poll(PATIENCE).expect("a record").unwrap();
            read.push(Read::from(&message));
        }
        read
    }

    fn reader(&self) -> BaseConsumer {
        client(&self.address()).set("group.id", GROUP).create().unwrap()
    }
}

/// A record that was read back.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) value: String,
}

impl Read {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map_or_else(|| panic!("no header {name} in {self:?}"), |(_, value)| value)
    }
}

impl From<&BorrowedMessage<'_>> for Read {
    fn from(message: &BorrowedMessage<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        Self {
            headers: headers.map(|header| (header.key.to_owned(), text(header.value.unwrap_or_default()))).collect(),
            value: text(message.payload().unwrap_or_default()),
        }
    }
}

fn client(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("allow.auto.create.topics", "false");
    config
}

pub(crate) fn settings(broker: &str) -> DispatcherSettings {
    DispatcherSettings {
        job: JobName { namespace: "media".to_owned(), name: "posters".to_owned() },
        kafka: Kafka { bootstrap_servers: broker.to_owned(), auth: None, tls: None },
        topics: vec![TOPIC.to_owned()],
        consumer_group: GROUP.to_owned(),
        group_protocol: GroupProtocol::Classic,
        start_from: StartFrom::Earliest,
        dead_letter_topic: DEAD_LETTERS.to_owned(),
        failure_topic: Some(FAILURES.to_owned()),
        retry: Retry {
            max_attempts: 3,
            initial_backoff_ms: 100,
            max_backoff_ms: 1_000,
            max_age_ms: None,
            on_exhausted: OnExhausted::DeadLetter,
        },
        peers_expected: 1,
    }
}

/// A dispatcher in the process.
pub(crate) struct Dispatcher {
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Dispatcher {
    pub(crate) async fn start(id: &str, settings: DispatcherSettings) -> Self {
        // With RUST_LOG=debug a failing test says more.
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init().ok();
        let listen = || TcpListener::bind("127.0.0.1:0");
        let (grpc, http) = (listen().await.unwrap(), listen().await.unwrap());
        let addresses = (grpc.local_addr().unwrap(), http.local_addr().unwrap());
        let options = Options { dispatcher_id: id.to_owned(), grpc, http, token: TOKEN.to_owned() };
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(run(settings, options, shutdown.clone()));
        Self { grpc: addresses.0, http: addresses.1, shutdown, task }
    }

    /// SIGTERM: commits and leaves.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        soon("the dispatcher's end", self.task).await.unwrap().unwrap();
    }

    pub(crate) async fn dial(&self, worker: &str, slots: u32) -> Worker {
        Worker::dial(self, worker, slots, wire::Announce::default()).await
    }

    pub(crate) async fn watch(&self) -> Watch {
        let mut client = ReportsClient::new(self.channel().await);
        let (controls, outbound) = mpsc::channel(8);
        let request = authorized(ReceiverStream::new(outbound), TOKEN);
        let reports = client.watch(request).await.unwrap().into_inner();
        Watch { reports, controls }
    }

    /// Status line, headers and body of a GET.
    pub(crate) async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.http).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: dispatcher\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(path, stream.read_to_string(&mut answer)).await.unwrap();
        answer
    }

    pub(crate) async fn channel(&self) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{}", self.grpc)).unwrap();
        endpoint.connect().await.unwrap()
    }
}

pub(crate) fn authorized<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

/// The operator's view.
pub(crate) struct Watch {
    reports: Streaming<wire::Report>,
    pub(crate) controls: mpsc::Sender<wire::Control>,
}

impl Watch {
    pub(crate) async fn next(&mut self) -> wire::Report {
        soon("a report", self.reports.message()).await.unwrap().expect("the stream goes on")
    }

    /// Takes reports for a while.
    pub(crate) async fn listen_for(&mut self, time: Duration) {
        let listening = async {
            loop {
                self.next().await;
            }
        };
        tokio::time::timeout(time, listening).await.unwrap_or(());
    }

    pub(crate) async fn until(&mut self, what: &str, is: impl Fn(&wire::Report) -> bool) -> wire::Report {
        soon(what, async {
            loop {
                let report = self.next().await;
                if is(&report) {
                    return report;
                }
            }
        })
        .await
    }
}

/// A worker that does what the test says.
pub(crate) struct Worker {
    to_dispatcher: mpsc::Sender<wire::FromWorker>,
    inbound: Streaming<wire::FromDispatcher>,
    leases: VecDeque<wire::Lease>,
    pub(crate) welcome: wire::Welcome,
    pub(crate) durable: u64,
    pub(crate) acknowledged: u64,
    /// What it says when it is asked.
    pub(crate) held: wire::Announce,
    pub(crate) cancelled: Vec<wire::Position>,
    sequence: u64,
    version: u64,
}

impl Worker {
    pub(crate) async fn dial(dispatcher: &Dispatcher, worker: &str, slots: u32, held: wire::Announce) -> Self {
        let hello = wire::Hello { worker_id: worker.to_owned(), slots, held: Some(held.clone()) };
        let (to_dispatcher, outbound) = mpsc::channel(64);
        let message = Some(Out::Hello(hello));
        to_dispatcher.send(wire::FromWorker { message }).await.unwrap();
        let mut client = LeasesClient::new(dispatcher.channel().await);
        let request = authorized(ReceiverStream::new(outbound), TOKEN);
        let mut inbound = client.work(request).await.unwrap().into_inner();
        let first = soon("a welcome", inbound.message()).await.unwrap().unwrap();
        let Some(In::Welcome(welcome)) = first.message else { panic!("no welcome: {first:?}") };
        Self {
            to_dispatcher,
            inbound,
            leases: VecDeque::new(),
            welcome,
            durable: 0,
            acknowledged: 0,
            held,
            cancelled: Vec::new(),
            sequence: 0,
            version: 0,
        }
    }

    pub(crate) async fn say(&self, message: Out) {
        self.to_dispatcher.send(wire::FromWorker { message: Some(message) }).await.unwrap();
    }

    pub(crate) async fn credit(&mut self, leases: u32) {
        self.version += 1;
        self.say(Out::Credit(wire::Credit { version: self.version, leases })).await;
    }

    /// Takes one message; false when the stream has ended.
    pub(crate) async fn listen(&mut self) -> Result<bool, Status> {
        let Some(frame) = self.inbound.message().await? else { return Ok(false) };
        match frame.message {
            Some(In::Loans(loans)) => self.leases.extend(loans.leases),
            Some(In::Ack(ack)) => {
                self.durable = self.durable.max(ack.durable_sequence);
                self.acknowledged = ack.credit_version;
            }
            Some(In::Query(_)) => self.say(Out::Announce(self.held.clone())).await,
            Some(In::Cancel(cancel)) => self.cancelled.extend(cancel.positions),
            Some(In::Welcome(welcome)) => self.welcome = welcome,
            Some(In::Backlog(_)) | None => {}
        }
        Ok(true)
    }

    pub(crate) async fn next_lease(&mut self) -> wire::Lease {
        soon("a lease", async {
            loop {
                if let Some(lease) = self.leases.pop_front() {
                    return lease;
                }
                assert!(self.listen().await.unwrap(), "the stream ended");
            }
        })
        .await
    }

    pub(crate) async fn next_leases(&mut self, count: usize) -> Vec<wire::Lease> {
        let mut leases = Vec::new();
        while leases.len() < count {
            leases.push(self.next_lease().await);
        }
        leases
    }

    /// Listens until `is` holds.
    pub(crate) async fn until(&mut self, what: &str, is: impl Fn(&Self) -> bool) {
        soon(what, async {
            while !is(self) {
                assert!(self.listen().await.unwrap(), "the stream ended");
            }
        })
        .await;
    }

    /// Listens, and answers what it is asked, until `future` is ready.
    pub(crate) async fn listen_while<T>(&mut self, future: impl Future<Output = T>) -> T {
        tokio::pin!(future);
        loop {
            tokio::select! {
                value = &mut future => return value,
                more = self.listen() => assert!(more.unwrap(), "the stream ended"),
            }
        }
    }

    /// Listens for a while and gives what was lent meanwhile.
    pub(crate) async fn leases_within(&mut self, time: Duration) -> Vec<wire::Lease> {
        let listening = async { while self.listen().await.is_ok_and(|more| more) {} };
        tokio::time::timeout(time, listening).await.ok();
        self.leases.drain(..).collect()
    }

    pub(crate) async fn outcomes(&mut self, mut outcomes: wire::Outcomes) -> u64 {
        self.sequence += 1;
        outcomes.sequence = self.sequence;
        self.say(Out::Outcomes(outcomes)).await;
        self.sequence
    }

    pub(crate) async fn done(&mut self, leases: &[wire::Lease]) -> u64 {
        let done = |lease: &wire::Lease| wire::Done {
            position: lease.position.clone(),
            results: 1,
            timings: Some(wire::Timings::default()),
            skipped: false,
        };
        let done = leases.iter().map(done).collect();
        self.outcomes(wire::Outcomes { done, ..wire::Outcomes::default() }).await
    }

    pub(crate) async fn fail(&mut self, lease: &wire::Lease, class: FailureClass, reason: &str) {
        let failed = vec![wire::Fail {
            position: lease.position.clone(),
            class: class.into(),
            reason: reason.to_owned(),
            message: format!("{reason} happened"),
        }];
        self.outcomes(wire::Outcomes { failed, ..wire::Outcomes::default() }).await;
    }
}

pub(crate) fn offset(lease: &wire::Lease) -> i64 {
    lease.position.as_ref().expect("a lease has a position").offset
}

pub(crate) fn offsets(leases: &[wire::Lease]) -> Vec<i64> {
    let mut offsets: Vec<_> = leases.iter().map(offset).collect();
    offsets.sort_unstable();
    offsets
}

pub(crate) fn value(lease: &wire::Lease) -> String {
    String::from_utf8_lossy(lease.value.as_deref().unwrap_or_default()).into_owned()
}
