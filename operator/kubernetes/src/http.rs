//! `/healthz`, `/readyz` and `/metrics`, without authentication: nothing in them is secret.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::caches::Caches;
use crate::meters::Meters;

/// What is shown.
#[derive(Debug, Clone)]
pub struct Windows {
    /// Ready once these know all there is, leader or not.
    pub caches: Arc<Caches>,
    /// What is counted.
    pub meters: Arc<Meters>,
}

/// The routes.
pub fn router(windows: Windows) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(windows)
}

async fn readyz(State(windows): State<Windows>) -> Response {
    let incomplete = windows.caches.incomplete();
    if incomplete.is_empty() {
        return "ready\n".into_response();
    }
    let missing: Vec<String> = incomplete.into_iter().collect();
    (StatusCode::SERVICE_UNAVAILABLE, format!("not listed yet: {}\n", missing.join(", "))).into_response()
}

async fn metrics(State(windows): State<Windows>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match windows.meters.exposition() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
