//! Workers without work: they speak the protocol, note what they get, and answer after a pause.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use imagejob_e2e::fleet::TOKEN;
use imagejob_protocol::wire::leases_client::LeasesClient;
use imagejob_protocol::wire::{
    Announce, Credit, Done, FromWorker, Hello, Lease, Outcomes, from_dispatcher, from_worker,
};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;

/// What a worker does with each lease when it arrives.
pub(crate) type Look = Arc<dyn Fn(&Lease) + Send + Sync>;

/// Workers that live as long as this value.
pub(crate) struct Scripted {
    runtime: Runtime,
    failures: Arc<Mutex<Vec<anyhow::Error>>>,
}

impl Scripted {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { runtime, failures: Arc::default() })
    }

    /// Starts one with so many slots at the dispatcher at `address`. Each lease takes `pause`.
    pub(crate) fn work(&self, id: String, address: &str, slots: u32, pause: Duration, look: Look) {
        let (url, failures) = (format!("http://{address}"), Arc::clone(&self.failures));
        self.runtime.spawn(async move {
            if let Err(error) = work(id, url, slots, pause, look).await
                && let Ok(mut failures) = failures.lock()
            {
                failures.push(error);
            }
        });
    }

    /// The first thing that went wrong.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.failures.lock().ok().and_then(|mut failures| failures.pop()).map_or(Ok(()), Err)
    }
}

async fn work(worker_id: String, url: String, slots: u32, pause: Duration, look: Look) -> anyhow::Result<()> {
    let mut client = LeasesClient::connect(url).await?;
    let (send, receive) = mpsc::channel(64);
    let hello = Hello { worker_id, slots, held: Some(Announce::default()) };
    send.send(say(from_worker::Message::Hello(hello))).await?;
    send.send(say(from_worker::Message::Credit(Credit { version: 1, leases: slots }))).await?;
    let mut request = Request::new(ReceiverStream::new(receive));
    request.metadata_mut().insert("authorization", format!("Bearer {TOKEN}").parse()?);
    let mut frames = client.work(request).await?.into_inner();
    // Room for what all slots hold, so that nobody waits.
    let (finished, mut to_finish) = mpsc::channel::<Vec<Done>>(slots as usize);
    let mut sequence = 0;
    loop {
        let done = tokio::select! {
            frame = frames.message() => {
                let Some(frame) = frame? else { return Ok(()) };
                let Some(from_dispatcher::Message::Loans(loans)) = frame.message else { continue };
                loans.leases.iter().for_each(|lease| look(lease));
                let done: Vec<_> = loans.leases.into_iter().map(done).collect();
                if !pause.is_zero() {
                    let finished = finished.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(pause).await;
                        // Nobody listens when the stream is over.
                        finished.send(done).await.ok();
                    });
                    continue;
                }
                done
            }
            Some(done) = to_finish.recv() => done,
        };
        sequence += 1;
        send.send(say(from_worker::Message::Outcomes(Outcomes { sequence, done, ..Outcomes::default() }))).await?;
    }
}

fn say(message: from_worker::Message) -> FromWorker {
    FromWorker { message: Some(message) }
}

fn done(lease: Lease) -> Done {
    Done { position: lease.position, results: 1, ..Done::default() }
}
