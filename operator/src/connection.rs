//! A connection to one dispatcher: HTTP/2 and nothing on top.
//!
//! An operator holds thousands of them, all at rest. tonic's `Channel` would share each among tasks,
//! dial it anew by itself and wait in a queue before it: none of that is wanted here, and it takes
//! 11 KB of about 70.

use std::io;
use std::time::Duration;

use futures::future::BoxFuture;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tonic::body::Body;

/// A connection without a sign of life for this long and as long again is given up.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Longest time for a connection to come up.
const CONNECT: Duration = Duration::from_secs(2);

/// Sends requests; at work only while `driving` is polled.
pub(crate) struct Connection {
    /// Takes requests.
    pub(crate) requests: http2::SendRequest<Body>,
    /// Ends with the connection.
    pub(crate) driving: BoxFuture<'static, Result<(), hyper::Error>>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("no connection: {0}")]
    Tcp(#[from] io::Error),
    #[error("no connection within {} s", CONNECT.as_secs())]
    TimedOut,
    #[error("no HTTP/2: {0}")]
    Http(#[from] hyper::Error),
}

/// Dials `host:port`.
pub(crate) async fn connect(address: &str) -> Result<Connection, ConnectError> {
    let dial = async {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (requests, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Connection { requests, driving: Box::pin(connection) })
    };
    tokio::time::timeout(CONNECT, dial).await.unwrap_or(Err(ConnectError::TimedOut))
}
