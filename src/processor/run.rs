//! The processor's loop: take the newest frame, look at it, say what was seen.

use std::{
    collections::BTreeMap,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use super::stages::{Seen, Stages};
use crate::{
    frame::{Camera, Frame},
    hub::{Hub, Topic, latest_frame::LatestFrame},
    message::{Age, Event, FrameResult, Message, Taken},
    output::journal::Journal,
    slot::{Slot, Take},
    sync::Mutex,
    system::{clock::Monotonic, watchdog::Heartbeat},
    telemetry::camera_metrics::CameraMetrics,
};

/// One camera, as the processor knows it.
#[derive(Debug)]
pub struct Eye {
    camera: Camera,
    stages: Stages,
    statistics: Arc<CameraMetrics>,
    journal: Journal,
    /// Where its frames are shown, if anybody can come and see.
    pane: Option<Arc<LatestFrame>>,
}

/// The eyes, by their cameras' numbers.
type Eyes = BTreeMap<usize, Eye>;

/// What changes between two frames: a camera has this eye from now on, or none any more.
///
/// Posted before a camera's first frame can come; the processor looks for it whenever it has taken one.
#[derive(Debug, Default)]
pub struct Changes(Mutex<Vec<(Camera, Option<Eye>)>>);

/// Looks at the newest frames until the slot is closed. Waits for nothing but frames.
pub fn run(slot: &Slot<Frame>, hub: &Hub, changes: &Changes, heartbeat: &Heartbeat) {
    let mut eyes = Eyes::new();
    loop {
        let until = [end_what_is_over(&mut eyes, hub), heartbeat.beat()].into_iter().flatten().min();
        let take = slot.take(until);
        changes.make(&mut eyes, hub);
        match take {
            Take::Frame(frame, superseded) => {
                // There is no eye if the camera was removed while its last frame waited.
                if let Some(eye) = eyes.get_mut(&frame.camera().index()) {
                    eye.look(&frame, superseded, hub);
                }
            }
            Take::TimedOut => {}
            Take::Closed => return,
        }
    }
}

/// Ends the events that are over, of every camera; gives when there will be another one.
fn end_what_is_over(eyes: &mut Eyes, hub: &Hub) -> Option<Instant> {
    let now = Monotonic::now();
    for eye in eyes.values_mut().filter(|eye| eye.stages.until().is_some_and(|until| until <= now)) {
        let ended = eye.stages.expire(now);
        eye.tell(ended, None, hub);
    }
    let next = eyes.values().filter_map(|eye| eye.stages.until()).min()?;
    Some(Instant::now() + next.since(now))
}

impl Changes {
    /// Has the processor give the camera another eye, or none.
    pub fn post(&self, camera: Camera, eye: Option<Eye>) {
        self.0.lock().push((camera, eye));
    }

    /// Makes them. What the earlier eyes were in the middle of is ended.
    fn make(&self, eyes: &mut Eyes, hub: &Hub) {
        let changes = mem::take(&mut *self.0.lock());
        for (camera, mut eye) in changes {
            if let Some(mut earlier) = eyes.remove(&camera.index()) {
                let ended = earlier.stages.make_way(eye.as_mut().map(|eye| &mut eye.stages));
                earlier.tell(ended, None, hub);
            }
            eyes.extend(eye.map(|eye| (camera.index(), eye)));
        }
    }
}

impl Eye {
    /// The eye of `camera`.
    #[must_use]
    pub fn new(camera: Camera, stages: Stages, statistics: Arc<CameraMetrics>, pane: Option<Arc<LatestFrame>>) -> Self {
        Self { camera, stages, statistics, journal: Journal::default(), pane }
    }

    /// Whose eye it is.
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// Looks at a frame and tells what was seen, or that it could not be looked at.
    fn look(&mut self, frame: &Frame, superseded: u64, hub: &Hub) {
        let start = age(frame);
        let camera = || self.camera.name().to_owned();
        hub.send(&self.camera, Topic::Taken, || Message::Taken(Taken { camera: camera(), seq: frame.seq() }));
        match self.stages.look(frame) {
            Ok(Seen { motion, events, times }) => {
                // First: who hears the result finds its frame, and it counted.
                if let Some(pane) = &self.pane {
                    pane.show(frame, motion.as_ref());
                }
                let end = age(frame);
                self.statistics.saw(start, end, &times);
                hub.send(&self.camera, Topic::Results, || {
                    Message::Result(FrameResult {
                        camera: camera(),
                        seq: frame.seq(),
                        captured_at: frame.captured_at().wall(),
                        captured_by: frame.captured_by(),
                        superseded,
                        size_px: [frame.size().width_px, frame.size().height_px],
                        motion,
                        age_ms: Age { start: millis(start), result: millis(end) },
                    })
                });
                self.tell(events, Some(end), hub);
            }
            Err(refusal) => self.statistics.refused(frame.seq(), &refusal),
        }
    }

    /// Sends events to readers and into the log, with the age of the frame that they were seen in.
    fn tell(&mut self, events: Vec<Event>, age: Option<Duration>, hub: &Hub) {
        for event in events {
            self.journal.tell(&event, age);
            hub.send(&self.camera, Topic::Events, || Message::Event(event));
        }
    }
}

/// How long ago the frame was captured.
fn age(frame: &Frame) -> Duration {
    Monotonic::now().since(frame.captured_at())
}

/// Milliseconds, to the microsecond.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
