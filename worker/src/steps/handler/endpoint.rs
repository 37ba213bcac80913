//! Where a handler listens, on this machine alone: a TCP port or a Unix socket.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use imagejob_protocol::settings;
use reqwest::{Method, RequestBuilder};
use tokio::net::{TcpStream, UnixStream};

use crate::transport;

/// Pause between two looks whether it listens, or is well.
const START_POLL: Duration = Duration::from_millis(10);

/// An address and the client that talks to it.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    place: Place,
    client: reqwest::Client,
}

#[derive(Debug, Clone)]
enum Place {
    Port(u16),
    Socket(PathBuf),
}

impl Endpoint {
    /// The address in the settings, or a free port.
    pub(super) fn of(settings: &settings::Handler) -> anyhow::Result<Self> {
        let place = match (&settings.socket, settings.port) {
            (Some(socket), _) => Place::Socket(socket.clone()),
            (None, 0) => Place::Port(free_port()?),
            (None, port) => Place::Port(port),
        };
        let client = match &place {
            Place::Port(_) => transport::local(None)?,
            Place::Socket(path) => transport::local(Some(path))?,
        };
        Ok(Self { place, client })
    }

    /// The environment variable that tells a program where to listen.
    pub(super) fn variable(&self) -> (&'static str, String) {
        match &self.place {
            Place::Port(port) => ("PORT", port.to_string()),
            Place::Socket(path) => ("SOCKET", path.display().to_string()),
        }
    }

    /// A socket that a program left behind cannot be listened on again.
    pub(super) fn clear(&self) -> anyhow::Result<()> {
        match &self.place {
            Place::Socket(path) if path.exists() => {
                std::fs::remove_file(path).with_context(|| format!("the socket {} is in the way", path.display()))
            }
            Place::Socket(_) | Place::Port(_) => Ok(()),
        }
    }

    /// Waits until something listens and, if it has a path that says whether it is well, until that says so.
    pub(super) async fn ready(&self, health_path: Option<&str>) {
        while !self.listens().await {
            tokio::time::sleep(START_POLL).await;
        }
        if let Some(path) = health_path {
            while !self.is_well(path).await {
                tokio::time::sleep(START_POLL).await;
            }
        }
    }

    async fn listens(&self) -> bool {
        match &self.place {
            Place::Port(port) => TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).await.is_ok(),
            Place::Socket(path) => UnixStream::connect(path).await.is_ok(),
        }
    }

    /// Whether a GET of `path` is answered with 2xx.
    pub(super) async fn is_well(&self, path: &str) -> bool {
        self.request(Method::GET, path).send().await.is_ok_and(|answer| answer.status().is_success())
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let authority = match &self.place {
            Place::Port(port) => format!("127.0.0.1:{port}"),
            Place::Socket(_) => "localhost".to_owned(),
        };
        // As Function Compute tells a container which of its calls this is.
        self.client.request(method, format!("http://{authority}{path}")).header("x-fc-control-path", path)
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Port(port) => write!(f, "port {port}"),
            Place::Socket(path) => write!(f, "socket {}", path.display()),
        }
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
