//! The processor's loop: take the newest frame, look at it, say what was seen.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::stages::{Seen, Stages};
use crate::{
    frame::{Camera, Frame},
    output::{
        hub::{Hub, Topic},
        journal,
        message::{Age, Event, FrameResult, Message, Taken},
        pane::Pane,
        statistics::Statistics,
    },
    slot::{Slot, Take},
    system::{clock::Monotonic, watchdog::Progress},
};

/// One camera, as the processor knows it.
#[derive(Debug)]
pub struct Eye {
    camera: Camera,
    stages: Stages,
    statistics: Arc<Statistics>,
    /// Where its frames are shown, if anybody can come and see.
    pane: Option<Arc<Pane>>,
}

/// Looks at the newest frames until the slot is closed. Waits for nothing but frames.
pub fn run(slot: &Slot<Frame>, hub: &Hub, eyes: &mut [Eye], progress: &Progress) {
    loop {
        let until = [end_what_is_over(eyes, hub), progress.step()].into_iter().flatten().min();
        match slot.take(until) {
            Take::Frame(frame, superseded) => eyes[frame.camera().index()].look(&frame, superseded, hub),
            Take::TimedOut => {}
            Take::Closed => return,
        }
    }
}

/// Ends the events that are over, of every camera; gives when there will be another one.
fn end_what_is_over(eyes: &mut [Eye], hub: &Hub) -> Option<Instant> {
    let now = Monotonic::now();
    for eye in eyes.iter_mut().filter(|eye| eye.stages.until().is_some_and(|until| until <= now)) {
        let ended = eye.stages.expire(now);
        eye.tell(ended, hub);
    }
    let next = eyes.iter().filter_map(|eye| eye.stages.until()).min()?;
    Some(Instant::now() + next.since(now))
}

impl Eye {
    /// The eye of `camera`.
    #[must_use]
    pub fn new(camera: Camera, stages: Stages, statistics: Arc<Statistics>, pane: Option<Arc<Pane>>) -> Self {
        Self { camera, stages, statistics, pane }
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
                self.tell(events, hub);
            }
            Err(refusal) => self.statistics.refused(frame.seq(), &refusal),
        }
    }

    /// Sends events to readers and into the log.
    fn tell(&self, events: Vec<Event>, hub: &Hub) {
        for event in events {
            journal::tell(&event);
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
