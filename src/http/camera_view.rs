//! What the HTTP server reads of one camera.

use std::sync::Arc;

use crate::{config, picture::latest_frame::LatestFrame, telemetry::camera_metrics::CameraMetrics};

/// One camera: its settings, its metrics and its newest frame.
#[derive(Debug)]
pub struct CameraView {
    /// As configured.
    pub settings: config::Camera,
    /// Its counters and its state.
    pub metrics: Arc<CameraMetrics>,
    /// The newest frame that the processor has finished.
    pub latest_frame: Arc<LatestFrame>,
}
