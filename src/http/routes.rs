//! The paths and their handlers.

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{
    api,
    app::App,
    event_stream, health, live, metrics, page,
    security::{self, AllowedHosts},
};
use crate::config;

/// All paths of the server.
pub(super) fn routes(app: App, settings: &config::Http) -> Router {
    page::add(Router::new())
        .route("/cameras/{name}/live.mjpg", get(live::camera))
        .route("/cameras/{name}/snapshot.jpg", get(live::snapshot))
        .route("/live", get(live::all))
        .route("/events/{id}/snapshot.jpg", get(event_stream::snapshot))
        .route("/api/status", get(api::status))
        .route("/api/cameras", get(api::cameras))
        .route("/api/openapi.json", get(api::openapi))
        .route("/metrics", get(metrics::metrics))
        .route("/api/events", get(event_stream::stream))
        .route("/api/events/recent", get(event_stream::recent))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(not_found)
        .with_state(app)
        .layer(from_fn_with_state(Arc::new(AllowedHosts::new(settings)), security::check_host))
        .layer(from_fn(security::add_headers))
}

/// The answer to every request on a connection beyond the limit.
pub(super) fn full(max_clients: usize) -> Router {
    let full = move || async move {
        let why =
            format!("{max_clients} connections are open, and http.max_clients allows no more. Try again later.\n");
        (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5"), (header::CONNECTION, "close")], why)
    };
    Router::new().fallback(full).layer(from_fn(security::add_headers))
}

async fn not_found() -> Response {
    let what = "There is no such path. /api/openapi.json lists all paths.\n";
    (StatusCode::NOT_FOUND, what).into_response()
}
