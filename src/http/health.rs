//! `/healthz` and `/readyz`: for those who restart what is dead and route around what is not ready.

use std::time::Duration;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::routes::Shared;
use crate::system::clock::Monotonic;

/// The process is alive: this answer is all there is to say.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Every camera has a fresh frame; if not, which have none.
pub(super) async fn ready(State(sights): State<Shared>) -> Response {
    let now = Monotonic::now();
    let fresh = |shown: &crate::output::pane::Shown| now.since(shown.frame.captured_at()) < Duration::from_secs(5);
    let lacking: Vec<_> = sights
        .cameras
        .iter()
        .filter(|sight| !sight.pane.newest().is_some_and(|shown| fresh(&shown)))
        .map(|sight| format!("{}: no fresh frame\n", sight.camera.name()))
        .collect();
    if lacking.is_empty() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, lacking.concat()).into_response()
    }
}
