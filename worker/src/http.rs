//! `/healthz`, `/readyz` and `/metrics`, without authentication: nothing in them is secret.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves until `stop`. A worker is ready when it serves: its steps are loaded before.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, registry: Registry, stop: CancellationToken) -> std::io::Result<()> {
    let registry = Arc::new(registry);
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ready\n" }))
        .route("/metrics", get(move || async move { exposition(&registry) }));
    axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
}

fn exposition(registry: &Registry) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let mut text = String::new();
    match encode(&mut text, registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
