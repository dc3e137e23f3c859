//! `/healthz` and `/readyz`: for those who restart what is dead and route around what is not ready.

use axum::{
    extract::State as Extract,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::routes::App;
use crate::telemetry::camera_metrics::Availability;

/// The process is alive: this answer is all there is to say.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Every camera has a fresh frame; if not, which have none.
pub(super) async fn ready(Extract(app): Extract<App>) -> Response {
    let cameras = app.status.report().cameras;
    let lacking = cameras.iter().filter(|camera| camera.state.state != Availability::Live);
    let lacking: String = lacking.map(|camera| format!("{}: {}\n", camera.camera, camera.state.words())).collect();
    if lacking.is_empty() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, lacking).into_response()
    }
}
