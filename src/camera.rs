//! The part of a camera that its sources use: they publish frames and report errors through it.

use std::sync::Arc;

use crate::{
    event::external,
    frame::{Camera, Frame},
    hub::{Hub, Topic},
    message::{Event, Message, Refused},
    slot::{Cell, Counts},
    telemetry::{
        camera_metrics::{CameraMetrics, Driver},
        rejections::RejectReason,
    },
};

/// What a source gets of a camera. A source knows neither the processor nor the subscribers.
#[derive(Debug)]
pub struct Feed {
    camera: Camera,
    /// One for each processor that wants its frames.
    cells: Vec<Cell<Frame>>,
    metrics: Arc<CameraMetrics>,
    hub: Arc<Hub>,
}

impl Feed {
    /// A feed into `cells`. Frames that are rejected are answered through `hub`.
    #[must_use]
    pub fn new(cells: Vec<Cell<Frame>>, metrics: Arc<CameraMetrics>, hub: Arc<Hub>) -> Self {
        Self { camera: metrics.camera().clone(), cells, metrics, hub }
    }

    /// Whose frames it takes.
    #[must_use]
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// Its camera's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.camera.name()
    }

    /// Hands a frame on. Never waits; the frame that it supersedes is dropped.
    pub fn publish(&self, frame: Frame) {
        let Some((last, others)) = self.cells.split_last() else { return };
        others.iter().for_each(|cell| drop(cell.publish(frame.clone())));
        drop(last.publish(frame));
    }

    /// Lets no more frames in.
    pub fn shut(&self) {
        self.cells.iter().for_each(Cell::shut);
    }

    /// Its cells.
    #[must_use]
    pub fn cells(&self) -> &[Cell<Frame>] {
        &self.cells
    }

    /// Its camera's numbers.
    #[must_use]
    pub fn metrics(&self) -> &Arc<CameraMetrics> {
        &self.metrics
    }

    /// What became of its frames, by the first processor's cell.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.cells.first().map(Cell::counts).unwrap_or_default()
    }

    /// Counts a message of so many bytes that is to be a frame.
    pub fn received(&self, bytes: usize) {
        self.metrics.received(bytes);
    }

    /// Counts a text message that is neither a frame nor a control message.
    pub fn ignored(&self) {
        self.metrics.ignored();
    }

    /// Counts, logs and answers that frame `seq` is not looked at.
    pub fn reject(&self, seq: u64, reason: &RejectReason) {
        reject(&self.camera, &self.metrics, &self.hub, seq, reason);
    }

    /// Publishes an event that somebody outside triggers; gives its start.
    pub fn trigger(&self, label: Option<&str>) -> Event {
        let [start, end] = external::events(self.name(), label);
        for event in [start.clone(), end] {
            self.hub.publish(&self.camera, Topic::Events, || Message::Event(event));
        }
        start
    }

    /// Something feeds the camera from now on.
    pub fn connected(&self) {
        self.metrics.source_connected();
    }

    /// What [`connected`](Self::connected) is gone.
    pub fn disconnected(&self) {
        self.metrics.source_disconnected();
    }

    /// What is to feed the camera is not there.
    pub fn expected(&self) {
        self.metrics.source_expected();
    }

    /// Adds to what the driver of a camera at this machine did.
    pub fn add_driver(&self, more: Driver) {
        self.metrics.add_driver(more);
    }

    /// Keeps what went wrong, for who asks for the camera's state.
    pub fn failed(&self, what: String) {
        self.metrics.failed(what);
    }
}

/// Counts, logs and answers that frame `seq` of a camera is not looked at.
pub fn reject(camera: &Camera, metrics: &CameraMetrics, hub: &Hub, seq: u64, reason: &RejectReason) {
    metrics.rejected(seq, reason);
    hub.publish(camera, Topic::Refused, || {
        Message::Refused(Refused { camera: camera.name().into(), seq, cause: reason.to_string() })
    });
}
