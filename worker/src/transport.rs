//! HTTP clients: one for handlers on this machine, one for stores, one for who gives out keys.
//!
//! All are made of the same parts. Looking at the system's certificates takes tens of milliseconds, so it
//! is left to those who need them, when they need them.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, redirect};

/// How long a store may take to accept a connection, and TLS to be agreed on.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a store may be silent within an answer.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// How long a key may take.
const KEY_LIMIT: Duration = Duration::from_secs(15);

/// For handlers: no proxies, no certificates; all requests go to `socket`, if there is one.
///
/// # Errors
/// No resolver can be set up.
pub(crate) fn local(socket: Option<&Path>) -> reqwest::Result<Client> {
    let builder = builder().tls_certs_only([]);
    match socket {
        Some(socket) => builder.unix_socket(socket).build(),
        None => builder.build(),
    }
}

/// For the store at `endpoint`, and for no other host: whoever answers with another address is not followed.
///
/// # Errors
/// The system trusts nobody.
pub(crate) fn store(endpoint: &str) -> reqwest::Result<Client> {
    let builder = builder().connect_timeout(CONNECT_LIMIT).read_timeout(SILENCE_LIMIT);
    if endpoint.starts_with("https://") { builder.build() } else { builder.tls_certs_only([]).build() }
}

/// For who gives out keys to identities: metadata services in plain HTTP, token services with TLS.
///
/// # Errors
/// The system trusts nobody.
pub(crate) fn identity() -> reqwest::Result<Client> {
    builder().connect_timeout(CONNECT_LIMIT).timeout(KEY_LIMIT).build()
}

fn builder() -> ClientBuilder {
    // Whoever came first chose the same.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().no_proxy().redirect(redirect::Policy::none())
}
