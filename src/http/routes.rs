//! What is where.

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{
    Sights,
    guard::{self, Guard},
    health,
};
use crate::config;

/// What every answer may need.
pub(super) type Shared = Arc<Sights>;

/// All paths.
pub(super) fn routes(sights: Sights, settings: &config::Http) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(nothing_here)
        .with_state(Arc::new(sights))
        .layer(from_fn_with_state(Arc::new(Guard::new(settings)), guard::known_host))
        .layer(from_fn(guard::headers))
}

/// What those hear who find all places taken.
pub(super) fn full(max_clients: usize) -> Router {
    let full = move || async move {
        let why =
            format!("{max_clients} connections are open, and http.max_clients allows no more. Try again later.\n");
        (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5"), (header::CONNECTION, "close")], why)
    };
    Router::new().fallback(full).layer(from_fn(guard::headers))
}

async fn nothing_here() -> Response {
    let what = "There is nothing here. /api/openapi.json lists what there is.\n";
    (StatusCode::NOT_FOUND, what).into_response()
}
