//! Keeps streams to as many distinct dispatchers as there should be. Addresses may be one each
//! (`imagejob dev`) or one for all (a Kubernetes Service, which picks a dispatcher per
//! connection): dialling in turn until enough distinct ones answered serves both.

use std::collections::HashMap;
use std::time::Duration;

use imagejob_leasing::worker::offers::DispatcherId;
use imagejob_protocol::wire::from_dispatcher::Message;
use imagejob_protocol::wire::{FromDispatcher, Hello};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::metadata::{Ascii, MetadataValue};
use tracing::{debug, info};

use crate::core::Event;
use crate::session::{self, Session};

/// First pause after a dial that brought no new stream; doubles up to [`LONGEST_PAUSE`].
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// A dispatcher that came back is found within this time.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Dials until `stop`. `dispatchers` are `host:port`; the readers of open streams run in `streams`.
pub async fn keep_dialling(
    dispatchers: Vec<String>,
    token: MetadataValue<Ascii>,
    core: mpsc::Sender<Event>,
    streams: TaskTracker,
    stop: CancellationToken,
) {
    let (peers_told, mut peers) = watch::channel(0);
    let mut dialler = Dialler { live: HashMap::new(), peers_told, core, streams };
    let (ended, mut ends) = mpsc::channel::<DispatcherId>(dispatchers.len().max(16));
    let mut pause = SHORTEST_PAUSE;
    let mut turn = 0;
    while !stop.is_cancelled() {
        while let Ok(id) = ends.try_recv() {
            dialler.live.remove(&id);
        }
        let wanted = wanted(*peers.borrow_and_update(), dispatchers.len());
        if dialler.live.len() >= wanted {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(id) = ends.recv() => { dialler.live.remove(&id); }
                Ok(()) = peers.changed() => {}
            }
            pause = SHORTEST_PAUSE;
            continue;
        }
        let address = dialler.next_address(&dispatchers, &mut turn);
        match dialler.dial(address, &token, &ended).await {
            Ok(true) => {
                pause = SHORTEST_PAUSE;
                continue;
            }
            Ok(false) => debug!(address, "dispatcher is connected already"),
            Err(error) => debug!(address, error = format!("{error:#}"), "dispatcher not reached"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

/// Streams there should be: as many as dispatchers say that there are of them; before the first has
/// said so, one per address.
fn wanted(peers_expected: u32, addresses: usize) -> usize {
    if peers_expected == 0 { addresses } else { peers_expected as usize }
}

struct Dialler {
    /// Streams that are up, and where they were dialled.
    live: HashMap<DispatcherId, String>,
    /// Number of dispatchers, as the newest welcome says.
    peers_told: watch::Sender<u32>,
    core: mpsc::Sender<Event>,
    streams: TaskTracker,
}

impl Dialler {
    /// The next address in turn, those without a stream first.
    fn next_address<'a>(&self, addresses: &'a [String], turn: &mut usize) -> &'a str {
        let busy = |address: &String| self.live.values().any(|live| live == address);
        let all_busy = addresses.iter().all(busy);
        loop {
            let address = &addresses[*turn % addresses.len()];
            *turn += 1;
            if all_busy || !busy(address) {
                return address;
            }
        }
    }

    /// True if a stream to a dispatcher that had none is up.
    async fn dial(
        &mut self,
        address: &str,
        token: &MetadataValue<Ascii>,
        ended: &mpsc::Sender<DispatcherId>,
    ) -> anyhow::Result<bool> {
        let session = session::open(address, token, self.hello().await?).await?;
        self.peers_told.send_replace(session.welcome.peers_expected);
        let id = session.welcome.dispatcher_id.clone();
        if self.live.contains_key(&id) {
            return Ok(false);
        }
        info!(dispatcher = id, address, "connected");
        self.live.insert(id.clone(), address.to_owned());
        self.streams.spawn(read(id, session, self.core.clone(), self.peers_told.clone(), ended.clone()));
        Ok(true)
    }

    /// What is held changes all the time: asked for at each dial.
    async fn hello(&self) -> anyhow::Result<Hello> {
        let (answer, hello) = oneshot::channel();
        self.core.send(Event::HelloWanted(answer)).await?;
        Ok(hello.await?)
    }
}

/// Hands what a dispatcher sends to the core until the stream ends. Goes on reading when the core
/// has stopped: to drop the stream would drop frames that are still on their way out.
async fn read(
    id: DispatcherId,
    session: Session,
    core: mpsc::Sender<Event>,
    peers_told: watch::Sender<u32>,
    ended: mpsc::Sender<DispatcherId>,
) {
    let Session { outbound, mut inbound, .. } = session;
    core.send(Event::Connected(id.clone(), outbound)).await.ok();
    loop {
        match inbound.message().await {
            Ok(Some(FromDispatcher { message: Some(Message::Welcome(welcome)) })) => {
                peers_told.send_replace(welcome.peers_expected);
            }
            Ok(Some(FromDispatcher { message: Some(message) })) => {
                core.send(Event::Received(id.clone(), message)).await.ok();
            }
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(status) => {
                info!(dispatcher = id, %status, "stream broke");
                break;
            }
        }
    }
    core.send(Event::Disconnected(id.clone())).await.ok();
    ended.send(id).await.ok();
}
