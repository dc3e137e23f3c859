//! The state that request handlers share.

use std::sync::Arc;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use tokio::sync::watch;

use super::{
    event_bus::EventBus,
    jpeg_cache::{CameraJpeg, JpegCache},
};
use crate::{
    access::Access,
    event_log::EventLog,
    status::Status,
    switches::Switches,
    telemetry::{connection_metrics::ConnectionMetrics, log_limiter::LogLimiter},
    tls::Tls,
};

/// A handle of the shared state.
pub(super) type App = Arc<AppState>;

/// What a handler may need to answer a request.
#[derive(Debug)]
pub(super) struct AppState {
    pub(super) cache: Arc<JpegCache>,
    pub(super) bus: Arc<EventBus>,
    pub(super) event_log: Arc<EventLog>,
    pub(super) status: Arc<Status>,
    pub(super) switches: Arc<Switches>,
    pub(super) websocket_port: u16,
    /// What is counted of the connections of each port, by its name.
    pub(super) ports: [(&'static str, Arc<ConnectionMetrics>); 2],
    pub(super) access: Arc<Access>,
    /// Is sent to when the tokens have changed.
    pub(super) access_changes: watch::Sender<()>,
    /// The log lines about clients that may not.
    pub(super) denied: LogLimiter,
    pub(super) tls: Option<Tls>,
}

impl AppState {
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
