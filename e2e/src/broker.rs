//! A broker for a story: a real Apache Kafka, or librdkafka's mock where there is no Java. Either
//! lives as long as its value, and no longer when the test is killed.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tempfile::TempDir;

/// Names the broker of the stories: `kafka` (the default) or `mock`.
pub const VARIABLE: &str = "IMAGEJOB_TEST_BROKER";

/// A running broker.
pub enum Broker {
    /// Apache Kafka, started by `e2e/cluster/kafka/kafka`.
    Kafka(Kafka),
    /// librdkafka's mock, inside the test process. It shows nothing about durability, rebalances
    /// or transactions, and keeps 5 MB or 100,000 records a partition.
    Mock(MockCluster<'static, DefaultProducerContext>),
}

impl Broker {
    /// The broker that [`VARIABLE`] names.
    pub fn start() -> anyhow::Result<Self> {
        match std::env::var(VARIABLE).as_deref() {
            Err(_) | Ok("kafka") => Self::kafka(1),
            Ok("mock") => Self::mock(),
            Ok(other) => bail!("{VARIABLE}={other:?} is not a broker; use kafka or mock"),
        }
    }

    /// A real cluster of 1 or 3 brokers.
    pub fn kafka(brokers: usize) -> anyhow::Result<Self> {
        Kafka::start(brokers, "127.0.0.1", "").map(Self::Kafka)
    }

    /// A mock of one broker.
    pub fn mock() -> anyhow::Result<Self> {
        Ok(Self::Mock(MockCluster::new(1)?))
    }

    /// What to print next to a figure.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kafka(_) => "Apache Kafka",
            Self::Mock(_) => "librdkafka's mock",
        }
    }

    /// `host:port,...`.
    pub fn bootstrap(&self) -> String {
        match self {
            Self::Kafka(kafka) => kafka.bootstrap.clone(),
            Self::Mock(mock) => mock.bootstrap_servers(),
        }
    }

    /// Creates a topic with one replica per broker.
    pub fn create_topic(&self, name: &str, partitions: i32) -> anyhow::Result<()> {
        match self {
            Self::Kafka(kafka) => kafka.create_topic(name, partitions),
            Self::Mock(mock) => Ok(mock.create_topic(name, partitions, 1)?),
        }
    }
}

/// Brokers in processes of their own.
pub struct Kafka {
    /// Its standard input is the lease of life: the script ends the brokers when it closes, which
    /// the kernel does for us however we die.
    script: Child,
    output: BufReader<ChildStdout>,
    bootstrap: String,
    folder: TempDir,
}

/// A broker that asks for names.
pub struct Secured {
    /// The same broker for whoever needs no name.
    pub broker: Broker,
    /// `host:port` with SASL (PLAIN, SCRAM) in plain text.
    pub sasl: String,
    /// `host:port` with SASL over TLS.
    pub tls: String,
    /// The certificate to trust there.
    pub certificate: PathBuf,
}

impl Kafka {
    /// A broker that clients dial at `address`, one of this machine's.
    pub fn at(address: &str) -> anyhow::Result<Self> {
        Self::start(1, address, "")
    }

    /// `host:port,...`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// A broker at `address` that asks for names. `users` are `name:password`, with blanks between; the
    /// first may do everything, the others nothing.
    pub fn secured(address: &str, users: &str) -> anyhow::Result<Secured> {
        let mut kafka = Self::start(1, address, users)?;
        let (sasl, tls) = (kafka.said("KAFKA_SASL")?, kafka.said("KAFKA_TLS")?);
        Ok(Secured { certificate: kafka.folder.path().join("ca.crt"), broker: Broker::Kafka(kafka), sasl, tls })
    }

    fn start(brokers: usize, address: &str, users: &str) -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster/kafka/kafka");
        let folder = tempfile::Builder::new().prefix("imagejob-kafka-").tempdir()?;
        let mut script = Command::new(&script)
            .args(["run", &brokers.to_string()])
            .env("KAFKA_RUN", folder.path())
            .env("KAFKA_ADDRESS", address)
            .env("KAFKA_USERS", users)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A group of its own: a signal to the test's group must not cut its cleaning up short.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", script.display()))?;
        let output = BufReader::new(script.stdout.take().context("standard output is piped")?);
        let mut kafka = Self { script, output, bootstrap: String::new(), folder };
        kafka.bootstrap = kafka.said("KAFKA_BOOTSTRAP")?;
        Ok(kafka)
    }

    /// The value in the next line that the script prints.
    fn said(&mut self, name: &str) -> anyhow::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        match line.trim().split_once('=') {
            Some((said, value)) if said == name => Ok(value.to_owned()),
            _ => bail!("no broker; its message is above ({VARIABLE}=mock runs the stories on librdkafka's mock)"),
        }
    }

    /// Creates a topic, if it is not there.
    pub fn create_topic(&self, name: &str, partitions: i32) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create()?;
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        for created in runtime.block_on(admin.create_topics([&topic], &options))? {
            if let Err((topic, code)) = created {
                ensure!(code == rdkafka::types::RDKafkaErrorCode::TopicAlreadyExists, "cannot create {topic}: {code}");
            }
        }
        Ok(())
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        // Waits for the script, so that the next story finds the cores free.
        if let Err(error) = self.script.wait() {
            eprintln!("the broker's script cannot be waited for: {error}");
        }
    }
}
