//! What there is to see: each camera and what the data plane leaves of it for others to look at.

use std::sync::Arc;

use crate::{
    config,
    hub::{Hub, latest_frame::LatestFrame},
    status::Status,
    telemetry::camera_metrics::CameraMetrics,
};

/// Everything that this plane looks at, as it is at the start.
#[derive(Debug)]
pub struct Sights {
    /// In the order of the configuration.
    pub cameras: Vec<Sight>,
    /// The numbers of the cameras.
    pub status: Arc<Status>,
    /// Where results and events come from.
    pub hub: Arc<Hub>,
    /// The port that frames come in at.
    pub websocket_port: u16,
}

/// One camera.
#[derive(Debug)]
pub struct Sight {
    /// As configured.
    pub settings: config::Camera,
    /// Its numbers.
    pub statistics: Arc<CameraMetrics>,
    /// Its newest frame.
    pub pane: Arc<LatestFrame>,
}
