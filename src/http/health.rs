//! `/healthz` and `/readyz`: for those who restart what is dead and route around what is not ready.

use axum::{
    extract::State as Extract,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{routes::App, sights::State};

/// The process is alive: this answer is all there is to say.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Every camera has a fresh frame; if not, which have none.
pub(super) async fn ready(Extract(app): Extract<App>) -> Response {
    let lacking = app.screens.iter().filter_map(|screen| {
        let name = screen.sight.camera.name();
        match screen.sight.state() {
            State::Live => None,
            State::Waiting => Some(format!("{name}: waits for its first frame\n")),
            State::Lost(since) => Some(format!("{name}: lost since {:.0}\n", since.wall())),
        }
    });
    let lacking: String = lacking.collect();
    if lacking.is_empty() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, lacking).into_response()
    }
}
