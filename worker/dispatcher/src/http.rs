//! `/healthz`, `/readyz` and `/metrics`, without authentication: nothing in them is secret.

use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::core::Windows;

/// The routes.
pub(crate) fn router(windows: Windows) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(windows)
}

async fn readyz(State(windows): State<Windows>) -> Response {
    if windows.ready.load(Ordering::Acquire) {
        return "ready\n".into_response();
    }
    let snapshot = windows.snapshots.borrow().clone();
    let problems = snapshot.iter().flat_map(|snapshot| &snapshot.report.problems);
    let problems: String = problems.map(|problem| format!("{}: {}\n", problem.reason, problem.message)).collect();
    (StatusCode::SERVICE_UNAVAILABLE, format!("no partitions were assigned yet\n{problems}")).into_response()
}

async fn metrics(State(windows): State<Windows>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match windows.meters.exposition() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
