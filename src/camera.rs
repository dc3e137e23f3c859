//! The part of a camera that its sources use: they publish frames and report errors through it.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

use crate::{
    event::external,
    frame::{Camera, Frame},
    hub::{Hub, Topic},
    message::{Event, Message, Refused},
    slot::{Cell, Counts},
    telemetry::{
        camera_metrics::{CameraMetrics, Driver, Snapshot},
        processor_metrics::FurtherResults,
        rejections::RejectReason,
    },
};

/// What a source gets of a camera. A source knows neither the processors nor the subscribers.
#[derive(Debug)]
pub struct Feed {
    camera: Camera,
    /// One for each processor that wants its frames. The list is replaced, never changed: a source that publishes meanwhile
    /// has it as it was.
    branches: ArcSwap<Vec<Arc<Branch>>>,
    metrics: Arc<CameraMetrics>,
    hub: Arc<Hub>,
}

/// The way of a camera's frames to one processor.
#[derive(Debug)]
pub struct Branch {
    processor: Arc<str>,
    cell: Cell<Frame>,
    /// Only if it is not the camera's first branch.
    further: OnceLock<Arc<FurtherResults>>,
}

impl Branch {
    /// The way into `cell`, which is one of this processor's slot.
    #[must_use]
    pub fn new(processor: Arc<str>, cell: Cell<Frame>) -> Self {
        Self { processor, cell, further: OnceLock::new() }
    }

    /// The processor's name.
    #[must_use]
    pub fn processor(&self) -> &Arc<str> {
        &self.processor
    }

    /// Where the frames wait for it.
    #[must_use]
    pub fn cell(&self) -> &Cell<Frame> {
        &self.cell
    }

    /// What is counted of it as long as it is not the camera's first branch.
    #[must_use]
    pub fn further_results(&self) -> &Arc<FurtherResults> {
        self.further.get_or_init(|| Arc::new(FurtherResults::new(self.processor.clone())))
    }
}

impl Feed {
    /// A feed into `branches`. Frames that are rejected are answered through `hub`.
    #[must_use]
    pub fn new(branches: Vec<Arc<Branch>>, metrics: Arc<CameraMetrics>, hub: Arc<Hub>) -> Self {
        let branches = ArcSwap::from_pointee(branches);
        Self { camera: metrics.camera().clone(), branches, metrics, hub }
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
        let branches = self.branches.load();
        let Some((last, others)) = branches.split_last() else { return };
        others.iter().for_each(|branch| drop(branch.cell.publish(frame.clone())));
        drop(last.cell.publish(frame));
    }

    /// Lets no more frames in.
    pub fn shut(&self) {
        self.branches.load().iter().for_each(|branch| branch.cell.shut());
    }

    /// Its branches; the first one's results are the camera's.
    #[must_use]
    pub fn branches(&self) -> Arc<Vec<Arc<Branch>>> {
        self.branches.load_full()
    }

    /// Has frames go into these branches from now on. No more go into the others.
    pub fn set_branches(&self, branches: Vec<Arc<Branch>>) {
        let branches = Arc::new(branches);
        let earlier = self.branches.swap(branches.clone());
        let is_gone = |branch: &&Arc<Branch>| !branches.iter().any(|other| Arc::ptr_eq(other, branch));
        earlier.iter().filter(is_gone).for_each(|branch| branch.cell.shut());
    }

    /// Its camera's numbers.
    #[must_use]
    pub fn metrics(&self) -> &Arc<CameraMetrics> {
        &self.metrics
    }

    /// What became of its frames, by the first branch. It begins anew when another branch becomes the first.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.branches.load().first().map(|branch| branch.cell.counts()).unwrap_or_default()
    }

    /// Its camera as it stands now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let branches = self.branches.load();
        let further = branches.iter().skip(1);
        let processors = further.map(|branch| branch.further_results().status(branch.cell.counts())).collect();
        Snapshot { processors, ..self.metrics.snapshot(self.counts()) }
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
