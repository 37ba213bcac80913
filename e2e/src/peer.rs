//! A scripted worker: it speaks the protocol as a story tells it to, also wrongly.

use std::time::Duration;

use anyhow::Context as _;
use imagejob_protocol::wire::from_dispatcher::Message as Told;
use imagejob_protocol::wire::from_worker::Message as Said;
use imagejob_protocol::wire::leases_client::LeasesClient;
use imagejob_protocol::wire::{Announce, Credit, Done, FromDispatcher, FromWorker, Hello, Lease, Outcomes, Position};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Streaming};

use crate::fleet::TOKEN;

/// Messages on their way.
const ON_THE_WAY: usize = 64;
/// Above any broker's limit of a record.
const LARGEST_FRAME: usize = 64 << 20;

/// A worker that is connected to one dispatcher while this value lives.
pub struct Peer {
    send: mpsc::Sender<FromWorker>,
    frames: Streaming<FromDispatcher>,
    sequence: u64,
    credit: u64,
    runtime: Runtime,
}

impl Peer {
    /// Connects to the dispatcher at `address` (`host:port`) and says hello.
    pub fn dial(address: &str, worker_id: &str, slots: u32) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let hello = Hello { worker_id: worker_id.to_owned(), slots, held: Some(Announce::default()) };
        let (send, receive) = mpsc::channel(ON_THE_WAY);
        send.try_send(FromWorker { message: Some(Said::Hello(hello)) })?;
        let frames = runtime.block_on(async {
            let client = LeasesClient::connect(format!("http://{address}")).await?;
            let mut request = Request::new(ReceiverStream::new(receive));
            request.metadata_mut().insert("authorization", format!("Bearer {TOKEN}").parse()?);
            anyhow::Ok(client.max_decoding_message_size(LARGEST_FRAME).work(request).await?.into_inner())
        })?;
        Ok(Self { send, frames, sequence: 0, credit: 0, runtime })
    }

    /// Says anything.
    pub fn say(&self, message: Said) -> anyhow::Result<()> {
        Ok(self.runtime.block_on(self.send.send(FromWorker { message: Some(message) }))?)
    }

    /// Asks for as many leases.
    pub fn credit(&mut self, leases: u32) -> anyhow::Result<()> {
        self.credit += 1;
        self.say(Said::Credit(Credit { version: self.credit, leases }))
    }

    /// Says that these are done.
    pub fn done(&mut self, positions: Vec<Position>) -> anyhow::Result<()> {
        self.sequence += 1;
        let done = |position| Done { position: Some(position), results: 1, ..Done::default() };
        let done = positions.into_iter().map(done).collect();
        self.say(Said::Outcomes(Outcomes { sequence: self.sequence, done, ..Outcomes::default() }))
    }

    /// The leases of the next frame that has some; what else comes is passed over.
    pub fn leases(&mut self, limit: Duration) -> anyhow::Result<Vec<Lease>> {
        let frames = &mut self.frames;
        let next = async {
            while let Some(frame) = frames.message().await? {
                if let Some(Told::Loans(loans)) = frame.message {
                    return Ok(loans.leases);
                }
            }
            anyhow::bail!("the dispatcher ended the stream")
        };
        self.runtime.block_on(async { tokio::time::timeout(limit, next).await }).context("no lease came")?
    }
}
