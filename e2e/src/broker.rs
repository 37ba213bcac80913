//! A broker for a story: a real Apache Kafka, or librdkafka's mock where there is no Java. Either
//! lives as long as its value, and no longer when the test is killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tempfile::TempDir;

use crate::admin::Admin;
use crate::proxy::Proxy;
use crate::topics::Topics;
use crate::wait;

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
        Kafka::start(brokers, &[]).map(Self::Kafka)
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

/// How long a new topic may stay unknown.
const CREATED: Duration = Duration::from_secs(20);

/// Brokers in processes of their own, numbered from 1.
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
        Self::start(1, &[("KAFKA_ADDRESS", address)])
    }

    /// A broker that clients may also dial through `proxy`, and then speak to through it alone.
    pub fn behind(proxy: &Proxy) -> anyhow::Result<Self> {
        let mut kafka = Self::start(1, &[("KAFKA_DOOR", proxy.address())])?;
        proxy.lead_to(&kafka.said("KAFKA_BEHIND_DOOR")?)?;
        Ok(kafka)
    }

    /// Brokers whose data lies in file systems of their own, of `mib` MiB. None where that is not allowed.
    pub fn on_small_disks(brokers: usize, mib: u32) -> anyhow::Result<Option<Self>> {
        let may_mount = Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
        if !may_mount.is_ok_and(|status| status.success()) {
            return Ok(None);
        }
        Self::start(brokers, &[("KAFKA_DISK_MIB", &mib.to_string())]).map(Some)
    }

    /// `host:port,...`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// A broker at `address` that asks for names. `users` are `name:password`, with blanks between; the
    /// first may do everything, the others nothing.
    pub fn secured(address: &str, users: &str) -> anyhow::Result<Secured> {
        let mut kafka = Self::start(1, &[("KAFKA_ADDRESS", address), ("KAFKA_USERS", users)])?;
        let (sasl, tls) = (kafka.said("KAFKA_SASL")?, kafka.said("KAFKA_TLS")?);
        Ok(Secured { certificate: kafka.folder.path().join("ca.crt"), broker: Broker::Kafka(kafka), sasl, tls })
    }

    /// Creates a topic, if it is not there.
    pub fn create_topic(&self, name: &str, partitions: i32) -> anyhow::Result<()> {
        Admin::new(&self.bootstrap)?.create(name, partitions)?;
        // The controller has made it; brokers hear of that a moment later.
        let topics = Topics::new(&self.bootstrap)?;
        wait::until(CREATED, || format!("no broker knows topic {name}"), || topics.partitions(name).is_ok());
        Ok(())
    }

    fn start(brokers: usize, surroundings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster/kafka/kafka");
        let folder = tempfile::Builder::new().prefix("imagejob-kafka-").tempdir()?;
        let mut script = Command::new(&script)
            .args(["run", &brokers.to_string()])
            .env("KAFKA_RUN", folder.path())
            .envs(surroundings.iter().copied())
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

    /// SIGKILL for a broker.
    pub fn kill_broker(&mut self, number: i32) -> anyhow::Result<()> {
        self.tell("kill", number)
    }

    /// Starts a broker that was killed, with the data that it had, and waits until it serves.
    pub fn start_broker(&mut self, number: i32) -> anyhow::Result<()> {
        self.tell("start", number)
    }

    /// SIGSTOP for a broker: its connections stay open and nobody answers.
    pub fn pause_broker(&mut self, number: i32) -> anyhow::Result<()> {
        self.tell("pause", number)
    }

    /// SIGCONT for a broker that was paused.
    pub fn resume_broker(&mut self, number: i32) -> anyhow::Result<()> {
        self.tell("resume", number)
    }

    /// Fills the disk of a broker that has a small one.
    pub fn fill_disk(&mut self, number: i32) -> anyhow::Result<()> {
        self.tell("fill", number)
    }

    /// Gives back what filled it.
    pub fn clear_disk(&mut self, number: i32) -> anyhow::Result<()> {
        self.tell("clear", number)
    }

    fn tell(&mut self, command: &str, number: i32) -> anyhow::Result<()> {
        let mut lines = self.script.stdin.as_ref().context("standard input is open while this value lives")?;
        writeln!(lines, "{command} {number}")?;
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        let done = answer.trim() == format!("KAFKA_DONE={command} {number}");
        ensure!(done, "{command} {number}: {}", answer.trim());
        Ok(())
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
