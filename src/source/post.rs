//! What a camera at this machine is given besides its settings.

use std::sync::Arc;

use crate::{frame::Frame, slot::Slot, system::watchdog::Heartbeat, telemetry::camera_metrics::CameraMetrics};

/// Where a camera's frames go, and who hears of it.
#[derive(Clone, Debug)]
pub struct Post {
    /// The camera's numbers.
    pub statistics: Arc<CameraMetrics>,
    /// Where frames wait.
    pub slot: Arc<Slot<Frame>>,
    /// The watchdog's.
    pub heartbeat: Arc<Heartbeat>,
    /// Whether stages look at its luma.
    pub luma: bool,
}
