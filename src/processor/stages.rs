//! The stages of one camera: everything that is looked for in its frames.

use std::time::{Duration, Instant};

use super::{
    StartError,
    events::Events,
    motion::Motion,
    picture::{Canvas, Picture, Wants},
};
use crate::{
    config,
    frame::{Camera, Frame},
    message::{self, Event},
    system::clock::Monotonic,
    telemetry::rejections::RejectReason,
};

/// A camera's stages, what they remember, and the memory its pictures are made in.
#[derive(Debug)]
pub struct Stages {
    wants: Wants,
    canvas: Canvas,
    motion: Option<MotionStage>,
}

#[derive(Debug)]
struct MotionStage {
    width_px: u32,
    motion: Motion,
    events: Events,
}

/// What the stages saw in one frame.
#[derive(Debug, Default)]
pub struct Seen {
    /// What the motion stage says, if the camera has it.
    pub motion: Option<message::Motion>,
    /// What started, goes on or ended with this frame.
    pub events: Vec<Event>,
    /// How long each stage took, and decoding before them.
    pub times: Vec<(&'static str, Duration)>,
}

impl Stages {
    /// The stages that `settings` ask for.
    ///
    /// # Errors
    /// When the JPEG decoder cannot start.
    pub fn new(camera: &Camera, settings: &config::Camera) -> Result<Self, StartError> {
        let motion = settings.motion.as_ref().map(|settings| MotionStage {
            width_px: settings.width_px,
            motion: Motion::new(settings),
            events: Events::new(camera, settings),
        });
        let wants = Wants { luma_px: motion.as_ref().map(|stage| stage.width_px), bgr_px: None };
        Ok(Self { wants, canvas: Canvas::new()?, motion })
    }

    /// Looks at a frame.
    ///
    /// # Errors
    /// When it cannot be decoded, or a stage fails on it. What the stages remember is as before.
    pub fn look(&mut self, frame: &Frame) -> Result<Seen, RejectReason> {
        let mut picture = Picture::new(frame, self.wants, &mut self.canvas);
        let mut seen = Seen::default();
        if let Some(MotionStage { width_px, motion, events }) = &mut self.motion {
            let start = Instant::now();
            let luma = picture.luma(*width_px)?;
            let decoded = Instant::now();
            let moving = motion
                .look(&luma, frame.size(), frame.captured_at())
                .map_err(|error| RejectReason::StageFailed { stage: "motion", error: error.message })?;
            seen.events = events.see(&moving, frame.size(), frame.captured_at());
            seen.motion = Some(moving);
            seen.times = vec![("decode", decoded - start), ("motion", decoded.elapsed())];
        }
        Ok(seen)
    }

    /// When something will end by itself if no frame comes before.
    #[must_use]
    pub fn until(&self) -> Option<Monotonic> {
        self.motion.as_ref().and_then(|stage| stage.events.until())
    }

    /// Makes way for other stages of the camera, or for none; gives the ends of the events that were running.
    pub fn make_way(&mut self, next: Option<&mut Self>) -> Vec<Event> {
        let Some(mut stage) = self.motion.take() else { return Vec::new() };
        if let Some(next) = next.and_then(|next| next.motion.as_mut()) {
            next.events.follow(&stage.events);
        }
        stage.events.end()
    }

    /// Ends what has ended by itself.
    pub fn expire(&mut self, now: Monotonic) -> Vec<Event> {
        self.motion.as_mut().map_or_else(Vec::new, |stage| stage.events.expire(now))
    }
}
