//! `/healthz`, `/readyz`, `/metrics` and `/decisions/<namespace>/<job>`, without authentication: nothing in them is
//! secret.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use imagejob_api::NamespacedName;

use crate::caches::Caches;
use crate::meters::Meters;
use crate::records::Records;

/// What is shown.
#[derive(Debug, Clone)]
pub struct Windows {
    /// Ready once these know all there is, leader or not.
    pub caches: Arc<Caches>,
    /// What is counted.
    pub meters: Arc<Meters>,
    /// What was decided, while we lead.
    pub records: Arc<Records>,
}

/// The routes.
pub fn router(windows: Windows) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/decisions/{namespace}/{job}", get(decisions))
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

async fn decisions(State(windows): State<Windows>, Path((namespace, name)): Path<(String, String)>) -> Response {
    const JSON_LINES: &str = "application/jsonl; charset=utf-8";
    let job = NamespacedName { namespace, name };
    match windows.records.lines(&job) {
        Some(lines) => ([(header::CONTENT_TYPE, JSON_LINES)], lines).into_response(),
        None => {
            (StatusCode::NOT_FOUND, format!("no decision on {job} here; another operator may lead\n")).into_response()
        }
    }
}

async fn metrics(State(windows): State<Windows>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match windows.meters.exposition() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
