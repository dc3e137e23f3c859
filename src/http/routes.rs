//! What is where.

use std::{io, sync::Arc};

use axum::{
    Router,
    http::{StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{
    api, events,
    guard::{self, Guard},
    health, live, metrics,
    news::News,
    page,
    screens::{Screen, Screens},
};
use crate::{config, hub::Hub, status::Status};

/// What every answer may need.
pub(super) type App = Arc<Parts>;

/// The parts of this plane.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) screens: Arc<Screens>,
    pub(super) news: Arc<News>,
    pub(super) status: Arc<Status>,
    pub(super) websocket_port: u16,
}

impl Parts {
    /// # Errors
    /// When the process is out of descriptors.
    pub(super) fn new(
        screens: Arc<Screens>,
        hub: &Arc<Hub>,
        status: Arc<Status>,
        websocket_port: u16,
    ) -> io::Result<App> {
        Ok(Arc::new(Self { screens, news: Arc::new(News::new(hub)?), status, websocket_port }))
    }

    /// The camera's screen.
    ///
    /// # Errors
    /// When there is none of this name.
    pub(super) fn find(&self, name: &str) -> Result<Arc<Screen>, NoCamera> {
        self.screens.of(name).ok_or_else(|| {
            let screens = self.screens.all();
            let names = screens.iter().map(|screen| screen.name()).collect::<Vec<_>>().join(", ");
            NoCamera(format!("There is no camera {name:?} here. Cameras: {names}.\n"))
        })
    }
}

/// Who asks for a camera that is not there gets the names of those that are.
#[derive(Debug)]
pub(super) struct NoCamera(String);

impl IntoResponse for NoCamera {
    fn into_response(self) -> Response {
        (StatusCode::NOT_FOUND, self.0).into_response()
    }
}

/// All paths.
pub(super) fn routes(app: App, settings: &config::Http) -> Router {
    page::add(Router::new())
        .route("/cameras/{name}/live.mjpg", get(live::camera))
        .route("/cameras/{name}/snapshot.jpg", get(live::snapshot))
        .route("/live", get(live::all))
        .route("/events/{id}/snapshot.jpg", get(events::snapshot))
        .route("/api/status", get(api::status))
        .route("/api/cameras", get(api::cameras))
        .route("/api/openapi.json", get(api::openapi))
        .route("/metrics", get(metrics::metrics))
        .route("/api/events", get(events::stream))
        .route("/api/events/recent", get(events::recent))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(nothing_here)
        .with_state(app)
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
