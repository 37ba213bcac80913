//! A door between two programs that a story can slam: what is dialled here comes out at the target,
//! until the link is cut, goes silent or becomes slow.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Bytes that are carried at once; a slow link is slow for each of these.
const CHUNK: usize = 4_096;

/// How the link is, in both directions unless it says one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// As a network should be.
    Whole,
    /// Half-open: what is sent is taken and never arrives, as when a firewall forgot the connection. A
    /// connection that lost something never recovers; later ones do once the link is whole.
    Lost(Way),
    /// What is sent arrives when the link is whole again, late: a network that is split for a while.
    HeldBack(Way),
    /// Each 4 KiB wait this long, and then go at this rate.
    Slow {
        /// Wait.
        latency: Duration,
        /// Rate.
        bytes_per_second: u32,
    },
}

/// Directions of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From whoever dialled.
    Forth,
    /// To whoever dialled.
    Back,
    /// Both.
    Both,
}

impl Way {
    fn covers(self, way: Self) -> bool {
        self == way || self == Self::Both
    }
}

/// A door on 127.0.0.1 that is open while this value lives.
pub struct Proxy {
    address: String,
    target: Arc<OnceLock<String>>,
    link: watch::Sender<Link>,
    cuts: watch::Sender<u32>,
    _runtime: Runtime,
}

impl Proxy {
    /// Listens on a free port. Whoever dials is turned away until [`Self::lead_to`].
    pub fn start() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?.to_string();
        let target = Arc::<OnceLock<String>>::default();
        let (link, cuts) = (watch::Sender::new(Link::Whole), watch::Sender::new(0));
        let (leads_to, state, cut) = (Arc::clone(&target), link.subscribe(), cuts.subscribe());
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Some(target) = leads_to.get().cloned() else { continue };
                tokio::spawn(connect(client, target, state.clone(), cut.clone()));
            }
        });
        Ok(Self { address, target, link, cuts, _runtime: runtime })
    }

    /// `host:port` of the door.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where the door leads, `host:port`; said once.
    pub fn lead_to(&self, target: &str) -> anyhow::Result<()> {
        self.target.set(target.to_owned()).ok().context("the door leads somewhere already")
    }

    /// From now on the link is like this, also for connections that are open.
    pub fn set(&self, link: Link) {
        self.link.send_replace(link);
    }

    /// Resets all connections that are open, on both sides.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn connect(mut client: TcpStream, target: String, link: watch::Receiver<Link>, mut cuts: watch::Receiver<u32>) {
    // One that nobody answers is closed, like one that a dead process had.
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    cuts.mark_unchanged();
    let cut = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let forth = carry(from_client, to_server, Way::Forth, link.clone());
        let back = carry(from_server, to_client, Way::Back, link);
        tokio::select! {
            _ = async { tokio::join!(forth, back) } => false,
            cut = cuts.changed() => cut.is_ok(),
        }
    };
    if cut {
        // Without a linger a close is a reset.
        client.set_zero_linger().ok();
        server.set_zero_linger().ok();
    }
}

/// Carries bytes one way until whoever sends ends. The other side learns of that only if nothing was lost.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Way,
    mut link: watch::Receiver<Link>,
) {
    let mut chunk = vec![0; CHUNK];
    let mut lost = false;
    loop {
        let read = from.read(&mut chunk).await.unwrap_or_default();
        let is_held = |link: &Link| matches!(link, Link::HeldBack(held) if held.covers(way));
        let Ok(now) = link.wait_for(|link| !is_held(link)).await.map(|link| *link) else { return };
        lost |= matches!(now, Link::Lost(gone) if gone.covers(way));
        if lost {
            if read == 0 {
                return;
            }
            continue;
        }
        if let Link::Slow { latency, bytes_per_second } = now {
            tokio::time::sleep(latency + Duration::from_secs_f64(read as f64 / f64::from(bytes_per_second))).await;
        }
        if read == 0 || to.write_all(&chunk[..read]).await.is_err() {
            to.shutdown().await.ok();
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net;

    use super::*;
    use crate::wait;

    /// Who dialled, who was dialled, and the door between them.
    fn pair() -> (net::TcpStream, net::TcpStream, Proxy) {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy::start().unwrap();
        proxy.lead_to(&listener.local_addr().unwrap().to_string()).unwrap();
        let client = net::TcpStream::connect(proxy.address()).unwrap();
        let (server, _) = listener.accept().unwrap();
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        }
        (client, server, proxy)
    }

    fn arrives(from: &mut net::TcpStream, to: &mut net::TcpStream, word: &str) {
        from.write_all(word.as_bytes()).unwrap();
        let mut read = [0; 4];
        to.read_exact(&mut read).unwrap();
        assert_eq!(read, word.as_bytes());
    }

    fn nothing_arrives(from: &mut net::TcpStream, to: &mut net::TcpStream) {
        from.write_all(b"lost").unwrap();
        to.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let error = to.read(&mut [0; 4]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
        to.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    }

    #[test]
    fn a_cut_resets_both_sides() {
        let (mut client, mut server, proxy) = pair();
        arrives(&mut client, &mut server, "word");
        arrives(&mut server, &mut client, "back");
        proxy.cut();
        for side in [&mut client, &mut server] {
            assert_eq!(side.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
    }

    #[test]
    fn a_half_open_link_swallows_one_way_and_its_connection_never_recovers() {
        let (mut client, mut server, proxy) = pair();
        proxy.set(Link::Lost(Way::Forth));
        nothing_arrives(&mut client, &mut server);
        arrives(&mut server, &mut client, "back");
        proxy.set(Link::Whole);
        nothing_arrives(&mut client, &mut server);
    }

    #[test]
    fn what_is_held_back_arrives_in_the_end() {
        let (mut client, mut server, proxy) = pair();
        proxy.set(Link::HeldBack(Way::Both));
        nothing_arrives(&mut client, &mut server);
        proxy.set(Link::Whole);
        let mut read = [0; 4];
        server.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"lost");
    }

    #[test]
    fn a_slow_link_takes_its_time() {
        let (mut client, mut server, proxy) = pair();
        proxy.set(Link::Slow { latency: Duration::from_millis(100), bytes_per_second: 40 });
        let start = wait::now();
        arrives(&mut client, &mut server, "slow");
        assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
    }
}
