//! Where a capture thread delivers frames and counts what happens. The rest of the thread knows nothing beyond this
//! file.

use std::{sync::Arc, time::Instant};

use super::frame_from_buffer::frame_from_buffer;
use crate::{
    camera::Feed,
    frame::{CapturedBy, Origin},
    source::v4l2::{
        layout::Layout,
        stream::{CapturedImage, Dequeued},
    },
    system::{clock::Monotonic, watchdog::Heartbeat},
    telemetry::{camera_metrics::Driver, rejections::RejectReason},
};

/// The feed and the heartbeat of one camera, and the numbers of its frames.
#[derive(Debug)]
pub(super) struct FrameSink {
    feed: Arc<Feed>,
    heartbeat: Arc<Heartbeat>,
    /// The number of the newest frame that the driver counted, dropped ones included.
    seq: u64,
}

impl FrameSink {
    pub(super) fn new(feed: Arc<Feed>, heartbeat: Arc<Heartbeat>) -> Self {
        Self { feed, heartbeat, seq: 0 }
    }

    /// The camera's name.
    pub(super) fn camera(&self) -> &str {
        self.feed.name()
    }

    /// The heartbeat of the capture thread.
    pub(super) fn heartbeat(&self) -> &Arc<Heartbeat> {
        &self.heartbeat
    }

    /// Beats the heartbeat. Returns how long the thread may wait: until `deadline`, or until the next beat is due.
    pub(super) fn beat(&self, deadline: Instant) -> Instant {
        self.heartbeat.beat().map_or(deadline, |next_beat| next_beat.min(deadline))
    }

    /// Counts the frames that the driver counted, and rejects the broken ones.
    pub(super) fn count(&mut self, dequeued: &Dequeued) {
        let &Dequeued { frames, dropped, skipped, broken, queue_errors: errors, .. } = dequeued;
        self.seq = self.seq.saturating_add(frames);
        let copied = dequeued.newest.as_ref().map_or(0, |image| u64::from(image.payload.is_copy));
        self.feed.add_driver(Driver { dropped, skipped, copied, errors });
        (0..broken).for_each(|_| self.reject(&RejectReason::Broken));
    }

    /// Publishes an image that has been counted as a frame, or rejects it.
    pub(super) fn publish(&self, image: CapturedImage, layout: &Layout) {
        let now = Monotonic::now();
        let CapturedImage { payload, timestamp, .. } = image;
        self.feed.received(payload.bytes.len());
        let (captured_at, captured_by) = match timestamp {
            Some(timestamp) => (timestamp.min(now), CapturedBy::Driver),
            None => (now, CapturedBy::Arrival),
        };
        let camera = self.feed.camera().clone();
        let origin = Origin { camera, seq: self.seq, captured_at, captured_by };
        match frame_from_buffer(origin, layout, payload.bytes) {
            Ok(frame) => self.feed.publish(frame),
            Err(reason) => self.reject(&reason),
        }
    }

    fn reject(&self, reason: &RejectReason) {
        self.feed.reject(self.seq, reason);
    }

    /// Counts the camera as connected: it sends frames.
    pub(super) fn connected(&self) {
        self.feed.connected();
    }

    /// Counts a camera that was connected as disconnected.
    pub(super) fn disconnected(&self) {
        self.feed.disconnected();
    }

    /// Counts the camera as missing, and `errors` errors of the driver.
    pub(super) fn missing(&self, errors: u64) {
        self.feed.add_driver(Driver { errors, ..Driver::default() });
        self.feed.expected();
    }

    /// Sets the camera's last error.
    pub(super) fn set_last_error(&self, text: String) {
        self.feed.failed(text);
    }
}
