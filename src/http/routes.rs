//! The paths and their handlers.

use std::{io, sync::Arc};

use axum::{
    Router,
    http::{StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{
    api,
    event_bus::EventBus,
    event_stream, health,
    jpeg_cache::{CameraJpeg, JpegCache},
    live, metrics, page,
    security::{self, AllowedHosts},
};
use crate::{config, hub::Hub, status::Status};

/// The state that handlers share.
pub(super) type App = Arc<AppState>;

/// What a handler may need to answer a request.
#[derive(Debug)]
pub(super) struct AppState {
    pub(super) cache: Arc<JpegCache>,
    pub(super) bus: Arc<EventBus>,
    pub(super) status: Arc<Status>,
    pub(super) websocket_port: u16,
}

impl AppState {
    /// # Errors
    /// When the process is out of descriptors.
    pub(super) fn new(
        cache: Arc<JpegCache>,
        hub: &Arc<Hub>,
        status: Arc<Status>,
        websocket_port: u16,
    ) -> io::Result<App> {
        Ok(Arc::new(Self { cache, bus: Arc::new(EventBus::new(hub)?), status, websocket_port }))
    }

    /// The camera called `name`.
    ///
    /// # Errors
    /// When there is no such camera.
    pub(super) fn find(&self, name: &str) -> Result<Arc<CameraJpeg>, NoCamera> {
        self.cache.find(name).ok_or_else(|| {
            let cameras = self.cache.cameras();
            let names = cameras.iter().map(|camera| camera.name()).collect::<Vec<_>>().join(", ");
            NoCamera(format!("There is no camera {name:?} here. Cameras: {names}.\n"))
        })
    }
}

/// The answer to a request for an unknown camera: it lists the known ones.
#[derive(Debug)]
pub(super) struct NoCamera(String);

impl IntoResponse for NoCamera {
    fn into_response(self) -> Response {
        (StatusCode::NOT_FOUND, self.0).into_response()
    }
}

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
    let what = "There is nothing here. /api/openapi.json lists what there is.\n";
    (StatusCode::NOT_FOUND, what).into_response()
}
