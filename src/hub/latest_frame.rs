//! The newest frame of one camera that was looked at, for those who want to see it too.
//!
//! A pointer, exchanged: neither the processor nor a viewer ever waits for the other.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};

use crate::{frame::Frame, message::Detection};

/// The newest frame of one camera that was looked at.
#[derive(Debug, Default)]
pub struct LatestFrame(ArcSwapOption<Annotated>);

/// A frame and what was found in it. Held, it holds the frame's buffer: whoever keeps it for long copies the bytes.
#[derive(Debug)]
pub struct Annotated {
    /// The frame.
    pub frame: Frame,
    /// What the stages found in it.
    pub detections: Arc<[Detection]>,
}

/// Those of all cameras, by name.
#[derive(Debug, Default)]
pub struct LatestFrames(ArcSwap<Vec<(String, Arc<LatestFrame>)>>);

impl LatestFrame {
    /// Puts a frame in the place of the one before. Never waits.
    pub fn store(&self, frame: &Frame, detections: &Arc<[Detection]>) {
        self.0.store(Some(Arc::new(Annotated { frame: frame.clone(), detections: detections.clone() })));
    }

    /// The newest frame, if there was any.
    #[must_use]
    pub fn newest(&self) -> Option<Arc<Annotated>> {
        self.0.load_full()
    }
}

impl LatestFrames {
    /// Makes these the cameras.
    pub fn set(&self, cameras: Vec<(String, Arc<LatestFrame>)>) {
        self.0.store(Arc::new(cameras));
    }

    /// That of the camera called `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<LatestFrame>> {
        self.0.load().iter().find(|(one, _)| one == name).map(|(_, latest)| latest.clone())
    }
}
