//! `/healthz` and `/readyz`: for supervisors that restart a dead process, and for proxies that skip an unready one.

use axum::{
    Extension,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::app::App;
use crate::{access::Grant, telemetry::camera_metrics::Availability};

/// `/healthz`: the process is alive if it answers at all.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// `/readyz`: every camera is live, or which are not. Who may not view hears only whether.
pub(super) async fn ready(State(app): State<App>, grant: Option<Extension<Grant>>) -> Response {
    let cameras = app.status.report().cameras;
    let not_live = cameras.iter().filter(|camera| camera.state.state != Availability::Live);
    let not_live: String = not_live.map(|camera| format!("{}: {}\n", camera.camera, camera.state.summary())).collect();
    if not_live.is_empty() {
        "ready\n".into_response()
    } else if grant.is_none() {
        (StatusCode::SERVICE_UNAVAILABLE, "not every camera is live\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, not_live).into_response()
    }
}
