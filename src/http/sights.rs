//! What there is to see: each camera and what the data plane leaves of it for others to look at.

use std::sync::Arc;

use crate::{config, frame::Camera, output::pane::Pane};

/// Everything that this plane looks at.
#[derive(Debug)]
pub struct Sights {
    /// In the order of the configuration.
    pub cameras: Vec<Sight>,
}

/// One camera.
#[derive(Debug)]
pub struct Sight {
    /// Which.
    pub camera: Camera,
    /// As configured.
    pub settings: config::Camera,
    /// Its newest frame.
    pub pane: Arc<Pane>,
}
