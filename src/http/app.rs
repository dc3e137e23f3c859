//! The state that request handlers share.

use std::{io, sync::Arc};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{
    event_bus::EventBus,
    jpeg_cache::{CameraJpeg, JpegCache},
};
use crate::{hub::Hub, status::Status, telemetry::connection_metrics::ConnectionMetrics};

/// A handle of the shared state.
pub(super) type App = Arc<AppState>;

/// What a handler may need to answer a request.
#[derive(Debug)]
pub(super) struct AppState {
    pub(super) cache: Arc<JpegCache>,
    pub(super) bus: Arc<EventBus>,
    pub(super) status: Arc<Status>,
    pub(super) websocket_port: u16,
    /// What is counted of the connections of each port, by its name.
    pub(super) ports: [(&'static str, Arc<ConnectionMetrics>); 2],
}

impl AppState {
    /// # Errors
    /// When the process is out of descriptors.
    pub(super) fn new(
        cache: Arc<JpegCache>,
        hub: &Arc<Hub>,
        status: Arc<Status>,
        websocket_port: u16,
        ports: [(&'static str, Arc<ConnectionMetrics>); 2],
    ) -> io::Result<App> {
        Ok(Arc::new(Self { cache, bus: Arc::new(EventBus::new(hub)?), status, websocket_port, ports }))
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
